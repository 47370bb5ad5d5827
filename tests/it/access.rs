//! Who may read, and that reading is recorded: refusals at the private listener's door, and the table `access_log`.

mod door;
mod openapi;
mod recorded;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use serde_json::Value;

use crate::harness::db::Database;
use crate::harness::service::{Launch, Service};

/// Tokens `reader`, `operator` and `prometheus`, whose secrets are their names and an exclamation mark; and a handler that
/// makes a dead letter of everything.
fn launch(db: &Database) -> Launch {
    let tokens = [("reader", "read"), ("operator", "operate"), ("prometheus", "metrics")].map(|(name, scope)| {
        // A Sign over nothing but the token is its SHA-256.
        let sha256 = portraitd::protocol::sign::sign(&format!("{name}!"), "");
        format!("[[admin.tokens]]\nname = {name:?}\nsha256 = {sha256:?}\nscopes = [{scope:?}]\n")
    });
    let handler = "[[handlers]]\nname = \"broken\"\nkind = \"exec\"\ncommand = [\"/bin/false\"]\nretry_secs = []";
    Launch::on(db).toml(&tokens.concat()).toml(handler)
}

struct Said {
    status: u16,
    headers: HeaderMap,
    json: Value,
}

impl Said {
    /// A problem document with this status; its detail.
    #[track_caller]
    fn assert_problem(&self, status: u16, case: &str) -> &str {
        assert_eq!(self.status, status, "{case}: {}", self.json);
        assert_eq!(self.headers["content-type"], "application/problem+json", "{case}");
        assert_eq!(self.json["status"], status, "{case}");
        self.json["detail"].as_str().expect("a detail")
    }
}

async fn ask(service: &Service, method: &str, path: &str, headers: &[(&str, &str)]) -> Said {
    ask_by(&service.http, service, method, path, headers).await
}

async fn ask_by(client: &Client, service: &Service, method: &str, path: &str, headers: &[(&str, &str)]) -> Said {
    let method: Method = method.parse().expect("a method");
    let request = client.request(method, format!("{}{path}", service.private_url));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let response = request.send().await.expect("the private listener answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("the whole answer");
    Said { status, headers, json: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

/// Every route with credentials, as the document has it: method, path with something in place of its parameters, scope.
async fn guarded_routes(service: &Service) -> Vec<(String, String, String)> {
    let document = ask(service, "GET", "/openapi.json", &[]).await.json;
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            if let Some(scope) = operation["security"][0]["bearer"][0].as_str() {
                let path = path.split('/').map(|part| match part {
                    "{name}" => "broken",
                    "{account}" => "id1",
                    part if part.starts_with('{') => "1",
                    part => part,
                });
                let path = path.collect::<Vec<_>>().join("/");
                routes.push((method.to_uppercase(), path, scope.to_owned()));
            }
        }
    }
    assert!(routes.len() >= 7, "{routes:?}");
    routes
}

/// `who | action | target | details`, oldest first.
async fn access_log(db: &Database) -> Vec<String> {
    let columns = "who || ' | ' || action || ' | ' || target || ' | ' || coalesce(details, '-')";
    db.texts(&format!("SELECT {columns} FROM access_log ORDER BY id")).await
}
