//! Operators: where each handler is, what failed, and steering them, on the command line and through the private listener.

mod backend;
mod commands;
mod listener;
mod metrics;
mod outage;
mod record;

use serde_json::Value;

use crate::harness::db::{Database, eventually};
use crate::harness::service::{Launch, Service, program};
use backend::Backend;

/// `backend`, which sends to the test's own and gives up at once; and `trace`, which always works.
fn handlers(backend: &Backend) -> String {
    let forward = format!("kind = \"forward\"\nurl = {:?}\nallow_private = true\nretry_secs = []", backend.url());
    format!("[[handlers]]\nname = \"backend\"\n{forward}\n[[handlers]]\nname = \"trace\"\nkind = \"log\"\n")
}

/// A service whose backend has failed for three callbacks of one account.
async fn failed(db: &Database, backend: &Backend, toml: &str) -> Service {
    backend.says(500);
    let service = Launch::on(db).toml(&format!("{}\n{toml}", handlers(backend))).start().await;
    for _ in 0..3 {
        service.callback().post().await.assert_ok("a callback");
    }
    until(&service, "three dead letters", |backend| backend["dead_letters"] == 3 && backend["position"] == 3).await;
    service
}

/// `handlers --json`: the one of this name; none as long as a busy machine has not brought the store up.
fn handler(service: &Service, name: &str) -> Option<Value> {
    let output = service.cli(&["handlers", "--json"]);
    let found = output.status.success().then(|| program::lines(&output))?;
    found.into_iter().find(|handler| handler["name"] == name)
}

/// Waits until the handler `backend` is so.
async fn until(service: &Service, what: &str, condition: impl Fn(&Value) -> bool) {
    eventually(what, async || handler(service, "backend").is_some_and(|handler| condition(&handler))).await;
}

/// `who action target details`, oldest first.
async fn access_log(db: &Database) -> Vec<String> {
    let columns = "who || ' | ' || action || ' | ' || target || ' | ' || coalesce(details, '-')";
    db.texts(&format!("SELECT {columns} FROM access_log ORDER BY id")).await
}
