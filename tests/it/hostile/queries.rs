//! Queries that no vendor sends.

use super::{Case, Expected, recorded, run};
use crate::harness::db::{Database, on_both_stores};
use crate::harness::service::{APP, Launch, callback};

fn case(query: impl Into<String>, expected: Expected) -> Case {
    let query = query.into();
    let body = callback::body("a", Some(callback::unique_time()), "T", 1.into());
    Case { name: query.chars().take(100).collect(), query, body, expected }
}

const COMMAND: &str = "CallbackCommand=Profile.CallbackPortraitSet";

fn app_cases() -> Vec<Case> {
    let digits = "1400000000".repeat(4);
    let ids = [
        "%2B1400000000",
        "+1400000000",
        "1400000000.0",
        "%201400000000",
        "1400000000%20",
        "1400000000+",
        "14 00000000",
        "",
        "%",
        "%zz",
        "%00",
        "1400000000%00",
        "1400000000%0A",
        "-1400000000",
        "1400000000n",
        "0x53724E00",
        "1.4e9",
        "1,400,000,000",
        "%FF%FE",
        "%EF%BC%91400000000",
        "01400000000",
        "true",
        digits.as_str(),
    ];
    let mut cases: Vec<Case> =
        ids.iter().map(|id| case(format!("SdkAppid={id}&{COMMAND}"), Expected::Refused(403))).collect();
    let more = [
        format!("SdkAppid=1400000000&SdkAppid=1400000000&{COMMAND}"),
        format!("SdkAppid=&SdkAppid=1400000000&{COMMAND}"),
        format!("sdkappid=1400000000&{COMMAND}"),
        format!("SdkAppid&{COMMAND}"),
        format!("SdkAppid[]=1400000000&{COMMAND}"),
        format!("SdkAppid=1400000000;{COMMAND}"),
        format!("SdkAppid=1400000000%26{COMMAND}"),
        "&&&&=&==&%%%&?&".to_owned(),
        "%".repeat(5000),
    ];
    cases.extend(more.map(|query| case(query, Expected::Refused(403))));
    cases
}

fn command_cases() -> Vec<Case> {
    let app = "SdkAppid=1400000000";
    let kept = || Expected::Kept("CallbackCommand");
    vec![
        case(app, kept()),
        case(format!("{app}&{COMMAND}&{COMMAND}"), kept()),
        case(format!("{app}&CallbackCommand&{COMMAND}"), kept()),
        // The body names our command, so that every other name in the query contradicts it.
        case(format!("{app}&CallbackCommand="), kept()),
        case(format!("{app}&CallbackCommand=profile.callbackportraitset"), kept()),
        case(format!("{app}&CallbackCommand=PROFILE.CALLBACKPORTRAITSET"), kept()),
        case(format!("{app}&CallbackCommand=Profile.CallbackPortraitSet%20"), kept()),
        case(format!("{app}&CallbackCommand=%FF%FE%00"), kept()),
        case(format!("{app}&CallbackCommand=%zz%4"), kept()),
        case(format!("{app}&CallbackCommand={}", "A".repeat(50_000)), kept()),
        case(format!("{app}&callbackcommand=x&{COMMAND}"), recorded(&[r#""new":1"#])),
        case(format!("{app}&CallbackCommand=Profile%2ECallbackPortraitSet"), recorded(&[r#""new":1"#])),
        Case {
            body: b"{\"a\":1}".to_vec(),
            ..case(format!("{app}&CallbackCommand=profile.callbackportraitset"), Expected::Acknowledged)
        },
        Case {
            body: b"{\"a\":1}".to_vec(),
            ..case(format!("{app}&CallbackCommand=%00%0D%0A"), Expected::Acknowledged)
        },
    ]
}

fn claim_cases() -> Vec<Case> {
    let with =
        |claims: &str, pieces: &[&str]| case(format!("SdkAppid=1400000000&{COMMAND}&{claims}"), recorded(pieces));
    let long = "9".repeat(128);
    vec![
        with("ClientIP=&OptPlatform=", &[r#""platform":null,"client_ip":null"#]),
        with("ClientIP=1.2.3.4&ClientIP=5.6.7.8", &[r#""client_ip":"1.2.3.4""#]),
        with("ClientIP=%0D%0A%00%1B[2J1.2.3.4%7F", &[r#""client_ip":"[2J1.2.3.4""#]),
        with("OptPlatform=%00", &[r#""platform":null"#]),
        with("OptPlatform=%FF", &["\"platform\":\"\u{fffd}\""]),
        with("OptPlatform=Toaster", &[r#""platform":"Toaster""#]),
        with("OptPlatform=%E5%B0%8F%E6%98%8E", &[r#""platform":"小明""#]),
        with(&format!("ClientIP={}", "9".repeat(10_000)), &[&format!(r#""client_ip":"{long}""#)]),
        with(&format!("OptPlatform={}", "%C3%A9".repeat(100)), &[&format!(r#""platform":"{}""#, "é".repeat(64))]),
        with(&"x=1&".repeat(2000), &[r#""new":1"#]),
    ]
}

on_both_stores! {
    async fn an_sdkappid_that_only_looks_like_ours_is_refused(db: Database) {
        run(&db, app_cases()).await;
    }

    async fn a_command_that_only_looks_like_ours_is_not_recorded(db: Database) {
        run(&db, command_cases()).await;
    }

    async fn claims_are_cleaned_and_cut_and_never_a_reason_to_refuse(db: Database) {
        run(&db, claim_cases()).await;
    }

    async fn hostile_signs_are_refused_and_leave_nothing_behind(db: Database) {
        let service = Launch::on(&db).app(APP, &["token"]).start().await;
        let (sign, time) = crate::harness::service::sign_now("token");
        let upper = sign.to_uppercase();
        let padded = format!("{sign}%00");
        let queries = [
            "Sign=&RequestTime=".to_owned(), "Sign&RequestTime".to_owned(), format!("Sign={upper}&RequestTime={time}"),
            format!("Sign={padded}&RequestTime={time}"), format!("Sign={sign}&RequestTime=-{time}"), format!("Sign={sign}&RequestTime=text"),
            format!("Sign={sign}&RequestTime={time}.0"), format!("Sign={sign}&RequestTime=%20{time}"), format!("Sign={sign}&RequestTime=+{time}"),
            format!("Sign={sign}&RequestTime={time}%00"), format!("Sign={sign}&Sign={sign}&RequestTime={time}"),
            format!("Sign={sign}&RequestTime={time}&RequestTime={time}"), format!("Sign={}&RequestTime={time}", "a".repeat(64)),
            format!("Sign={}&RequestTime={time}", "f".repeat(50_000)), format!("Sign={sign}&RequestTime={}", "9".repeat(40)),
            format!("sign={sign}&requesttime={time}"), "Sign=%zz&RequestTime=%zz".to_owned(), format!("Sign={sign}&RequestTime=9223372036854775807"),
        ];
        for query in queries {
            let query = format!("SdkAppid={APP}&{COMMAND}&{query}");
            service.callback().raw_query(&query).post().await.assert_fail(401, &query);
            service.callback().raw_query(&query).body("{}").post().await.assert_fail(401, &format!("the check with {query}"));
        }
        assert_eq!(service.verified_entries(), 0);
        assert!(service.unreadable().is_empty());
        service.callback().signed("token").post().await.assert_ok("a good one afterwards");
        assert_eq!(service.metric("portraitd_panics_total", "").await, 0.0);
    }
}
