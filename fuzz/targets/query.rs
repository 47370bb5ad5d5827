//! Any text as the part of a callback's URL after `?`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portraitd_fuzz::protocol::query::{Param, Query, claim};

fuzz_target!(|raw: &str| {
    let query = Query::parse(raw);
    assert_bounded(raw, &query);
    assert_same_in_any_order(raw, &query);
    assert_counted(raw, &query);
    assert_written_is_read(raw);
});

fn assert_bounded(raw: &str, query: &Query<'_>) {
    for kept in [&query.client_ip, &query.platform, &claim(raw)].into_iter().flatten() {
        assert!((1..=128).contains(&kept.len()) && !kept.contains(char::is_control), "{kept:?}");
        assert_eq!(claim(kept).as_ref(), Some(kept), "a claim that was cleaned is clean");
    }
}

/// The parameters that decide do not depend on where they stand.
fn assert_same_in_any_order(raw: &str, query: &Query<'_>) {
    let reversed = raw.split('&').rev().collect::<Vec<_>>().join("&");
    let reversed = Query::parse(&reversed);
    assert_eq!(deciding(query), deciding(&reversed));
}

/// Once more is Once where it was missing, and Repeated otherwise.
fn assert_counted(raw: &str, query: &Query<'_>) {
    let more = format!("{raw}&SdkAppid=1&CallbackCommand=1&Sign=1&RequestTime=1");
    for (before, after) in deciding(query).into_iter().zip(deciding(&Query::parse(&more))) {
        match before {
            Param::Missing => assert_eq!(after.once(), Some("1")),
            Param::Once(_) | Param::Repeated => assert_eq!(after, &Param::Repeated),
        }
    }
}

/// What a client encodes is what is read, whatever it is.
fn assert_written_is_read(raw: &str) {
    let written = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("ClientIP", raw), ("Sign", raw), (raw, "other"), ("OptPlatform", raw)])
        .finish();
    let read = Query::parse(&written);
    assert_eq!(read.client_ip, claim(raw));
    assert_eq!(read.platform, if raw == "OptPlatform" { Some("other".to_owned()) } else { claim(raw) });
    match raw {
        "Sign" => assert_eq!(read.sign, Param::Repeated),
        _ => assert_eq!(read.sign.once(), Some(raw)),
    }
}

fn deciding<'q, 'a>(query: &'q Query<'a>) -> [&'q Param<'a>; 4] {
    [&query.sdk_app_id, &query.command, &query.sign, &query.request_time]
}
