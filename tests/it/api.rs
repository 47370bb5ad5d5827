//! The audit API: what support, trust-and-safety and auditors ask, through real HTTP on both stores.

mod export;
mod lists;
mod stream;

use serde_json::Value;

use crate::harness::service::Service;

/// The JSON that a GET answers with this status.
pub async fn get(service: &Service, path: &str, status: u16) -> Value {
    let response = service.http.get(format!("{}/api/v1/{path}", service.private_url)).send().await.expect("an answer");
    let (got, text) = (response.status(), response.text().await.expect("the whole answer"));
    assert_eq!(got, status, "{path}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
}

/// `seq.ordinal` of each item.
fn places(page: &Value) -> Vec<String> {
    page["items"].as_array().expect("items").iter().map(|item| format!("{}.{}", item["seq"], item["ordinal"])).collect()
}
