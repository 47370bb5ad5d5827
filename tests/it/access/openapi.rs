//! `/openapi.json` says what the router serves, and the other way round.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::{ask, launch};
use crate::harness::db::{Database, eventually};
use crate::harness::service::{APP, program};

#[tokio::test]
async fn the_document_is_open_and_every_operation_is_served_with_the_scope_it_names() {
    let db = Database::sqlite().await;
    let service = launch(&db).start().await;
    let said = ask(&service, "GET", "/openapi.json", &[]).await;
    assert_eq!((said.status, &said.headers["content-type"]), (200, &"application/json".parse().expect("a value")));
    let document = said.json;
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", document["openapi"]);
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!((&schemes["bearer"]["scheme"], &schemes["basic"]["scheme"]), (&"bearer".into(), &"basic".into()));

    let paths = document["paths"].as_object().expect("paths");
    for path in
        ["/healthz", "/readyz", "/metrics", "/api/v1/handlers", "/api/v1/handlers/{name}/dead-letters/{seq}/retry"]
    {
        assert!(paths.contains_key(path), "{path} in {:?}", paths.keys());
    }
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("operations") {
            let case = format!("{method} {path}");
            let tried = path.replace("{name}", "broken").replace("{account}", "id1").replace("{seq}", "1");
            let said = ask(&service, &method.to_uppercase(), &tried, &[]).await;
            let is_open = ["/healthz", "/readyz"].contains(&path.as_str());
            assert_eq!(said.status, if is_open { 200 } else { 401 }, "{case}: {}", said.json);
            assert_eq!(operation["security"].is_null(), is_open, "{case}");
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{case} says what it does");
            assert!(operation["responses"]["200"].is_object(), "{case} says what it answers");
            let problem = &operation["responses"]["default"]["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(problem.is_null(), is_open, "{case}");
            for parameter in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                let named = operation["parameters"].as_array().expect("parameters");
                assert!(named.iter().any(|p| p["name"] == parameter && p["in"] == "path"), "{case}: {parameter}");
            }
        }
    }
    assert_no_dangling_reference(&document, &document);
}

fn assert_no_dangling_reference(document: &Value, value: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
            }
            fields.values().for_each(|value| assert_no_dangling_reference(document, value));
        }
        Value::Array(values) => values.iter().for_each(|value| assert_no_dangling_reference(document, value)),
        _ => {}
    }
}

/// axum does not tell its routes, so that one added beside the document could only be seen here. Pages are no API.
#[test]
fn no_route_is_added_beside_the_document() {
    fn files(folder: &Path) -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }
    let audit = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/audit");
    for path in files(&audit).into_iter().filter(|path| !path.starts_with(audit.join("page"))) {
        let text = std::fs::read_to_string(&path).expect("text");
        let added: Vec<_> = text.lines().filter(|line| line.contains(".route(")).collect();
        assert!(added.iter().all(|line| line.contains("/openapi.json")), "{}: {added:?}", path.display());
    }
}

#[tokio::test]
async fn what_is_answered_has_the_fields_the_document_names() {
    let db = Database::sqlite().await;
    let service = launch(&db).start().await;
    service.callback().post().await.assert_ok("a callback");
    eventually("it is a dead letter", async || {
        let output = service.cli(&["handlers", "--json"]);
        output.status.success() && program::lines(&output).iter().any(|handler| handler["dead_letters"] == 1)
    })
    .await;
    let schemas = ask(&service, "GET", "/openapi.json", &[]).await.json["components"]["schemas"].clone();
    let fields = |value: &Value| value.as_object().map(|fields| fields.keys().cloned().collect::<BTreeSet<_>>());
    let by = [("authorization", "Bearer reader!")];
    service.callback().post().await.assert_ok("one that changes what the first one set");
    service.callback().body("x").post().await.assert_fail(400, "unreadable");
    for (path, at, schema) in [
        ("handlers", "/items/0", "Handler"),
        ("handlers/broken/dead-letters", "/items/0", "DeadLetter"),
        ("callbacks/2", "", "Callback"),
        ("callbacks/2", "/items/0", "Item"),
        ("accounts/id1/profile", "", "Profile"),
        ("accounts/id1/profile", "/items/0", "ProfileItem"),
        ("unreadable", "/items/0", "Unreadable"),
        ("proof/head", "", "Head"),
        ("proof/1?through=2", "", "Proof"),
        ("proof/1?through=2", "/links/0", "Link"),
    ] {
        let answer = ask(&service, "GET", &format!("/api/v1/{path}"), &by).await.json;
        let shown = answer.pointer(at).unwrap_or_else(|| panic!("{path}: {answer}"));
        assert_eq!(fields(shown), fields(&schemas[schema]["properties"]), "{path}");
    }
    let change =
        async || fields(&ask(&service, "GET", "/api/v1/changes", &by).await.json["items"][0]).expect("a change");
    let whole = change().await;
    program::stdout(&service.cli(&["erase", "--app", &APP.to_string(), "--account", "id1"]));
    assert_eq!(Some(&whole | &change().await), fields(&schemas["Change"]["properties"]), "a change, and an erased one");
    let problem = ask(&service, "GET", "/api/v1/handlers", &[]).await.json;
    let known = fields(&schemas["Problem"]["properties"]).expect("fields");
    assert!(fields(&problem).expect("fields").iter().all(|name| known.contains(name)), "{problem}");
}
