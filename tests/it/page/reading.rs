//! Reading in a real browser: filter, page, open an account, watch changes arrive; with a mouse and without.

use serde_json::json;

use super::browser::{Browser, ENTER, SPACE};
use super::{MARKUP, REVERSED, nick};
use crate::harness::db::Database;
use crate::harness::service::Service;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_filters_pages_and_opens_an_account() {
    let db = Database::sqlite().await;
    let service = Service::start(&db).await;
    for at in 0..60 {
        nick(&service, "many", &format!("name {at}")).await;
    }
    nick(&service, "one", "only").await;
    let browser = Browser::start(&service.http).await;
    browser.open(&service.private_url).await;
    assert_eq!(browser.count("#rows tr").await, 50);
    assert!(browser.text("#rows tr .new").await.is_some_and(|text| text.contains("only")), "newest first");
    assert!(browser.text(".chart").await.is_some_and(|text| text.contains("61")), "the chart counts callbacks");

    browser.enter("#account", "many").await;
    browser.click(".filters [type=submit]").await;
    browser.until("location.search === '?account=many'").await;
    assert_eq!(browser.run("return document.querySelector('#account').value").await, "many");
    browser.click("[rel=next]").await;
    browser.until("document.querySelectorAll('#rows tr').length === 10").await;
    browser.click("[rel=prev]").await;
    browser.until("document.querySelectorAll('#rows tr').length === 50").await;
    assert!(browser.text("#rows tr .new").await.is_some_and(|text| text.contains("name 59")), "where it began");

    browser.click("#rows .who a").await;
    browser.until("location.pathname === '/account'").await;
    assert_eq!(browser.text("h1").await.as_deref(), Some("many"));
    assert!(browser.text(".profile .value").await.is_some_and(|text| text.contains("name 59")));
    assert_eq!(browser.count("#rows tr").await, 50, "its timeline");
    browser.click("#rows .entry a").await;
    browser.until("location.pathname === '/callbacks/60'").await;
    let sides = browser.text(".items td .sides").await.unwrap_or_default();
    assert!(sides.contains("name 58") && sides.contains("name 59"), "{sides}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_appears_while_somebody_watches_and_what_is_hostile_does_nothing() {
    let db = Database::sqlite().await;
    let service = Service::start(&db).await;
    nick(&service, "quiet", "before").await;
    let browser = Browser::start(&service.http).await;
    browser.open(&service.private_url).await;
    browser.run("window.alert = () => { window.alerted = true; }").await;
    browser.click("#live").await;
    browser.until("document.querySelector('#status').textContent.startsWith('Waiting')").await;
    for text in [MARKUP, REVERSED, "https://leak.example/picture.png"] {
        nick(&service, MARKUP, text).await;
    }
    service
        .callback()
        .account(REVERSED)
        .sets("<script>alert(2)</script>", json!([MARKUP]))
        .post()
        .await
        .assert_ok("a tag");
    browser.until("document.querySelectorAll('#rows tr.fresh').length === 4").await;
    browser.until("document.querySelector('#status').textContent.startsWith('4 new changes')").await;

    for path in ["/", "/account?account=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E", "/callbacks/2", "/callbacks/5"] {
        if path != "/" {
            browser.open(&format!("{}{path}", service.private_url)).await;
        }
        assert_eq!(browser.count("main img, main script, main iframe, main style, main [style]").await, 0, "{path}");
        assert_eq!(browser.run("return Boolean(window.alerted)").await, false, "{path}");
    }
    browser.open(&service.private_url).await;
    let shown = browser.text("#rows tr:nth-child(4) .new").await.unwrap_or_default();
    assert!(shown.contains(MARKUP), "{shown}");
    let shown = browser.text("#rows tr:nth-child(3) .new").await.unwrap_or_default();
    assert!(shown.contains("U+202E") && shown.contains("U+200F×2") && !shown.contains('\u{202e}'), "{shown}");
    let link = browser.text("#rows .outside").await.unwrap_or_default();
    assert!(link.starts_with("open image at leak.example"), "{link}");
    assert_eq!(browser.count("#rows .outside[rel~=noreferrer][target=_blank]").await, 1);
    let outside =
        "return performance.getEntriesByType('resource').filter(e => !e.name.startsWith(location.origin)).length";
    assert_eq!(browser.run(outside).await, 0);
    let asked = browser.asked_elsewhere();
    assert!(!asked.iter().any(|line| line.contains("leak.example")), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_can_be_reached_with_a_keyboard() {
    let db = Database::sqlite().await;
    let service = Service::start(&db).await;
    nick(&service, "id1", &"long ".repeat(100)).await;
    nick(&service, "id2", "short").await;
    let browser = Browser::start(&service.http).await;
    browser.open(&service.private_url).await;
    browser.tab_to(".skip").await;
    browser.keys(ENTER).await;
    browser.until("document.activeElement.id === 'main'").await;
    browser.tab_to("#live").await;
    browser.keys(SPACE).await;
    browser.until("document.querySelector('#live').ariaPressed === 'true'").await;
    browser.tab_to("#account").await;
    browser.keys("id1").await;
    browser.keys(ENTER).await;
    browser.until("location.search === '?account=id1'").await;
    browser.tab_to("#rows summary").await;
    assert_ne!(browser.run("return getComputedStyle(document.activeElement).outlineStyle").await, "none", "it is seen");
    browser.keys(SPACE).await;
    browser.until("document.querySelector('#rows details').open").await;
    browser.open(&format!("{}/?account=id1", service.private_url)).await;
    browser.tab_to("#rows .who a").await;
    browser.keys(ENTER).await;
    browser.until("location.pathname === '/account'").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_is_wider_than_its_window_and_times_are_the_readers() {
    let db = Database::sqlite().await;
    let service = Service::start(&db).await;
    let long = "W".repeat(500);
    nick(&service, &long, &long).await;
    nick(&service, &long, &"\u{202e}\u{200b}".repeat(90)).await;
    service.callback().account(&long).sets(&long, json!({ "deep": [long, 1] })).post().await.assert_ok("long");
    service.callback().body(format!("{{\"x\":\"{long}\"}}")).post().await.assert_fail(400, "unreadable");
    let browser = Browser::start(&service.http).await;
    for width in [400, 800, 1600] {
        browser.resize(width).await;
        for path in [
            "/",
            "/?since=tomorrow",
            &format!("/account?account={long}"),
            "/callbacks/3",
            "/handlers",
            "/unreadable",
            "/none",
        ] {
            browser.open(&format!("{}{path}", service.private_url)).await;
            browser.run("for (const details of document.querySelectorAll('details')) details.open = true").await;
            let wide = browser.run("return document.documentElement.scrollWidth - innerWidth").await;
            assert!(wide.as_i64().is_some_and(|wide| wide <= 0), "{path} at {width}: {wide}");
            let nameless = "return [...document.querySelectorAll('input:not([type=hidden])')].filter(i => !i.labels.length).length";
            assert_eq!(browser.run(nameless).await, 0, "{path}: fields without a label");
        }
    }
    browser.open(&service.private_url).await;
    // The browser is in Tokyo.
    let script = "const time = document.querySelector('#rows time'); const shown = time.innerText.replace(/\\s+/, 'T');
                  return [Math.trunc(new Date(time.dateTime) / 1000) - Date.parse(shown + '+09:00') / 1000, time.title.endsWith('UTC')]";
    assert_eq!(browser.run(script).await, json!([0, true]));
    browser.click("#zone").await;
    assert_eq!(browser.text("#zone-name").await.as_deref(), Some("UTC"));
    assert_eq!(browser.run(&script.replace("+09:00", "Z")).await, json!([0, true]));
}
