//! A page on another origin, a name that leads to us, a form with a cached password, a token of another scope, guessing: each is
//! refused, on every route.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::Client;

use super::{access_log, ask, ask_by, guarded_routes, launch};
use crate::harness::db::{Database, eventually};

/// The token of somebody whose scope it is.
fn token(scope: &str) -> &'static str {
    match scope {
        "read" => "reader!",
        "operate" => "operator!",
        "metrics" => "prometheus!",
        _ => panic!("no such scope: {scope}"),
    }
}

/// As a browser sends what it was once told.
fn basic(secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("me:{secret}")))
}

fn bearer(secret: &str) -> String {
    format!("Bearer {secret}")
}

#[tokio::test]
async fn a_page_on_another_origin_gets_nothing_with_the_browsers_password() {
    let db = Database::sqlite().await;
    let service = launch(&db).start().await;
    for (method, path, scope) in guarded_routes(&service).await {
        let password = basic(token(&scope));
        for headers in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "null")],
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
            &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
        ] {
            let case = format!("{method} {path} {headers:?}");
            let headers = [&[("authorization", password.as_str())], headers].concat();
            let said = ask(&service, &method, &path, &headers).await;
            said.assert_problem(403, &case);
            assert!(!said.headers.keys().any(|name| name.as_str().starts_with("access-control-")), "no CORS: {case}");
        }
        let preflight = [("origin", "https://evil.example"), ("access-control-request-method", method.as_str())];
        let said = ask(&service, "OPTIONS", &path, &preflight).await;
        assert!(said.status >= 400, "{path}: {}", said.status);
        assert!(!said.headers.keys().any(|name| name.as_str().starts_with("access-control-")), "no CORS: {path}");
    }
    assert!(access_log(&db).await.is_empty(), "nothing was read or done");
    assert!(service.metric_as("prometheus!", "portraitd_private_refused_total", "reason=\"origin\"").await >= 35.0);
}

#[tokio::test]
async fn a_form_on_another_page_does_nothing_with_the_browsers_password() {
    let db = Database::sqlite().await;
    let service = launch(&db).start().await;
    let password = basic("operator!");
    let form = [
        ("authorization", password.as_str()),
        ("content-type", "application/x-www-form-urlencoded"),
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let posts = guarded_routes(&service).await.into_iter().filter(|(method, ..)| method == "POST");
    for (_, path, _) in posts {
        ask(&service, "POST", &path, &form).await.assert_problem(403, &path);
        ask(&service, "POST", &path, &form[..3]).await.assert_problem(403, &format!("{path}, an older browser"));
        ask(&service, "GET", &path, &form).await;
    }
    assert!(access_log(&db).await.is_empty(), "nothing was done");
}

#[tokio::test]
async fn a_link_on_another_page_may_be_followed() {
    let db = Database::sqlite().await;
    let service = launch(&db).start().await;
    let password = basic("reader!");
    let link = [
        ("authorization", password.as_str()),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    assert_eq!(ask(&service, "GET", "/api/v1/handlers", &link).await.status, 200);
}

#[tokio::test]
async fn a_name_that_leads_to_us_gets_nothing_even_with_a_right_token() {
    let db = Database::sqlite().await;
    let service = launch(&db).start().await;
    let rebound = format!("rebound.example.com:{}", service.private.port());
    for (method, path, scope) in guarded_routes(&service).await {
        let authorization = bearer(token(&scope));
        for host in [rebound.as_str(), "evil.example", "localhost.evil.example"] {
            let headers =
                [("authorization", authorization.as_str()), ("host", host), ("sec-fetch-site", "same-origin")];
            ask(&service, &method, &path, &headers).await.assert_problem(421, &format!("{method} {path} {host}"));
        }
    }
    ask(&service, "GET", "/openapi.json", &[("host", "evil.example")]).await.assert_problem(421, "the document");
    assert!(access_log(&db).await.is_empty());
}

#[tokio::test]
async fn each_route_takes_tokens_of_its_own_scope_only() {
    let db = Database::sqlite().await;
    let service = launch(&db).start().await;
    for (method, path, scope) in guarded_routes(&service).await {
        for other in ["read", "operate", "metrics"].into_iter().filter(|other| *other != scope) {
            let case = format!("{method} {path} by {other}");
            for authorization in [bearer(token(other)), basic(token(other))] {
                let said = ask(&service, &method, &path, &[("authorization", &authorization)]).await;
                assert!(said.assert_problem(403, &case).contains("scope"), "{case}");
            }
        }
        let said = ask(&service, &method, &path, &[]).await;
        said.assert_problem(401, &format!("{method} {path} by nobody"));
        let offered: Vec<_> = said.headers.get_all("www-authenticate").iter().collect();
        assert_eq!(offered, ["Bearer realm=\"portraitd\"", "Basic realm=\"portraitd\", charset=\"UTF-8\""]);
    }
    assert!(access_log(&db).await.is_empty());
}

#[tokio::test]
async fn wrong_tokens_are_limited_per_source_and_right_ones_never() {
    let db = Database::sqlite().await;
    let service = launch(&db).start().await;
    let path = "/api/v1/handlers";
    let by = async |authorization: &str| ask(&service, "GET", path, &[("authorization", authorization)]).await;
    let mut tried = 0;
    let limited = eventually("one wrong token too many", async || {
        let said = by(if tried % 2 == 0 { "Bearer wrong" } else { "Basic bWU6d3Jvbmc=" }).await;
        tried += 1;
        if said.status == 429 {
            return Some(said);
        }
        said.assert_problem(401, "a wrong token");
        None
    })
    .await;
    assert!(tried > 10, "{tried}");
    assert!(limited.assert_problem(429, "limited").contains("wrong tokens"));
    let wait: u64 = limited.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!((1..=6).contains(&wait), "{wait} s");
    assert_eq!(limited.headers["connection"], "close");

    for right in [bearer("reader!"), basic("reader!")] {
        assert_eq!(by(&right).await.status, 200, "a right token is not held up");
    }
    by(&bearer("operator!")).await.assert_problem(403, "nor is a right one of another scope");
    ask(&service, "GET", path, &[]).await.assert_problem(401, "a browser that has not asked for the password yet");
    let other = Client::builder().no_proxy().local_address(std::net::IpAddr::from([127, 0, 0, 9])).build();
    let wrong = [("authorization", "Bearer wrong")];
    ask_by(&other.expect("a client"), &service, "GET", path, &wrong).await.assert_problem(401, "another source");

    let refused = async |reason: &str| {
        service.metric_as("prometheus!", "portraitd_private_refused_total", &format!("reason=\"{reason}\"")).await
    };
    assert!(refused("limited").await >= 1.0 && refused("wrong_token").await >= 10.0);
    assert_eq!((refused("no_token").await, refused("scope").await), (1.0, 1.0));
    let line = service.says("tries too many wrong tokens").await;
    assert!(line.contains("127.0.0.1"), "{line}");
    assert!(!service.stderr().contains("wrong!") && !service.stderr().contains("bWU6"), "no token is logged");
}
