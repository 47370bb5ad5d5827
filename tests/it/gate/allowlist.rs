//! The allowlist: who is not on it is refused before anything else is looked at, and the file may change at any time.

use std::path::PathBuf;

use super::{exchange, from};
use crate::harness::db::{Database, eventually};
use crate::harness::service::{APP, Launch, Service};

struct Listed {
    db: Database,
    file: PathBuf,
}

impl Listed {
    async fn new(text: &str) -> Self {
        let db = Database::sqlite().await;
        let listed = Listed { file: db.path().with_file_name("allowlist"), db };
        listed.put(text);
        listed
    }

    /// Replaces the file in one step.
    fn put(&self, text: impl AsRef<[u8]>) {
        let new = self.file.with_extension("new");
        std::fs::write(&new, text).expect("the file can be written");
        std::fs::rename(new, &self.file).expect("the file can be replaced");
    }

    fn launch(&self) -> Launch {
        let receiver = format!("[receiver]\nmax_body_bytes = 1000\nallowlist = {:?}", self.file);
        Launch::on(&self.db).app(APP, &["token"]).toml(&receiver)
    }
}

/// What a good callback from 127.0.0.`last` is answered.
async fn status(service: &Service, last: u8) -> u16 {
    from([127, 0, 0, last], service, service.callback().signed("token")).await.status
}

#[tokio::test]
async fn only_listed_sources_may_send_callbacks() {
    let listed = Listed::new("# Chat\n127.0.0.5\n\n  127.0.1.0/24 # and these\r\n2001:db8::/32\n").await;
    let service = listed.launch().start().await;
    let good = || service.callback().signed("token");
    for address in [[127, 0, 0, 5], [127, 0, 1, 0], [127, 0, 1, 255]] {
        from(address, &service, good()).await.assert_ok(&format!("{address:?}"));
    }
    for address in [[127, 0, 0, 1], [127, 0, 0, 4], [127, 0, 2, 0]] {
        let info = from(address, &service, good()).await.assert_fail(403, &format!("{address:?}"));
        assert!(info.contains("this address"), "{info}");
    }
    assert_eq!(service.verified_entries(), 3);
    assert_eq!(service.metric("portraitd_callbacks_total", "outcome=\"bad_source\"").await, 3.0);
    let line = service.says("receiver.allowlist does not list").await;
    assert!(line.contains("127.0.0.1"), "{line}");
    assert_eq!(service.stderr().matches("does not list").count(), 1, "one line a minute is enough");
}

#[tokio::test]
async fn who_is_not_listed_is_told_so_whatever_else_is_wrong_and_health_stays_open() {
    let listed = Listed::new("127.0.0.5").await;
    let service = listed.launch().start().await;
    let stranger = async |request: &[u8]| exchange([127, 0, 0, 1], &service, request).await;
    let callback = || service.callback();
    for (case, request) in [
        ("the app", callback().with("SdkAppid", 7).request()),
        ("no Sign", callback().request()),
        ("a stale Sign", callback().signed_at("token", -1000).request()),
        ("a body too large", callback().body(vec![b' '; 2000]).request()),
        ("a body that never comes", callback().bytes("POST", "Content-Length: 1000\r\n")),
        ("the check", callback().signed("token").body("").request()),
    ] {
        let info = stranger(&request).await.assert_fail(403, case);
        assert!(info.contains("this address"), "{case}: {info}");
    }
    stranger(&callback().at("/other").request()).await.assert_fail(404, "another path comes first");
    stranger(&callback().bytes("PUT", "Content-Length: 0\r\n")).await.assert_fail(405, "another method comes first");
    let health = exchange([127, 0, 0, 1], &service, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!((health.status, health.text.as_str()), (200, "ok\n"));
    assert!(service.unreadable().is_empty(), "not even the stale one is kept");
}

#[tokio::test]
async fn a_changed_list_is_read_again_and_one_that_cannot_be_used_keeps_the_last_good_one() {
    let listed = Listed::new("127.0.0.1").await;
    let service = listed.launch().start().await;
    let stale = async || service.metric("portraitd_allowlist_stale", "").await;
    assert_eq!((status(&service, 1).await, status(&service, 5).await), (200, 403));
    assert_eq!(stale().await, 0.0);

    listed.put("127.0.0.5");
    service.says("read again: 1 entries").await;
    assert_eq!((status(&service, 1).await, status(&service, 5).await), (403, 200));

    let garbage: [(&[u8], &str); 4] = [
        (b"127.0.0.1\n127.0.0.0/33", "allowlist, line 2: \"127.0.0.0/33\" is neither"),
        (b"", "allowlist lists nobody"),
        (b"# nobody\n\n", "allowlist lists nobody"),
        (b"127.0.0.1\n\xff", "cannot read"),
    ];
    for (text, why) in garbage {
        listed.put(text);
        service.says(why).await;
        eventually("the alarm is up", async || stale().await == 1.0).await;
        assert_eq!((status(&service, 1).await, status(&service, 5).await), (403, 200), "{why}");
    }
    std::fs::remove_file(&listed.file).expect("removed");
    let line = service.says("No such file").await;
    assert!(line.contains("ERROR") && line.contains("the last good one stays"), "{line}");
    assert_eq!((status(&service, 1).await, status(&service, 5).await), (403, 200), "gone");

    listed.put("127.0.0.5");
    service.says("can be used again").await;
    eventually("the alarm is down", async || stale().await == 0.0).await;
    listed.put("127.0.0.1\n127.0.0.5");
    service.says("read again: 2 entries").await;
    assert_eq!((status(&service, 1).await, status(&service, 5).await), (200, 200));
    assert_eq!(service.stderr().matches("lists nobody").count(), 1, "the same is said once:\n{}", service.stderr());
}

#[tokio::test]
async fn a_list_that_cannot_be_used_at_the_start_exits_2_is_named_and_leaves_no_log_behind() {
    for (text, why) in [
        (Some("127.0.0.1\n\nlocalhost # here"), ", line 3: \"localhost\" is neither"),
        (Some("127.0.0.1 127.0.0.2"), ", line 1: \"127.0.0.1 127.0.0.2\" is neither"),
        (Some("# nobody"), " lists nobody"),
        (None, "cannot read"),
    ] {
        let listed = Listed::new(text.unwrap_or_default()).await;
        if text.is_none() {
            std::fs::remove_file(&listed.file).expect("removed");
        }
        let (status, said) = listed.launch().fail().await;
        assert_eq!(status.code(), Some(2), "{why}: {said}");
        let path = listed.file.display().to_string();
        assert!(said.contains("receiver.allowlist") && said.contains(&path) && said.contains(why), "{why}: {said}");
        assert!(!listed.db.path().exists(), "{why}: a log was made");
    }
}

#[tokio::test]
async fn a_service_with_an_allowlist_stops_like_any_other() {
    let listed = Listed::new("127.0.0.1").await;
    let mut service = listed.launch().start().await;
    assert_eq!(status(&service, 1).await, 200);
    service.terminate();
    assert_eq!(service.ended().await.code(), Some(0));
    assert_eq!(service.verified_entries(), 1);
}
