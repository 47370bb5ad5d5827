//! What the server renders, without a browser: headers, escaping, forms, errors, who may.

use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION, WWW_AUTHENTICATE};
use serde_json::json;

use super::{MARKUP, REVERSED, nick};
use crate::harness::db::{Database, on_both_stores};
use crate::harness::service::{Launch, Service};

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

struct Page {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Page {
    #[track_caller]
    fn assert_page(&self, status: u16, case: &str) {
        assert_eq!(self.status, status, "{case}: {}", self.text);
        assert_eq!(self.headers[CONTENT_TYPE], "text/html; charset=utf-8", "{case}");
        assert_eq!(self.headers["content-security-policy"], POLICY, "{case}");
        assert_eq!(self.headers["x-content-type-options"], "nosniff", "{case}");
        assert_eq!(self.headers["cache-control"], "no-store", "{case}");
        assert!(self.text.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{case}");
        for forbidden in ["<style", "style=", "javascript:", " onclick", "http://", "<script>"] {
            assert!(!self.text.contains(forbidden), "{case}: {forbidden} in {}", self.text);
        }
    }
}

async fn ask(service: &Service, method: &str, path: &str, headers: &[(&str, &str)]) -> Page {
    let request = service.http.request(method.parse().expect("a method"), format!("{}{path}", service.private_url));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Page { status, headers, text: response.text().await.expect("the whole answer") }
}

async fn get(service: &Service, path: &str) -> Page {
    ask(service, "GET", path, &[]).await
}

on_both_stores! {
    async fn every_page_renders_with_nothing_and_with_hostile_content(db: Database) {
        let service = Service::start(&db).await;
        for path in ["/", "/account", "/handlers", "/unreadable"] {
            get(&service, path).await.assert_page(200, path);
        }
        assert!(get(&service, "/").await.text.contains("Nothing is recorded yet"));
        for text in [MARKUP, REVERSED, "\u{0}\u{1b}[2J", "\" onmouseover=\"alert(1)", "'-->{{7*7}}</title></script>"] {
            service.callback().account(&text.replace('\0', "")).sets(text.trim_matches('\0'), json!(text)).post().await.assert_ok(text);
        }
        service.callback().body("{\"ProfileItem\":\"<b>\\u202e\"}").post().await.assert_fail(400, "kept");
        let account = "/account?account=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E";
        for path in ["/", "/?account=%22%3E%3Cscript%3E", account, "/callbacks/1", "/callbacks/3", "/callbacks/5", "/unreadable"] {
            let page = get(&service, path).await;
            page.assert_page(200, path);
            for raw in ["<img src=x", "<b>", "\u{202e}", "\u{200f}", "\u{0}", "\u{1b}", "\" onmouseover", "'--></title>"] {
                assert!(!page.text.contains(raw), "{path}: {raw:?}");
            }
        }
        assert!(get(&service, "/").await.text.contains("&lt;img src=x onerror=alert(1)&gt;"));
    }

    async fn filters_paging_and_exports_are_links(db: Database) {
        let service = Service::start(&db).await;
        for at in 0..5 {
            nick(&service, "a&b", &format!("name {at}")).await;
        }
        nick(&service, "other", "theirs").await;
        let page = get(&service, "/?account=a%26b&limit=2&tag=").await;
        page.assert_page(200, "filtered");
        assert!(page.text.contains("name 4") && page.text.contains("name 3") && !page.text.contains("theirs"));
        for link in [
            "/?account=a%26b&amp;limit=2&amp;cursor=4.0",
            "/api/v1/changes/export?account=a%26b&amp;format=csv",
            "/account?app=1400000000&amp;account=a%26b",
        ] {
            assert!(page.text.contains(&format!("href=\"{link}\"")), "{link}: {}", page.text);
        }
        assert!(page.text.contains("value=\"a&amp;b\""), "the form says it");
        let older = get(&service, "/?account=a%26b&limit=2&cursor=4.0").await.text;
        assert!(older.contains("name 2") && older.contains("name 1") && !older.contains("name 3"));
        let newer = get(&service, "/?account=a%26b&limit=2&order=asc&cursor=3.0").await.text;
        assert!(newer.find("/callbacks/5").is_some_and(|newest| newer.find("/callbacks/4").is_some_and(|older| newest < older)), "newest first");
        assert!(get(&service, "/?tag=none").await.text.contains("No change matches"));
        let profile = get(&service, "/account?account=a%26b&at=2000-01-01%2012:00").await;
        profile.assert_page(200, "before anything");
        assert!(profile.text.contains("No values"));
    }

    async fn what_pages_show_is_recorded_as_the_api_records_it(db: Database) {
        let service = Service::start(&db).await;
        nick(&service, "id1", "name").await;
        for path in ["/?account=id1&limit=5", "/account?account=id1", "/callbacks/1", "/unreadable", "/handlers"] {
            get(&service, path).await.assert_page(200, path);
        }
        let columns = "who || ' | ' || action || ' | ' || target || ' | ' || coalesce(details, '-')";
        let recorded = db.texts(&format!("SELECT {columns} FROM access_log ORDER BY id")).await;
        let expected = [
            "anonymous | changes.read | id1 | account=id1&limit=5 from 127.0.0.1",
            "anonymous | profile.read | id1 | account=id1 from 127.0.0.1",
            "anonymous | callback.read | id1 | seq=1 from 127.0.0.1",
            "anonymous | unreadable.read | * | from 127.0.0.1",
        ];
        assert_eq!(recorded, expected, "handlers alone show nobody's data");
    }

    async fn a_name_that_two_apps_share_is_asked_about(db: Database) {
        let service = Launch::on(&db).app(1, &[]).app(2, &[]).start().await;
        for app in [1, 2] {
            let callback = service.callback().with("SdkAppid", app).account("both");
            callback.sets("T", json!(format!("of {app}"))).post().await.assert_ok("a callback");
        }
        let page = get(&service, "/account?account=both").await;
        page.assert_page(200, "a choice");
        assert!(page.text.contains("/account?account=both&amp;app=1") && page.text.contains("app=2"), "{}", page.text);
        let page = get(&service, "/account?account=both&app=2").await.text;
        assert!(page.contains("of 2") && !page.contains("of 1"));
        get(&service, "/account?account=nobody").await.assert_page(404, "nobody");
    }

    async fn mistakes_are_pages_that_name_the_field_and_keep_what_was_typed(db: Database) {
        let service = Service::start(&db).await;
        let page = get(&service, "/?account=id1&since=yesterday").await;
        page.assert_page(400, "a bad time");
        for part in ["value=\"id1\"", "value=\"yesterday\"", "aria-invalid=\"true\"", "Since must be a time"] {
            assert!(page.text.contains(part), "{part}: {}", page.text);
        }
        for path in ["/?app=x", "/?limit=0", "/?cursor=x", "/?nonsense=1", "/?tag=a&tag=b", "/account?account=a&at=x", "/callbacks/x", "/unreadable?cursor=x", "/handlers?seq=x", "/?account=%00"] {
            get(&service, path).await.assert_page(400, path);
        }
        get(&service, "/callbacks/7").await.assert_page(404, "no such entry");
        ask(&service, "GET", "/nowhere", &[("accept", "text/html,*/*")]).await.assert_page(404, "nowhere");
        assert_eq!(get(&service, "/nowhere").await.headers[CONTENT_TYPE], "application/problem+json");
        assert_eq!(ask(&service, "POST", "/", &[]).await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_not_gets_a_page_that_says_so() {
    let db = Database::sqlite().await;
    let token = |name: &str, scopes: &str| {
        let sha256 = portraitd::protocol::sign::sign(name, "");
        format!("[[admin.tokens]]\nname = {name:?}\nsha256 = {sha256:?}\nscopes = {scopes}\n")
    };
    let tokens = [token("reader", "[\"read\"]"), token("operator", "[\"operate\"]")].concat();
    let service =
        Launch::on(&db).toml(&format!("{tokens}[[handlers]]\nname = \"trace\"\nkind = \"log\"")).start().await;
    let bearer = |name: &str| format!("Bearer {name}");
    let paths = ["/", "/account", "/callbacks/1", "/handlers", "/unreadable", "/live"];
    for path in paths {
        let page = get(&service, path).await;
        page.assert_page(401, path);
        assert!(page.headers.get_all(WWW_AUTHENTICATE).iter().any(|offer| offer.as_bytes().starts_with(b"Basic ")));
        let headers = [("authorization", bearer("operator"))];
        ask(&service, "GET", path, &[(headers[0].0, &headers[0].1)]).await.assert_page(403, path);
        ask(&service, "GET", path, &[("host", "evil.example")]).await.assert_page(421, path);
    }
    let asset = get(&service, "/")
        .await
        .text
        .split("href=\"/assets/")
        .nth(1)
        .and_then(|rest| rest.split('"').next().map(str::to_owned));
    let asset = get(&service, &format!("/assets/{}", asset.expect("an asset"))).await;
    assert_eq!(asset.status, 200, "the page that asks for a token is dressed");
    assert!(asset.headers["cache-control"].to_str().is_ok_and(|text| text.contains("immutable")));

    for path in ["/handlers/trace/pause", "/handlers/trace/resume", "/handlers/trace/dead-letters/1/retry"] {
        get(&service, path).await;
        ask(&service, "POST", path, &[]).await.assert_page(401, path);
        ask(&service, "POST", path, &[("authorization", &bearer("reader"))]).await.assert_page(403, path);
        // "x:operator", as a browser sends what it was once told.
        let basic = ("authorization", "Basic eDpvcGVyYXRvcg==");
        ask(&service, "POST", path, &[basic, ("origin", "https://evil.example")]).await.assert_page(403, path);
    }
    let operator = bearer("operator");
    let post = async |path: &str| ask(&service, "POST", path, &[("authorization", &operator)]).await;
    let done = post("/handlers/trace/pause").await;
    assert_eq!((done.status, done.headers[LOCATION].to_str().ok()), (303, Some("/handlers?did=pause&name=trace")));
    post("/handlers/trace/dead-letters/1/retry").await.assert_page(404, "no such dead letter");
    post("/handlers/nobody/pause").await.assert_page(404, "no such handler");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_is_a_page_that_says_nothing_of_it() {
    let db = Database::postgres().await;
    let service = Service::start(&db).await;
    db.execute("ALTER TABLE callbacks RENAME TO elsewhere").await;
    for path in ["/", "/account?account=a", "/callbacks/1"] {
        let page = get(&service, path).await;
        page.assert_page(503, path);
        assert!(page.text.contains("The store does not answer") && !page.text.contains("elsewhere"), "{path}");
    }
}
