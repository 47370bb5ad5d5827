//! Handlers on their page: a dead letter is retried, a handler paused, by whoever may.

use super::browser::Browser;
use super::nick;
use crate::harness::db::{Database, eventually};
use crate::harness::service::{Launch, Service, program};

/// A handler that fails as long as there is a file named `broken`.
const HANDLER: &str = "[[handlers]]\nname = \"picky\"\nkind = \"exec\"\ncommand = [\"/bin/sh\", \"-c\", \"! test -e broken\"]\nretry_secs = []";

async fn dead(service: &Service, count: u64) {
    eventually("dead letters", async || {
        let output = service.cli(&["handlers", "--json"]);
        output.status.success()
            && program::lines(&output).first().is_some_and(|handler| handler["dead_letters"] == count)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_retries_a_dead_letter_and_pauses_a_handler() {
    let db = Database::sqlite().await;
    let service = Launch::on(&db).toml(HANDLER).start().await;
    std::fs::write(service.path("broken"), "").expect("a file");
    nick(&service, "id1", "name").await;
    dead(&service, 1).await;
    let browser = Browser::start(&service.http).await;
    browser.open(&format!("{}/handlers", service.private_url)).await;
    assert!(browser.text(".card").await.is_some_and(|text| text.contains("picky") && text.contains("running")));
    std::fs::remove_file(service.path("broken")).expect("it was there");
    browser.click(".dead button").await;
    browser.until("document.querySelector('.notice.good')").await;
    assert_eq!(browser.text(".notice.good").await.as_deref(), Some("picky tries callback #1 again."));
    dead(&service, 0).await;
    browser.open(&format!("{}/handlers", service.private_url)).await;
    assert_eq!(browser.count(".dead").await, 0);

    browser.tab_to(".card .tools button").await;
    browser.keys(super::browser::ENTER).await;
    browser.until("document.querySelector('.notice.good')?.innerText.includes('is paused')").await;
    browser.until("document.querySelector('.state.paused')").await;
    browser.click(".card .tools button").await;
    browser.until("document.querySelector('.notice.good')?.innerText.includes('goes on')").await;
}
