//! Failed authentications are limited per source: not per app, and never a right Sign in its time.

use futures_util::future::join_all;

use super::{exchange, through};
use crate::harness::db::Database;
use crate::harness::service::{APP, Launch, Service};

/// So few that none comes back during a test.
async fn limited_to_two() -> (Database, Service) {
    let db = Database::sqlite().await;
    let receiver = "[receiver]\nauth_failures_per_minute = 2\ntrusted_proxies = \"127.0.0.1\"";
    let service = Launch::on(&db).app(APP, &["token"]).app(2, &["other"]).toml(receiver).start().await;
    (db, service)
}

#[tokio::test]
async fn a_source_that_fails_too_often_is_429_and_a_right_sign_from_it_is_still_taken() {
    let (_db, service) = limited_to_two().await;
    let (attacker, other) = ("198.51.100.7", "198.51.100.8");
    let wrong = || service.callback().signed("wrong");
    through(attacker, &service, wrong()).await.assert_fail(401, "the first");
    through(attacker, &service, wrong().with("SdkAppid", 7)).await.assert_fail(403, "the second, to no app");
    for callback in [wrong(), wrong().with("SdkAppid", 2), service.callback(), wrong().without("SdkAppid")] {
        let answer = through(attacker, &service, callback).await;
        let info = answer.assert_fail(429, "one more, to whatever app");
        assert!(info.contains("failed authentications"), "{info}");
        let wait: u64 = answer.header("retry-after").and_then(|wait| wait.parse().ok()).expect("Retry-After");
        assert!((1..=30).contains(&wait), "{wait} s");
        assert_eq!(answer.header("connection"), Some("close"));
    }
    for _ in 0..5 {
        through(attacker, &service, service.callback().signed("token")).await.assert_ok("a right Sign");
        through(attacker, &service, wrong()).await.assert_fail(429, "which does not clear it");
    }
    through(attacker, &service, service.callback().signed("token").body("")).await.assert_ok("the console's check");
    through(other, &service, wrong()).await.assert_fail(401, "another source");

    assert_eq!(service.verified_entries(), 5);
    assert!(service.unreadable().is_empty());
    let counted =
        async |outcome: &str| service.metric("portraitd_callbacks_total", &format!("outcome=\"{outcome}\"")).await;
    let expected = [("limited", 9.0), ("bad_sign", 2.0), ("bad_app", 1.0), ("recorded", 5.0), ("check", 1.0)];
    for (outcome, times) in expected {
        assert_eq!(counted(outcome).await, times, "{outcome}");
    }
    let line = service.says("fails to authenticate too often").await;
    assert!(line.contains(attacker), "{line}");
    assert_eq!(service.stderr().matches("too often").count(), 1, "one line a minute is enough");
}

#[tokio::test]
async fn beyond_the_limit_the_body_is_not_waited_for() {
    let (_db, service) = limited_to_two().await;
    for status in [401, 401, 429] {
        let answer = through("198.51.100.7", &service, service.callback()).await;
        answer.assert_fail(status, "unsigned");
    }
    let headers = "X-Forwarded-For: 198.51.100.7\r\nContent-Length: 1000\r\n";
    let request = service.callback().body("").bytes("POST", headers);
    exchange([127, 0, 0, 1], &service, &request).await.assert_fail(429, "without its body");
}

#[tokio::test]
async fn a_right_sign_that_is_stale_counts_so_that_one_that_leaked_fills_nothing() {
    let (_db, service) = limited_to_two().await;
    let (source, other) = ("198.51.100.7", "198.51.100.8");
    let stale = || service.callback().signed_at("token", -1000);
    for status in [401, 401, 429, 429] {
        through(source, &service, stale()).await.assert_fail(status, "stale");
    }
    assert_eq!(service.unreadable().len(), 2, "enough to tell whose clock is wrong");
    through(source, &service, service.callback().signed("token")).await.assert_ok("a right Sign in its time");
    through(other, &service, stale()).await.assert_fail(401, "stale, from another source");
    assert_eq!(service.unreadable().len(), 3);
    assert_eq!(service.verified_entries(), 1);
}

#[tokio::test]
async fn a_right_sign_for_no_app_at_all_counts() {
    let (_db, service) = limited_to_two().await;
    let nameless = || service.callback().signed("token").without("SdkAppid");
    for status in [403, 403, 429, 429] {
        through("198.51.100.7", &service, nameless()).await.assert_fail(status, "a callback without SdkAppid");
    }
    through("198.51.100.7", &service, nameless().body("{}")).await.assert_ok("the console's check may leave it out");
}

#[tokio::test]
async fn the_limit_holds_for_failures_at_the_same_time() {
    let (_db, service) = limited_to_two().await;
    let attempts = (0..40).map(|_| through("198.51.100.7", &service, service.callback()));
    let statuses: Vec<u16> = join_all(attempts).await.into_iter().map(|answer| answer.status).collect();
    let count = |status: u16| statuses.iter().filter(|s| **s == status).count();
    assert_eq!((count(401), count(429)), (2, 38));
}

#[tokio::test]
async fn ipv6_sources_share_the_limit_of_their_64_bits() {
    let (_db, service) = limited_to_two().await;
    for (source, status) in [
        ("2001:db8::1", 401),
        ("2001:db8::2", 401),
        ("2001:db8::ffff:ffff:ffff:ffff", 429),
        ("2001:db8:0:1::1", 401),
        ("198.51.100.1", 401),
        ("::ffff:198.51.100.1", 401),
        ("198.51.100.1", 429),
    ] {
        through(source, &service, service.callback()).await.assert_fail(status, source);
    }
}

#[tokio::test]
async fn who_comes_from_a_loopback_address_is_not_limited() {
    let db = Database::sqlite().await;
    let receiver = "[receiver]\nauth_failures_per_minute = 2";
    let service = Launch::on(&db).app(APP, &["token"]).toml(receiver).start().await;
    for _ in 0..20 {
        service.callback().post().await.assert_fail(401, "a proxy that nobody configured may be in front");
    }
}
