//! The same through the private listener: who may, what is answered, and who it was.

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::backend::Backend;
use super::{access_log, failed, handler, until};
use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::service::{Launch, Service, program};

const HANDLERS: &str = "/api/v1/handlers";

/// Tokens `reader`, `operator` and `prometheus`, whose secrets are their names and an exclamation mark.
fn tokens() -> String {
    [("reader", "read"), ("operator", "operate"), ("prometheus", "metrics")]
        .map(|(name, scope)| {
            // A Sign over nothing but the token is its SHA-256.
            let sha256 = portraitd::protocol::sign::sign(&format!("{name}!"), "");
            format!("[[admin.tokens]]\nname = {name:?}\nsha256 = {sha256:?}\nscopes = [{scope:?}]\n")
        })
        .concat()
}

/// A request to the private listener.
struct Ask<'s> {
    service: &'s Service,
    method: &'s str,
    path: String,
    headers: Vec<(&'s str, String)>,
    body: Option<String>,
}

impl<'s> Ask<'s> {
    fn new(service: &'s Service, method: &'s str, path: &str) -> Self {
        Ask { service, method, path: format!("{HANDLERS}{path}"), headers: Vec::new(), body: None }
    }

    /// With this token as Bearer.
    fn by(self, name: &str) -> Self {
        self.with("authorization", &format!("Bearer {name}!"))
    }

    fn with(mut self, name: &'s str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn json(self, body: &str) -> Self {
        Ask { body: Some(body.to_owned()), ..self.with("content-type", "application/json") }
    }

    async fn send(self) -> (u16, String, String) {
        let method = self.method.parse().expect("a method");
        let mut request = self.service.http.request(method, format!("{}{}", self.service.private_url, self.path));
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = self.body {
            request = request.body(body);
        }
        let response = request.send().await.expect("the private listener answers");
        let content_type =
            response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (status, content_type) = (response.status().as_u16(), content_type.to_owned());
        (status, content_type, response.text().await.expect("the whole answer"))
    }

    /// 200 and JSON.
    async fn answer(self) -> Value {
        let path = self.path.clone();
        let (status, content_type, text) = self.send().await;
        assert_eq!((status, content_type.as_str()), (200, "application/json"), "{path}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}: {text}"))
    }

    /// A problem document with this status; its detail.
    async fn problem(self, status: u16) -> String {
        let path = self.path.clone();
        let (found, content_type, text) = self.send().await;
        assert_eq!((found, content_type.as_str()), (status, "application/problem+json"), "{path}: {text}");
        let document: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}: {text}"));
        assert_eq!(document["status"], status, "{path}: {document}");
        document["detail"].as_str().expect("a detail").to_owned()
    }
}

on_both_stores! {
    async fn handlers_and_dead_letters_are_listed_as_on_the_command_line(db: Database) {
        let backend = Backend::start().await;
        let service = failed(&db, &backend, &tokens()).await;
        let get = |path: &str| Ask::new(&service, "GET", path).by("reader");
        eventually("trace is through", async || handler(&service, "trace").is_some_and(|h| h["lag"] == 0)).await;
        let shown = program::lines(&service.cli(&["handlers", "--json"]));
        assert_eq!(get("").answer().await, json!({ "items": shown, "next_cursor": null }));

        let letters = program::lines(&service.cli(&["handlers", "dead-letters", "backend", "--json"]));
        assert_eq!(letters.len(), 3);
        let all = get("/backend/dead-letters").answer().await;
        assert_eq!(all, json!({ "items": letters, "next_cursor": null }));
        let first = get("/backend/dead-letters?limit=2").answer().await;
        assert_eq!(first, json!({ "items": letters[..2], "next_cursor": "2" }));
        let second = get("/backend/dead-letters?limit=2&cursor=2").answer().await;
        assert_eq!(second, json!({ "items": letters[2..], "next_cursor": null }));
        assert_eq!(get("/trace/dead-letters").answer().await["items"], json!([]));
    }

    async fn an_operator_steers_and_the_access_log_names_the_token(db: Database) {
        let backend = Backend::start().await;
        let service = failed(&db, &backend, &tokens()).await;
        let post = |path: &str| Ask::new(&service, "POST", path).by("operator");
        backend.says(200);
        let answer = post("/backend/dead-letters/2/retry").answer().await;
        assert_eq!(answer, json!({ "name": "backend", "seq": 2, "in_order": false }));
        until(&service, "it works", |backend| backend["dead_letters"] == 2 && backend["waiting"] == 0).await;
        assert!(post("/backend/dead-letters/2/retry").problem(404).await.contains("no dead letter 2"));
        assert_eq!(post("/backend/pause").answer().await, json!({ "name": "backend", "state": "paused" }));
        until(&service, "it is paused", |backend| backend["state"] == "paused").await;
        assert_eq!(post("/backend/resume").answer().await, json!({ "name": "backend", "state": "resumed" }));
        until(&service, "it goes on", |backend| backend["state"] == "running").await;
        for (to, position) in [("3", 2), ("\"beginning\"", 0), ("\"2020-01-01T00:00:00+08:00\"", 0)] {
            let answer = post("/backend/rewind").json(&format!("{{\"to\":{to}}}")).answer().await;
            assert_eq!(answer, json!({ "name": "backend", "position": position }), "{to}");
        }
        until(&service, "it is through again", |backend| backend["position"] == 3).await;
        let recorded = [
            "handlers.retry | backend | entries [2]", "handlers.retry | backend | entries [2]", "handlers.pause | backend | -",
            "handlers.resume | backend | -", "handlers.rewind | backend | to after entry 2",
            "handlers.rewind | backend | to after entry 0", "handlers.rewind | backend | to after entry 0",
        ];
        assert_eq!(access_log(&db).await, recorded.map(|line| format!("operator | {line}")));
    }

    async fn whoever_may_not_is_refused_and_nothing_happens(db: Database) {
        let service = Launch::on(&db).toml(&tokens()).toml("[[handlers]]\nname = \"trace\"\nkind = \"log\"").start().await;
        eventually("it is known", async || handler(&service, "trace").is_some()).await;
        let reading = [("GET", ""), ("GET", "/trace/dead-letters")];
        let steering = [
            ("POST", "/trace/pause"), ("POST", "/trace/resume"), ("POST", "/trace/rewind"), ("POST", "/trace/dead-letters/1/retry"),
        ];
        for (method, path) in reading {
            Ask::new(&service, method, path).by("operator").problem(403).await;
        }
        for (method, path) in steering {
            Ask::new(&service, method, path).by("reader").json("{\"to\":1}").problem(403).await;
        }
        for (method, path) in reading.into_iter().chain(steering) {
            let ask = || Ask::new(&service, method, path).json("{\"to\":1}");
            ask().problem(401).await;
            ask().by("nobody").problem(401).await;
            ask().by("prometheus").problem(403).await;
            ask().by("operator").with("host", "audit.example.com").problem(421).await;
            ask().by("reader").with("host", "evil.example:8081").problem(421).await;
        }
        // "x:operator!" and "x:reader!", as a browser sends what it was once told.
        for (method, path) in steering {
            let basic = || Ask::new(&service, method, path).with("authorization", "Basic eDpvcGVyYXRvciE=").json("{\"to\":1}");
            for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("origin", "null")] {
                basic().with(name, value).problem(403).await;
            }
        }
        assert!(access_log(&db).await.is_empty());
        let own = Ask::new(&service, "POST", "/trace/pause").with("authorization", "Basic eDpvcGVyYXRvciE=");
        own.with("origin", &service.private_url).answer().await;
        assert_eq!(access_log(&db).await, ["operator | handlers.pause | trace | -"]);
    }

    async fn nonsense_is_a_problem_document(db: Database) {
        let service = Launch::on(&db).toml("[[handlers]]\nname = \"trace\"\nkind = \"log\"").start().await;
        eventually("it is known", async || handler(&service, "trace").is_some()).await;
        let (get, post) = (|path: &str| Ask::new(&service, "GET", path), |path: &str| Ask::new(&service, "POST", path));
        for name in ["nobody", "%00", "a%2Fb", "%20", "trace%0a", "..%2f", &"x".repeat(300)] {
            for path in ["pause", "resume", "dead-letters/1/retry"] {
                post(&format!("/{name}/{path}")).problem(404).await;
            }
            post(&format!("/{name}/rewind")).json("{\"to\":1}").problem(404).await;
            get(&format!("/{name}/dead-letters")).problem(404).await;
        }
        for path in ["/%ff/pause", "/trace/dead-letters/x/retry", "/trace/dead-letters/1.5/retry", "/trace/dead-letters/99999999999999999999/retry"] {
            post(path).problem(400).await;
        }
        get("/%ff/dead-letters").problem(400).await;
        for seq in ["0", "-1", "1", "9223372036854775807"] {
            post(&format!("/trace/dead-letters/{seq}/retry")).problem(404).await;
        }
        for query in ["limit=0", "limit=1001", "limit=-1", "limit=x", "cursor=x", "after=1", "limit=1&limit=2"] {
            get(&format!("/trace/dead-letters?{query}")).problem(400).await;
        }
        let deep = format!("{{\"to\":{}1{}}}", "[".repeat(1000), "]".repeat(1000));
        let large = format!("{{\"to\":\"{}\"}}", "x".repeat(5000));
        for body in [
            "", "{}", "null", "[]", "1", "not JSON", r#"{"to":null}"#, r#"{"to":0}"#, r#"{"to":-1}"#, r#"{"to":1.5}"#, r#"{"to":1e99}"#,
            r#"{"to":"now"}"#, r#"{"to":"yesterday"}"#, r#"{"to":"1"}"#, r#"{"to":["beginning"]}"#, r#"{"to":1,"x":2}"#,
            r#"{"to":1,"to":2}"#, r#"{"to":"beginning"} x"#, &deep, &large,
        ] {
            let detail = post("/trace/rewind").json(body).problem(400).await;
            assert!(detail.contains("beginning"), "{body:.50}: {detail}");
        }
        let bare = Ask { body: Some("{\"to\":1}".to_owned()), ..post("/trace/rewind") };
        assert!(bare.problem(415).await.contains("application/json"));
        for (method, path) in [("POST", ""), ("GET", "/trace/pause"), ("DELETE", "/trace/rewind"), ("PUT", "/trace/dead-letters")] {
            Ask::new(&service, method, path).problem(405).await;
        }
        for path in ["/", "/trace", "/trace/nothing", "/trace/dead-letters/1"] {
            get(path).problem(404).await;
        }
        assert!(access_log(&db).await.iter().all(|line| line.starts_with("anonymous | handlers.retry | trace | entries")));
        assert_eq!(service.metric("portraitd_panics_total", "").await, 0.0);
        Ask::new(&service, "POST", "/trace/pause").answer().await;
        until_paused(&service).await;
    }
}

async fn until_paused(service: &Service) {
    eventually("it is paused", async || handler(service, "trace").is_some_and(|h| h["state"] == "paused")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_ahead_is_a_conflict() {
    let db = Database::sqlite().await;
    let mut service = Launch::on(&db).toml("[[handlers]]\nname = \"trace\"\nkind = \"log\"").start().await;
    eventually("it is known", async || handler(&service, "trace").is_some()).await;
    service.terminate();
    assert!(service.ended().await.success(), "{}", service.stderr());
    let service = Service::start(&db).await;
    service.callback().post().await.assert_ok("one that no handler is given");
    service.callback().post().await.assert_ok("and another");
    let detail = Ask::new(&service, "POST", "/trace/rewind").json("{\"to\":2}").problem(409).await;
    assert!(detail.contains("only goes back"), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_is_503_and_says_nothing_of_it() {
    let db = Database::postgres().await;
    let service = Launch::on(&db).toml("[[handlers]]\nname = \"trace\"\nkind = \"log\"").start().await;
    db.execute("ALTER TABLE subscriptions RENAME TO elsewhere").await;
    for (method, path) in [("GET", ""), ("GET", "/trace/dead-letters"), ("POST", "/trace/pause")] {
        let detail = Ask::new(&service, method, path).problem(503).await;
        assert_eq!(detail, "the store does not answer", "{method} {path}");
    }
}
