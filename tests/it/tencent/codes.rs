//! Every error code of the vendor's tables, provoked at the emulator, by a request that deserves it where the client can make
//! one: it comes out as its typed error, and one account's at that account only.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use portraitd::clock::Clock;
use portraitd::emulator::model::{AttributeName, CustomField};
use portraitd::emulator::{Emulator, Options, Order, SDK_APP_ID, SECRET_KEY};
use portraitd::tencent::code::{Advice, advice, meaning};
use portraitd::tencent::{Builder, Client, Error, PerAccount};
use secrecy::SecretString;

use super::{item, strings};

const SET_ATTR: [i64; 6] = [90001, 90009, 90018, 90033, 91000, 90035];
/// The tables of the pages, by page and API.
const PAGES: [(&str, &str, &[i64]); 4] = [
    ("Chat: Setting Profiles", "portrait_set", &[40001, 40003, 40004, 40006, 40008, 40009, 40601, 40605, 40610]),
    ("Live: Setting Profiles", "portrait_set", &[40001, 40003, 40004, 40006, 40008, 40009, 40601, 40605, 40610]),
    ("Chat: Pulling Profiles", "portrait_get", &[40001, 40002, 40003, 40004, 40006, 40007, 40009]),
    ("Push: Setting User Attributes", "set_attr", &SET_ATTR),
];
/// The public ones, which every API may answer.
const PUBLIC: [i64; 27] = [
    60002, 60003, 60004, 60005, 60007, 60008, 60010, 60011, 60012, 60014, 60018, 60019, 60025, 60026, 70001, 70003,
    70009, 70013, 70014, 70020, 70050, 70107, 70169, 70202, 70500, 90994, 90995,
];
const DEVICE: &str = "379C2F0D-290D-47AE-94D1-919058C39C77";

/// Whether trying again helps, as the texts on the pages say.
fn expected(code: i64) -> Advice {
    match code {
        40006 | 60004 | 60005 | 60008 | 60014 | 70169 | 70202 | 70500 | 90994 | 90995 | 91000 => Advice::BackOff,
        60007 | 60011 | 60018 | 60019 => Advice::Throttle(Duration::from_secs(1)),
        70050 => Advice::Throttle(Duration::from_secs(60)),
        70001 => Advice::NewUserSig,
        _ => Advice::Never,
    }
}

/// With the accounts id1 and id2, a field that cannot be read, one that cannot be set, and the attribute sex of UserIDs.
async fn vendor() -> Emulator {
    let hidden = CustomField { read: false, ..CustomField::new("Hidden") };
    let fixed = CustomField { write: false, ..CustomField::new("Fixed") };
    let options = Options { custom_fields: vec![hidden, fixed], ..Options::default() };
    let emulator = Emulator::start(options).await.expect("it starts");
    ["id1", "id2"].into_iter().for_each(|account| emulator.import(account));
    let sex = AttributeName { name: "sex".to_owned(), account_type: 0 };
    emulator.with_model(|model| model.attribute_names = BTreeMap::from([(0, sex)]));
    emulator
}

fn of_app(emulator: &Emulator, app: u64, secret_key: &str) -> Builder {
    let builder = Client::builder(app, SecretString::from(secret_key)).base_url(&emulator.base_url());
    builder.unchecked().deadline(Duration::from_secs(2))
}

fn client(emulator: &Emulator) -> Client {
    of_app(emulator, SDK_APP_ID, SECRET_KEY).build().expect("a client")
}

fn done<T>(results: PerAccount<T>) -> PerAccount<()> {
    results.into_iter().map(|(account, result)| (account, result.map(drop))).collect()
}

async fn set(client: &Client, account: &str, tag: &str, value: impl Into<serde_json::Value>) -> PerAccount<()> {
    vec![(account.to_owned(), client.portrait_set(account, &[item(tag, value)]).await)]
}

async fn get(client: &Client, accounts: &[&str], tags: &[&str]) -> PerAccount<()> {
    done(client.portrait_get(&strings(accounts), &strings(tags)).await.expect("a result for each"))
}

async fn set_attr(client: &Client, users: &[(&str, &str, &str)]) -> PerAccount<()> {
    let attrs = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    let users: Vec<_> =
        users.iter().map(|(account, name, value)| ((*account).to_owned(), attrs(name, value))).collect();
    client.set_attr(&users).await.expect("a result for each")
}

/// A call that there is nothing wrong with.
async fn call(client: &Client, command: &str) -> PerAccount<()> {
    let names = [("id1".to_owned(), strings(&["sex"])), ("id2".to_owned(), strings(&["sex"]))];
    match command {
        "portrait_set" => set(client, "id1", "Tag_Profile_IM_Nick", "x").await,
        "portrait_get" => get(client, &["id1", "id2"], &["Tag_Profile_IM_Nick"]).await,
        "set_attr" => set_attr(client, &[("id1", "sex", "x"), ("id2", "sex", "x")]).await,
        "remove_attr" => client.remove_attr(&names).await.expect("a result for each"),
        "get_attr" => done(client.get_attr(&strings(&["id1", "id2"])).await.expect("a result for each")),
        _ => unreachable!("{command}"),
    }
}

/// By a request that deserves it, if the client can make one.
async fn deserved(emulator: &Emulator, command: &str, code: i64) -> Option<PerAccount<()>> {
    let client = client(emulator);
    let by = async |builder: Builder| call(&builder.build().expect("a client"), command).await;
    let good = || of_app(emulator, SDK_APP_ID, SECRET_KEY);
    Some(match (command, code) {
        (_, 40004 | 90009) => by(good().identifier("id1")).await,
        ("portrait_set", 40001) => set(&client, "", "Tag_Profile_IM_Nick", "x").await,
        ("portrait_set", 40003) => set(&client, "nobody", "Tag_Profile_IM_Nick", "x").await,
        ("portrait_set", 40008) => set(&client, "id1", "Tag_Profile_Custom_Fixed", "x").await,
        ("portrait_set", 40009) => set(&client, "id1", "Tag_Profile_Custom_Other", "x").await,
        ("portrait_set", 40601) => set(&client, "id1", "Tag_Profile_IM_Nick", "x".repeat(501)).await,
        ("portrait_set", 40605) => set(&client, "id1", "Tag_Profile_IM_Gender", "female").await,
        ("portrait_set", 40610) => set(&client, "id1", "Tag_Profile_IM_Level", "seven").await,
        ("portrait_get", 40001) => get(&client, &["id1"], &[]).await,
        ("portrait_get", 40007) => get(&client, &["id1"], &["Tag_Profile_Custom_Hidden"]).await,
        ("portrait_get", 40009) => get(&client, &["id1"], &["Tag_Profile_Custom_Other"]).await,
        (_, 70001) => by(good().clock(Clock::from_fn(three_days_ago))).await,
        (_, 70009) => by(of_app(emulator, SDK_APP_ID, "another key")).await,
        (_, 70020) => by(of_app(emulator, SDK_APP_ID + 1, SECRET_KEY)).await,
        (_, 70050) => {
            let wrong = of_app(emulator, SDK_APP_ID, "another key").build().expect("a client");
            join_all((0..60).map(|_| call(&wrong, command))).await;
            call(&wrong, command).await
        }
        _ => return None,
    })
}

fn three_days_ago() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    (now - Duration::from_secs(3 * 86_400)).as_millis() as i64
}

#[track_caller]
fn assert_typed(error: &Error, command: &str, code: i64) {
    let case = format!("{command} {code}: {error:?}");
    let last = if let Error::Deadline { last: Some(last), .. } = error { last } else { error };
    assert!(
        matches!(last, Error::Refused { command: by, code: said, .. } if (*by, *said) == (command, code)),
        "{case}"
    );
    assert_eq!((error.code(), error.advice()), (Some(code), expected(code)), "{case}");
    assert_eq!(error.is_retryable(), expected(code) != Advice::Never, "{case}");
    let meaning = meaning(code).expect(&case);
    assert!(error.to_string().contains(&format!("{command}: {code}, {meaning}")), "{case}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_code_of_every_table_is_its_typed_error() {
    let of_api = |(_, command, codes): (&str, &'static str, &'static [i64])| {
        tokio::spawn(async move {
            for code in codes.iter().copied().chain(PUBLIC) {
                let emulator = vendor().await;
                let results = match deserved(&emulator, command, code).await {
                    Some(results) => results,
                    None => {
                        emulator.order(Order::new(command, code as u32).times(1000));
                        call(&client(&emulator), command).await
                    }
                };
                for (account, result) in results {
                    assert_typed(&result.expect_err(&format!("{command} {code}: {account}")), command, code);
                }
            }
        })
    };
    for done in join_all(PAGES.map(of_api)).await {
        done.expect("every code is as it should be");
    }
}

#[tokio::test]
async fn a_code_of_one_account_is_at_that_account_only() {
    let emulator = vendor().await;
    let client = client(&emulator);
    let pulling = PAGES[2].2;
    for (command, codes) in
        [("portrait_get", pulling), ("set_attr", &SET_ATTR), ("remove_attr", &SET_ATTR), ("get_attr", &SET_ATTR)]
    {
        for code in codes.iter().copied().chain(PUBLIC) {
            emulator.order(Order::new(command, code as u32).account("id2"));
            let results = call(&client, command).await;
            let named: Vec<_> = results.iter().map(|(account, _)| account.as_str()).collect();
            assert_eq!((named, &results[0].1), (vec!["id1", "id2"], &Ok(())), "{command} {code}");
            let error = results[1].1.as_ref().expect_err(command);
            assert!(matches!(error, Error::Refused { .. }), "it is not tried again: {error:?}");
            assert_typed(error, command, code);
        }
    }
}

#[tokio::test]
async fn an_account_that_deserves_its_code_fails_alone() {
    let emulator = vendor().await;
    let client = client(&emulator);
    let long = "x".repeat(51);
    let of = |code: i64, results: PerAccount<()>, command: &str| {
        assert_eq!(results[0].1, Ok(()), "{code}");
        assert_typed(results[1].1.as_ref().expect_err(command), command, code);
    };
    of(40003, get(&client, &["id1", "nobody"], &["Tag_Profile_IM_Nick"]).await, "portrait_get");
    for (code, user) in [
        (90033, ("id2", "city", "x")),
        (90033, ("id2", "sex", long.as_str())),
        (90035, (DEVICE, "sex", "x")),
        (70107, ("nobody", "sex", "x")),
    ] {
        of(code, set_attr(&client, &[("id1", "sex", "x"), user]).await, "set_attr");
    }
}

#[tokio::test]
async fn an_api_beside_the_five_pages_has_its_typed_errors_too() {
    let emulator = vendor().await;
    let client = client(&emulator);
    let nobody = of_app(&emulator, SDK_APP_ID, SECRET_KEY).identifier("id1").build().expect("a client");
    assert_typed(&nobody.ip_list(6).await.expect_err("no admin"), "GetIPList", 60010);
    assert_typed(&client.ip_list(7).await.expect_err("no such type"), "GetIPList", 60025);
    assert_typed(&nobody.account_import("id3", None, None).await.expect_err("no admin"), "account_import", 70403);
    assert_typed(&client.account_import("", None, None).await.expect_err("no UserID"), "account_import", 70402);
}

#[test]
fn the_documentation_has_every_code_with_its_meaning() {
    let page = include_str!("../../../docs/tencent.md");
    for code in PAGES.iter().flat_map(|(_, _, codes)| codes.iter().copied()).chain(PUBLIC).chain([70402, 70403]) {
        let again = match advice(code) {
            Advice::Never => "never by itself",
            Advice::BackOff => "again, after a short wait",
            Advice::Throttle(wait) if wait.as_secs() == 60 => "again, after a minute",
            Advice::Throttle(_) => "again, after a second",
            Advice::NewUserSig => "again, once, with a new UserSig",
        };
        let line = format!("| {code} | {} | {again} |", meaning(code).unwrap_or_default());
        assert!(page.lines().any(|found| found == line), "{line}");
    }
}
