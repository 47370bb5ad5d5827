//! The private listener: health, readiness, metrics, and who may ask; and that the public one shows nothing of it.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{CONTENT_TYPE, HOST, HeaderMap, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::service::{Launch, Service, program};

struct Said {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Said {
    /// RFC 9457: a problem document with this status.
    #[track_caller]
    fn assert_problem(&self, status: u16, case: &str) {
        assert_eq!(self.status, status, "{case}: {}", self.text);
        assert_eq!(self.headers[CONTENT_TYPE], "application/problem+json", "{case}");
        let document: Value = serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{case}: {e}: {}", self.text));
        assert_eq!(document["status"], status, "{case}: {document}");
        for name in ["type", "title", "detail"] {
            assert!(document[name].as_str().is_some_and(|text| !text.is_empty()), "{case}: {name} in {document}");
        }
    }
}

async fn get(service: &Service, path: &str, headers: &[(&str, &str)]) -> Said {
    send(service, "GET", path, headers).await
}

async fn send(service: &Service, method: &str, path: &str, headers: &[(&str, &str)]) -> Said {
    let method = method.parse().expect("a method");
    let request = service.http.request(method, format!("{}{path}", service.private_url));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let response = request.send().await.expect("the private listener answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Said { status, headers, text: response.text().await.expect("the whole answer") }
}

fn sha256(token: &str) -> String {
    // A Sign over nothing but the token is its SHA-256.
    portraitd::protocol::sign::sign(token, "")
}

fn tokens(tokens: &[(&str, &str, &str)]) -> String {
    tokens.iter().fold(String::new(), |mut text, (name, token, scopes)| {
        let _ = write!(text, "[[admin.tokens]]\nname = {name:?}\nsha256 = {:?}\nscopes = {scopes}\n", sha256(token));
        text
    })
}

on_both_stores! {
    async fn health_is_open_on_both_listeners_and_readiness_on_the_private_one(db: Database) {
        let service = Launch::on(&db).toml(&tokens(&[("a", "secret", "[\"read\"]")])).start().await;
        for url in [&service.url, &service.private_url] {
            let response = service.http.get(format!("{url}/healthz")).send().await.expect("an answer");
            assert_eq!(response.status(), 200, "{url}");
        }
        let ready = get(&service, "/readyz", &[]).await;
        assert_eq!((ready.status, ready.text.trim()), (200, "ready: store"));
    }

    async fn metrics_are_what_an_operator_needs_and_all_begin_with_portraitd(db: Database) {
        let service = Service::start(&db).await;
        let body = r#"{"From_Account":"a","EventTime":1,"ProfileItem":[{"Tag":"T","Value":1},{"Tag":"U","Value":2}]}"#;
        service.callback().body(body).post().await.assert_ok("recorded");
        service.callback().body(body).post().await.assert_ok("a duplicate");
        service.callback().body("not JSON").post().await.assert_fail(400, "unreadable");
        service.callback().with("CallbackCommand", "State.StateChange").post().await.assert_fail(400, "its body says otherwise");
        service.callback().with("CallbackCommand", "State.StateChange").body("{\"x\":1}").post().await.assert_ok("another command");

        let said = get(&service, "/metrics", &[]).await;
        assert_eq!(said.status, 200);
        let content_type = said.headers[CONTENT_TYPE].to_str().expect("text");
        assert!(content_type.starts_with("application/openmetrics-text"), "{content_type}");
        assert!(said.text.ends_with("# EOF\n"), "OpenMetrics ends so");
        for line in said.text.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.starts_with("portraitd_"), "{line}");
        }
        let portrait = "command=\"Profile.CallbackPortraitSet\"";
        let metric = async |name: &str, labels: &str| service.metric(&format!("portraitd_{name}"), labels).await;
        for (outcome, command, count) in [
            ("recorded", portrait, 1.0), ("duplicate", portrait, 1.0), ("unreadable", portrait, 1.0),
            ("bad_command", "command=\"State\"", 1.0), ("acknowledged", "command=\"State\"", 1.0),
        ] {
            let outcome_label = format!("outcome=\"{outcome}\"");
            assert_eq!(metric("callbacks_total", &outcome_label).await, count, "{outcome}");
            let both = said.text.lines().any(|line| line.contains(&outcome_label) && line.contains(command));
            assert!(both, "{outcome} with {command}");
        }
        assert_eq!(metric("duplicates_total", "").await, 1.0);
        assert!(metric("append_seconds_count", "").await >= 1.0, "append latency");
        assert!(metric("batch_entries_count", "").await >= 1.0, "batch size");
        assert_eq!(metric("answer_seconds_count", "").await, 5.0, "answer latency");
        assert_eq!(metric("queue_entries", "").await, 0.0, "queue depth");
        assert_eq!(metric("log_seq", "").await, 1.0);
        assert_eq!(metric("build_info", &format!("version=\"{}\"", env!("CARGO_PKG_VERSION"))).await, 1.0);
        assert_eq!(metric("panics_total", "").await, 0.0);
    }

    async fn readiness_says_where_a_callback_would_go(db: Database) {
        let service = Service::start(&db).await;
        let readiness = async || {
            let said = get(&service, "/readyz", &[]).await;
            (said.status, said.text)
        };
        assert_eq!(readiness().await, (200, "ready: store\n".to_owned()));
        let spool = async || readiness().await == (200, "ready: spool: the store takes no appends\n".to_owned());
        if db.is_postgres() {
            let name = db.texts("SELECT current_database()::text").await.remove(0);
            db.execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
            let kick = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                         WHERE datname = current_database() AND pid <> pg_backend_pid()";
            db.execute(kick).await;
            eventually("the spool would take it", spool).await;
            let mut connection = db.pg().await;
            let writable = format!("ALTER DATABASE {name} RESET default_transaction_read_only");
            for sql in ["SET default_transaction_read_only = off", &writable, kick] {
                let sql = sqlx::AssertSqlSafe(sql.to_owned());
                sqlx::raw_sql(sql).execute(&mut connection).await.expect("writable again");
            }
        } else {
            let mut blocker = db.lite().await;
            sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut blocker).await.expect("a lock");
            let said = readiness().await;
            assert!(said.0 == 200 && said.1.starts_with("ready: spool"), "{said:?}");
            sqlx::raw_sql("ROLLBACK").execute(&mut blocker).await.expect("the lock is gone");
        }
        eventually("the store takes appends again", async || readiness().await.1 == "ready: store\n").await;
        service.callback().post().await.assert_ok("and takes callbacks");
        assert_eq!(service.verified_entries(), 1);
    }

    async fn the_public_listener_shows_nothing_of_the_private_one(db: Database) {
        let service = Service::start(&db).await;
        for path in ["/metrics", "/readyz", "/openapi.json", "/api/v1/changes", "/api/v1/unreadable", "/healthz/", "/debug", "/../metrics"] {
            for method in ["GET", "POST"] {
                service.callback().at(path).raw_query("").body("").send(method).await.assert_fail(404, &format!("{method} {path}"));
            }
        }
        service.callback().raw_query("").body("").send("GET").await.assert_fail(405, "GET /");
        let private = service.http.post(format!("{}/?SdkAppid=1400000000", service.private_url)).body("{}").send().await.expect("an answer");
        assert_eq!(private.status(), 404, "and callbacks do not arrive at the private one");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_database_that_is_gone_is_kept_out_of_the_answer() {
    let db = Database::postgres().await;
    let service = Service::start(&db).await;
    let name = db.texts("SELECT current_database()::text").await.remove(0);
    let other = db.url().replace(&format!("/{name}"), "/postgres");
    let mut server = <sqlx::PgConnection as sqlx::Connection>::connect(&other).await.expect("the server");
    let drop = format!("DROP DATABASE {name} WITH (FORCE)");
    sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(&mut server).await.expect("dropped");
    eventually("the store is away", async || get(&service, "/readyz", &[]).await.text.contains("spool")).await;
    let said = get(&service, "/readyz", &[]).await;
    assert!(
        said.text.starts_with("ready: spool: the store")
            && !said.text.contains(&name)
            && !said.text.contains("postgres"),
        "{}",
        said.text
    );
    let health = get(&service, "/healthz", &[]).await;
    assert_eq!(health.status, 200, "the process itself is well");
}

#[tokio::test]
async fn with_tokens_metrics_need_one_with_the_right_scope() {
    let db = Database::sqlite().await;
    let config = tokens(&[
        ("prometheus", "for metrics", "[\"metrics\"]"),
        ("support", "for reading", "[\"read\", \"operate\"]"),
    ]);
    let service = Launch::on(&db).toml(&config).start().await;
    let ask = async |authorization: &str| get(&service, "/metrics", &[("authorization", authorization)]).await;
    let basic = |pair: &str| format!("Basic {}", BASE64_STANDARD.encode(pair));

    for good in ["Bearer for metrics", "bearer for metrics", &basic("anybody:for metrics"), &basic(":for metrics")] {
        assert_eq!(ask(good).await.status, 200, "{good}");
    }
    let missing = get(&service, "/metrics", &[]).await;
    missing.assert_problem(401, "no token");
    let offered: Vec<_> =
        missing.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).collect();
    assert!(
        offered.iter().any(|o| o.starts_with("Bearer "))
            && offered.contains(&"Basic realm=\"portraitd\", charset=\"UTF-8\""),
        "a browser asks for a password: {offered:?}"
    );
    let hash = format!("Bearer {}", sha256("for metrics"));
    for wrong in [
        "Bearer wrong",
        "Bearer ",
        "Bearer",
        "Basic",
        "Basic !!!",
        "Digest for metrics",
        "for metrics",
        &basic("for metrics"),
        &basic("for metrics:"),
        "Bearer FOR METRICS",
        &hash,
    ] {
        let said = ask(wrong).await;
        said.assert_problem(401, wrong);
        assert!(said.headers.contains_key(WWW_AUTHENTICATE), "{wrong}");
    }
    ask("Bearer for reading").await.assert_problem(403, "the wrong scope");
    assert!(!service.stderr().contains("for metrics"), "tokens are not logged");
}

#[tokio::test]
async fn the_shorthand_token_opens_everything_and_may_come_from_a_file() {
    let db = Database::sqlite().await;
    let service = Launch::on(&db).env("PORTRAITD_ADMIN_TOKEN", "t0ken").start().await;
    get(&service, "/metrics", &[]).await.assert_problem(401, "no token");
    assert_eq!(get(&service, "/metrics", &[("authorization", "Bearer t0ken")]).await.status, 200);
    let file = service.path("token");
    program::write_secret(&file, "from a file\n");
    let db = Database::sqlite().await;
    let service = Launch::on(&db).env("PORTRAITD_ADMIN_TOKEN_FILE", file.to_str().expect("a path")).start().await;
    assert_eq!(get(&service, "/metrics", &[("authorization", "Bearer from a file")]).await.status, 200);
}

#[tokio::test]
async fn a_host_that_is_neither_loopback_nor_listed_is_refused() {
    let db = Database::sqlite().await;
    let config = "[admin]\nhosts = [\"Audit.Example.com\"]";
    let service = Launch::on(&db).toml(config).start().await;
    let port = service.private.port();
    let local = ["localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.2:8081", "[::1]", "[::1]:8081"];
    let listed = ["audit.example.com", "AUDIT.example.com:443"];
    for host in local.iter().chain(&listed) {
        assert_eq!(get(&service, "/metrics", &[(HOST.as_str(), host)]).await.status, 200, "{host}");
    }
    let rebound = format!("rebound.example.com:{port}");
    let hostile = [
        rebound.as_str(),
        "example.com",
        "audit.example.com.evil.net",
        "evil-audit.example.com",
        "localhost.evil.net",
        "127.0.0.1.evil.net",
        "0.0.0.0",
        "192.168.1.1",
        "[::]",
        "[::ffff:7f00:1%25]",
        "localhost@evil.net",
    ];
    for host in hostile {
        let said = get(&service, "/metrics", &[(HOST.as_str(), host)]).await;
        assert!([400, 421].contains(&said.status), "{host}: {} {}", said.status, said.text);
        assert!(!said.text.contains("portraitd_"), "{host}");
    }
    get(&service, "/metrics", &[(HOST.as_str(), "example.com")]).await.assert_problem(421, "a Host that is not ours");
    assert_eq!(
        get(&service, "/healthz", &[(HOST.as_str(), "example.com")]).await.status,
        200,
        "health is open to probes"
    );
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_a_problem_document() {
    let db = Database::sqlite().await;
    let service = Service::start(&db).await;
    for path in ["/nowhere", "/api/v1/", "/healthz/x", "/%00", "/%zz"] {
        get(&service, path, &[]).await.assert_problem(404, path);
    }
    let said = get(&service, "/nowhere", &[]).await;
    assert_eq!(said.headers["x-content-type-options"], "nosniff");
    assert_eq!(said.headers["cache-control"], "no-store");
    let document: Value = serde_json::from_str(&said.text).expect("JSON");
    assert_eq!((&document["title"], &document["type"]), (&json!("Not Found"), &json!("about:blank")));
    assert!(!said.headers.contains_key("access-control-allow-origin"), "no CORS");
}

#[tokio::test]
async fn another_method_is_a_problem_document_that_says_which_are_allowed() {
    let db = Database::sqlite().await;
    let service = Service::start(&db).await;
    for path in ["/metrics", "/healthz", "/readyz"] {
        let said = send(&service, "POST", path, &[]).await;
        said.assert_problem(405, path);
        assert!(said.headers["allow"].to_str().is_ok_and(|methods| methods.contains("GET")), "{path}");
    }
}
