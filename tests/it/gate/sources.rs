//! Who sends: the peer, and whom a configured proxy speaks for. Nobody else's word is taken for it.

use super::{from, through};
use crate::harness::db::Database;
use crate::harness::service::{APP, Launch, Service};

/// Takes callbacks from 198.51.100.0/24 only, and from the proxy's own address not.
async fn behind(proxies: &str) -> (Database, Service) {
    let db = Database::sqlite().await;
    let list = db.path().with_file_name("allowlist");
    std::fs::write(&list, "198.51.100.0/24\n").expect("written");
    let receiver = format!("[receiver]\nallowlist = {list:?}\ntrusted_proxies = {proxies}");
    let service = Launch::on(&db).app(APP, &["token"]).toml(&receiver).start().await;
    (db, service)
}

#[tokio::test]
async fn a_configured_proxy_speaks_for_the_last_address_that_is_not_a_proxys() {
    let (_db, service) = behind("[\"127.0.0.0/30\", \"10.0.0.7\"]").await;
    let ask = async |source: &str| through(source, &service, service.callback().signed("token")).await;
    for listed in [
        "198.51.100.9",
        "203.0.113.1, 198.51.100.9",
        "nonsense,198.51.100.9:4711",
        "198.51.100.9, 10.0.0.7",
        "203.0.113.1\r\nX-Forwarded-For: 198.51.100.9\r\nX-Forwarded-For: 10.0.0.7, 127.0.0.2",
        "::ffff:198.51.100.9",
    ] {
        ask(listed).await.assert_ok(listed);
    }
    for other in [
        "203.0.113.1",
        "198.51.100.9, 203.0.113.1",
        "198.51.100.9\r\nX-Forwarded-For: 203.0.113.1",
        "198.51.100.9, 127.0.0.4",
        "198.51.100.9, nonsense",
        "198.51.100.9,",
        "198.51.100.9\u{e9}",
        "",
        "10.0.0.7",
    ] {
        ask(other).await.assert_fail(403, other);
    }
    assert_eq!(service.verified_entries(), 6);
}

#[tokio::test]
async fn everybody_elses_x_forwarded_for_is_not_looked_at() {
    for (proxies, status) in [("[]", 403), ("[\"127.0.0.2\", \"::1\"]", 403), ("\"127.0.0.1,::1\"", 200)] {
        let (_db, service) = behind(proxies).await;
        let answer = through("198.51.100.9", &service, service.callback().signed("token")).await;
        assert_eq!(answer.status, status, "{proxies}");
        from([127, 0, 0, 2], &service, service.callback().signed("token")).await.assert_fail(403, proxies);
    }
}

#[tokio::test]
async fn ipv4_in_ipv6_form_is_ipv4() {
    let db = Database::sqlite().await;
    let list = db.path().with_file_name("allowlist");
    std::fs::write(&list, "127.0.0.5\n::ffff:127.0.0.6\n").expect("written");
    let launch = Launch::on(&db).app(APP, &["token"]).toml(&format!("[receiver]\nallowlist = {list:?}"));
    let service = launch.env("PORTRAITD__RECEIVER__LISTEN", "[::ffff:127.0.0.1]:0").start().await;
    let ask = async |last: u8| from([127, 0, 0, last], &service, service.callback().signed("token")).await;
    ask(5).await.assert_ok("listed as IPv4, and seen by an IPv6 listener");
    ask(6).await.assert_ok("listed in IPv6 form");
    ask(7).await.assert_fail(403, "not listed");
}

#[tokio::test]
async fn a_proxy_that_is_neither_address_nor_cidr_exits_2_and_is_named() {
    let db = Database::sqlite().await;
    for entry in ["proxy.internal", "10.0.0.1:80", "10.0.0.0/33", "10.0.0", ""] {
        let toml = format!("[receiver]\ntrusted_proxies = [\"127.0.0.1\", {entry:?}]");
        let (status, said) = Launch::on(&db).toml(&toml).fail().await;
        assert_eq!(status.code(), Some(2), "{entry}: {said}");
        assert!(said.contains("receiver.trusted_proxies") && said.contains(&format!("{entry:?} is neither")), "{said}");
        assert!(!db.path().exists(), "{entry}: a log was made");
    }
}
