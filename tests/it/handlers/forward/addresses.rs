//! Only public addresses are connected to, unless the entry permits others.

use super::backend::{Backend, ok};
use super::entry;
use crate::harness::db::Database;
use crate::harness::service::Launch;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_leads_inside_is_sent_nothing_by_default() {
    let db = Database::sqlite().await;
    let mut backend = Backend::that([ok()]).await;
    let inside = format!("http://localhost:{}/", backend.address.port());
    let debug = "[log]\nfilter = \"info,portraitd::dispatch=debug\"";
    let mut service = Launch::on(&db).toml(&entry(&inside, debug)).start().await;
    service.says("plain http").await;
    service.callback().post().await.assert_ok("a callback");
    service.says("resolves to private addresses only; allow_private = true permits that").await;
    // After the last retry: nothing was connected to in any of them.
    service.says("a callback is a dead letter now").await;
    assert_eq!(backend.connections(), 0);
    service.terminate();
    service.ended().await;

    let service = Launch::on(&db).toml(&entry(&inside, "allow_private = true")).start().await;
    service.callback().account("id2").sets("Tag_Profile_IM_Nick", "x".into()).post().await.assert_ok("another");
    assert!(String::from_utf8_lossy(&backend.request().await.body).contains("id2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_not_public_is_refused_at_the_start() {
    let db = Database::sqlite().await;
    let backend = Backend::that([ok()]).await;
    let port = backend.address.port();
    for host in ["127.0.0.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "me:hunter2@169.254.169.254", "0.0.0.0"] {
        for more in ["", "allow_private = false"] {
            let launch = Launch::on(&db).toml(&entry(&format!("http://{host}:{port}/"), more));
            let (ended, said) = launch.fail().await;
            assert_eq!(ended.code(), Some(2), "{host}: {said}");
            assert!(said.contains("\"backend\"") && said.contains("allow_private = true"), "{host}: {said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
    assert_eq!(backend.connections(), 0);
}
