//! Servers that fail in all the ways there are: a typed error within the deadline each time, and what may work is tried again.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use portraitd::clock::Clock;
use portraitd::tencent::code::{Advice, MEANINGS, advice};
use portraitd::tencent::{Client, Error};

use super::{Backend, Manner, OK, answers, builder, client, item, refuses, says};

const SHORT: Duration = Duration::from_secs(1);

async fn set(client: &Client) -> Result<(), Error> {
    client.portrait_set("id", &[item("Tag_Profile_IM_Nick", "x")]).await
}

/// How it fails with a deadline of a second, and how many requests that takes.
async fn failure(manner: Manner) -> (Error, usize) {
    let mut backend = Backend::that([manner]).await;
    let client = builder(&backend).deadline(SHORT).build().expect("a client");
    let begun = Instant::now();
    let error = set(&client).await.expect_err("it fails");
    assert!(begun.elapsed() < SHORT + Duration::from_millis(500), "{error} after {:?}", begun.elapsed());
    (error, backend.drained())
}

#[tokio::test]
async fn what_may_pass_is_tried_again_until_the_deadline() {
    for (manner, why) in [
        (says("500 Internal Server Error", ""), "it answered 500"),
        (says("502 Bad Gateway", ""), "it answered 502"),
        (says("429 Too Many Requests", ""), "it answered 429"),
        (Manner::Breaks(String::new()), ""),
        (Manner::Breaks("HTTP/1.1 200 OK\r\nContent-Le".to_owned()), ""),
        (Manner::Breaks("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"ErrorCode\":0".to_owned()), ""),
    ] {
        let (error, requests) = failure(manner).await;
        let Error::Deadline { command: "portrait_set", after: SHORT, last: Some(last) } = &error else {
            panic!("{error:?}");
        };
        assert!(matches!(&**last, Error::Transport { .. }) && last.to_string().contains(why), "{why}: {last:?}");
        assert!(error.is_retryable() && error.code().is_none(), "{error:?}");
        assert!(requests >= 2, "{why}: {requests} requests");
    }
}

#[tokio::test]
async fn what_hangs_is_given_up_at_the_deadline() {
    for manner in [
        Manner::Stops(String::new()),
        Manner::Stops("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"ErrorCode\":0".to_owned()),
    ] {
        let (error, requests) = failure(manner).await;
        assert_eq!(error, Error::Deadline { command: "portrait_set", after: SHORT, last: None });
        assert_eq!(requests, 1);
    }
}

#[tokio::test]
async fn what_is_not_the_vendors_answer_is_said_at_once() {
    let elsewhere = Backend::that([answers(OK)]).await;
    for (manner, why) in [
        (answers(r#"{"ActionStatus":"OK","ErrorCo"#), "ends after 29 bytes"),
        (answers("<!DOCTYPE html><p>Welcome"), "HTML"),
        (answers(""), "empty"),
        (answers("{}"), "no ErrorCode"),
        (answers("[]"), ""),
        (answers(r#"{"ErrorCode":"0"}"#), ""),
        (answers(r#"{"ActionStatus":"FAIL","ErrorCode":0}"#), "FAIL"),
        (answers("OK"), "not JSON"),
        (says("404 Not Found", ""), "404"),
        (says("302 Found", &format!("Location: {}\r\n", elsewhere.url("/"))), "302"),
        (Manner::Endless("HTTP/1.1 200 OK\r\n\r\n".to_owned()), "longer than"),
    ] {
        let (error, requests) = failure(manner).await;
        assert!(matches!(error, Error::Answer { .. }) && error.to_string().contains(why), "{why}: {error:?}");
        assert!(!error.is_retryable() && requests == 1, "{why}: {requests} requests");
    }
    assert_eq!(elsewhere.connections(), 0, "a redirect is not followed: it would be shown the UserSig");
}

#[tokio::test]
async fn a_code_nobody_knows_is_an_error_all_the_same() {
    let (error, requests) = failure(refuses(12345)).await;
    assert_eq!(error, Error::Refused { command: "portrait_set", code: 12345, info: "because".to_owned() });
    assert_eq!((requests, error.is_retryable()), (1, false));
    assert_eq!(error.to_string(), "portrait_set: 12345 (because)");
    let (error, _) = failure(answers(r#"{"ErrorCode":40003}"#)).await;
    assert_eq!(error.to_string(), "portrait_set: 40003, the account does not exist: import it first");
}

#[tokio::test]
async fn every_known_code_is_tried_again_where_that_helps_and_only_there() {
    for (code, meaning) in MEANINGS {
        if matches!(advice(code), Advice::Throttle(_)) {
            continue;
        }
        let mut backend = Backend::that([refuses(code), answers(OK)]).await;
        let result = set(&client(&backend)).await;
        if advice(code) == Advice::Never {
            let error = result.expect_err(meaning);
            assert_eq!((error.code(), error.is_retryable(), backend.drained()), (Some(code), false, 1), "{error}");
            assert!(error.to_string().contains(meaning), "{error}");
        } else {
            assert_eq!((result, backend.drained()), (Ok(()), 2), "{code}");
        }
    }
}

#[tokio::test]
async fn what_came_too_often_waits_a_second() {
    let mut backend = Backend::that([refuses(60007), answers(OK)]).await;
    let begun = Instant::now();
    assert_eq!(set(&client(&backend)).await, Ok(()));
    assert!(begun.elapsed() >= Duration::from_secs(1) && backend.drained() == 2);
}

#[tokio::test]
async fn a_wait_that_is_longer_than_the_deadline_is_not_begun() {
    let (error, requests) = failure(refuses(70050)).await;
    assert!(
        matches!(error, Error::Deadline { .. }) && error.code() == Some(70050) && error.is_retryable(),
        "{error:?}"
    );
    assert_eq!(requests, 1);
}

#[tokio::test]
async fn a_usersig_that_is_said_to_have_expired_is_made_anew_once() {
    let now = Arc::new(AtomicI64::new(1_700_000_000_000));
    // A minute passes each time somebody looks.
    let clock = Clock::from_fn(move || now.fetch_add(60_000, Ordering::SeqCst));
    let usersig = |line: &str| {
        let after = line.split("usersig=").nth(1).expect("a UserSig");
        after.split('&').next().expect("its end").to_owned()
    };
    let mut backend = Backend::that([refuses(70001), answers(OK), answers(OK), refuses(70001)]).await;
    let client = builder(&backend).clock(clock).build().expect("a client");
    assert_eq!(set(&client).await, Ok(()));
    let (first, second) = (usersig(&backend.request().await.line), usersig(&backend.request().await.line));
    assert_ne!(first, second);
    assert_eq!(set(&client).await, Ok(()));
    assert_eq!(usersig(&backend.request().await.line), second, "one that is good is used again");
    assert_eq!(set(&client).await.map_err(|error| error.code()), Err(Some(70001)));
    assert_eq!(backend.drained(), 2);
}

#[tokio::test]
async fn a_usersig_is_renewed_before_it_expires() {
    const DAY: i64 = 86_400_000;
    let now = Arc::new(AtomicI64::new(1_700_000_000_000));
    let clock = Clock::from_fn({
        let now = now.clone();
        move || now.load(Ordering::SeqCst)
    });
    let mut backend = Backend::that([answers(OK)]).await;
    let client = builder(&backend).clock(clock).build().expect("a client");
    let mut used = Vec::new();
    for passes in [0, DAY - 1000, 1000, -DAY] {
        now.fetch_add(passes, Ordering::SeqCst);
        set(&client).await.expect("done");
        let line = backend.request().await.line;
        used.push(line.split("usersig=").nth(1).and_then(|rest| rest.split('&').next()).map(str::to_owned));
    }
    assert!(used[0] == used[1] && used[1] != used[2] && used[2] != used[3], "{used:?}");
}

#[tokio::test]
async fn an_attempt_outlasts_the_vendors_three_seconds_and_is_then_made_again() {
    let mut backend = Backend::that([Manner::Stops(String::new()), answers(OK)]).await;
    let begun = Instant::now();
    assert_eq!(set(&client(&backend)).await, Ok(()));
    assert!(begun.elapsed() > Duration::from_secs(3) && backend.drained() == 2);
}
