//! `push-attributes`: profile fields become push attributes at an emulator of the vendor.

mod coalescing;
mod failing;
mod starting;

use std::collections::BTreeMap;
use std::time::Duration;

use portraitd::emulator::model::{AttributeName, CustomField, Item, Writer};
use portraitd::emulator::{Emulator, Options, SECRET_KEY};
use serde_json::{Value, json};

use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::service::{Launch, Service, program};

const GENDER: &str = "Tag_Profile_IM_Gender";
const CITY: &str = "Tag_Profile_IM_Location";
const PET: &str = "Tag_Profile_Custom_Pet";

/// An emulator with these accounts and the attributes sex, city and pet.
async fn emulator(accounts: impl IntoIterator<Item = impl AsRef<str>>) -> Emulator {
    let emulator = Emulator::start(Options::default()).await.expect("it starts");
    let names = ["sex", "city", "pet"].map(|name| AttributeName { name: name.to_owned(), account_type: 0 });
    emulator.with_model(|model| {
        model.attribute_names = (0..).zip(names).collect();
        for account in accounts {
            model.import(account.as_ref());
        }
    });
    emulator
}

/// The handler and the emulator in the configuration; what failed is tried again at once, unless `more` says otherwise.
fn toml(emulator: &Emulator, more: &str) -> String {
    let retry = if more.contains("retry_secs") { "" } else { "retry_secs = [0, 0, 0, 0, 0, 0]" };
    format!(
        r#"
        [log]
        filter = "info,portraitd::dispatch=debug"
        [tencent]
        base_url = "{}"
        [[handlers]]
        name = "push"
        kind = "push-attributes"
        {retry}
        {more}
        [handlers.attributes]
        city = "{CITY}"
        pet = "{PET}"
        [handlers.attributes.sex]
        tag = "{GENDER}"
        values = {{ Gender_Type_Female = "female", Gender_Type_Male = "male", Gender_Type_Unknown = "" }}
        "#,
        emulator.base_url()
    )
}

fn launch(db: &Database, emulator: &Emulator, more: &str) -> Launch {
    Launch::on(db).toml(&toml(emulator, more)).env("PORTRAITD_SECRET_KEY", SECRET_KEY)
}

/// The account's attributes as the vendor has them.
fn attributes(emulator: &Emulator, account: &str) -> BTreeMap<String, String> {
    emulator.model().attributes(account).expect("the account is there")
}

async fn has(emulator: &Emulator, account: &str, expected: &[(&str, &str)]) {
    let expected: BTreeMap<_, _> =
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let what = format!("{account} has {expected:?}");
    eventually(&what, async || attributes(emulator, account) == expected).await;
}

fn calls(emulator: &Emulator, command: &str) -> u64 {
    emulator.calls().get(command).map_or(0, |calls| calls.calls)
}

/// Waits until everything up to this entry is handled, or dead.
async fn is_through(service: &Service, seq: i64) {
    let at = |handler: &Value| handler["position"] == seq && handler["waiting"] == 0;
    eventually("all is handled", async || program::lines(&service.cli(&["handlers", "--json"])).iter().any(at)).await;
}

/// Entry and reason of each dead letter.
fn dead_letters(service: &Service) -> Vec<(i64, String)> {
    let letters = program::lines(&service.cli(&["handlers", "dead-letters", "push", "--json"]));
    let text = |letter: &Value| letter["error"].as_str().expect("a reason").to_owned();
    letters.iter().map(|letter| (letter["seq"].as_i64().expect("an entry"), text(letter))).collect()
}

on_both_stores! {
    async fn what_is_set_at_the_vendor_comes_back_as_attributes_and_what_is_cleared_is_removed(db: Database) {
        let emulator = emulator(["ann", "bob"]).await;
        emulator.with_model(|model| model.custom_fields = vec![CustomField::new("Pet")]);
        let service = launch(&db, &emulator, "").start().await;
        emulator.set_callback(Some(&format!("{}/", service.url)), None);
        let set = async |account: &str, items: &[(&str, Value)]| {
            let items = items.iter().map(|(tag, value)| Item { tag: (*tag).to_owned(), value: value.clone() }).collect();
            emulator.change(&Writer::Admin { identifier: "administrator".to_owned() }, account, items).await.expect("it is set");
            assert!(emulator.drain(Duration::from_secs(20)).await);
        };
        set("ann", &[(GENDER, json!("Gender_Type_Female")), (CITY, json!("Zürich"))]).await;
        set("bob", &[(GENDER, json!("Gender_Type_Male")), ("Tag_Profile_IM_Nick", json!("Bob"))]).await;
        has(&emulator, "ann", &[("sex", "female"), ("city", "Zürich")]).await;
        has(&emulator, "bob", &[("sex", "male")]).await;
        set("ann", &[(GENDER, json!("Gender_Type_Unknown")), (CITY, json!("Bern")), (PET, json!("cat"))]).await;
        set("bob", &[(GENDER, json!("Gender_Type_Male")), (CITY, json!(""))]).await;
        has(&emulator, "ann", &[("city", "Bern"), ("pet", "cat")]).await;
        has(&emulator, "bob", &[("sex", "male")]).await;
        assert!(dead_letters(&service).is_empty());
        service.assert_unharmed("afterwards").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn null_numbers_and_duplicates_are_what_the_documentation_says() {
    let db = Database::sqlite().await;
    let emulator = emulator(["ann"]).await;
    let service = launch(&db, &emulator, "").start().await;
    let send = async |items: Value| {
        let time = crate::harness::service::callback::unique_time();
        let body = json!({ "From_Account": "ann", "EventTime": time, "ProfileItem": items });
        service.callback().body(body.to_string()).post().await.assert_ok("a callback");
    };
    send(json!([{ "Tag": CITY, "Value": 8001 }, { "Tag": PET, "Value": "dog" }, { "Tag": PET, "Value": "cat" }])).await;
    has(&emulator, "ann", &[("city", "8001"), ("pet", "cat")]).await;
    send(json!([{ "Tag": CITY }, { "Tag": PET, "Value": null }])).await;
    has(&emulator, "ann", &[]).await;
    send(json!([{ "Tag": "Tag_Profile_IM_Nick", "Value": "Ann" }])).await;
    is_through(&service, 3).await;
    assert_eq!(calls(&emulator, "set_attr") + calls(&emulator, "remove_attr"), 2, "a nickname is no attribute");
}
