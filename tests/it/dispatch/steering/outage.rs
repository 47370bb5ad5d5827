//! The store does not take what a handler did: it stands still, and says each thing once.

use super::backend::Backend;
use super::{handlers, until};
use crate::harness::db::{Database, eventually};
use crate::harness::service::Launch;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_store_takes_nothing_of_it_a_handler_stands_still_and_a_dead_letter_is_told_once_when_it_is_one() {
    let db = Database::postgres().await;
    let backend = Backend::start().await;
    let service = Launch::on(&db).toml(&handlers(&backend)).start().await;
    service.callback().post().await.assert_ok("one that works");
    until(&service, "it is handled", |backend| backend["position"] == 1).await;

    backend.says(500);
    db.execute("ALTER FUNCTION portraitd_checkpoint RENAME TO elsewhere").await;
    service.callback().post().await.assert_ok("the log itself is well");
    let failed = "handler=\"backend\",outcome=\"failed\"";
    let tried = async || service.metric("portraitd_handler_attempts_total", failed).await == 1.0;
    eventually("it was tried", tried).await;
    service.says_times("the lease could not be renewed in time, standing still", 2).await;
    assert!(!service.stderr().contains("dead letter"), "{}", service.stderr());

    db.execute("ALTER FUNCTION elsewhere RENAME TO portraitd_checkpoint").await;
    until(&service, "it is written down", |backend| backend["position"] == 2 && backend["dead_letters"] == 1).await;
    service.says("a callback is a dead letter now").await;
    assert_eq!(service.stderr().matches("a callback is a dead letter now").count(), 1);
    assert_eq!(service.metric("portraitd_handler_dead_letters_total", "handler=\"backend\"").await, 1.0);
    backend.says(200);
    service.callback().post().await.assert_ok("and one more");
    until(&service, "it goes on", |backend| backend["position"] == 3 && backend["epoch"] == 1).await;
}
