//! The client of the vendor's API, against a real HTTP server that answers as a test says.

mod codes;
mod failing;
mod limits;
mod many;
mod rates;
mod samples;
mod secrets;
mod siblings;
mod usersig;

use std::future::Future;
use std::time::Duration;

use portraitd::tencent::{Builder, Client, Error, Item, PerAccount};
use secrecy::SecretString;
use serde_json::Value;

pub use crate::handlers::forward::backend::{Backend, Manner, Request, says};

pub const APP: u64 = 1_400_000_000;
pub const SECRET_KEY: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";
pub const OK: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;

/// HTTP 200 with this body.
pub fn answers(body: &str) -> Manner {
    Manner::Says(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

/// A refusal as the vendor writes it.
pub fn refuses(code: i64) -> Manner {
    answers(&format!(r#"{{"ActionStatus":"FAIL","ErrorCode":{code},"ErrorInfo":"because"}}"#))
}

pub fn builder(backend: &Backend) -> Builder {
    Client::builder(APP, SecretString::from(SECRET_KEY)).base_url(&backend.url(""))
}

pub fn client(backend: &Backend) -> Client {
    builder(backend).build().expect("a client")
}

/// What this call sends, and what it makes of this answer.
pub async fn exchange<T, F: Future<Output = Result<T, Error>>>(
    answer: &str,
    call: impl FnOnce(Client) -> F,
) -> (Request, Result<T, Error>) {
    let mut backend = Backend::that([answers(answer)]).await;
    let result = tokio::time::timeout(Duration::from_secs(60), call(client(&backend))).await.expect("in time");
    (backend.request().await, result)
}

pub fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).expect("JSON")
}

pub fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub fn item(tag: &str, value: impl Into<Value>) -> Item {
    Item { tag: tag.to_owned(), value: value.into() }
}

/// The accounts and, of each, its value or its error's code.
pub fn outcome<T>(results: PerAccount<T>) -> Vec<(String, Result<T, Option<i64>>)> {
    results.into_iter().map(|(account, result)| (account, result.map_err(|error| error.code()))).collect()
}
