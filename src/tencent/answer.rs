//! What an answer says: the vendor's status is in the JSON, not in HTTP's.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Error;
use super::per_account::Results;

/// What every answer has. ErrorInfo may be missing; unknown fields may be there.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "ActionStatus")]
    action_status: Option<String>,
    #[serde(rename = "ErrorCode")]
    error_code: Option<i64>,
    #[serde(rename = "ErrorInfo")]
    error_info: Option<String>,
}

/// An answer that says no more than that it was done.
#[derive(Deserialize)]
pub(super) struct Done {}

/// An account that failed while the answer as a whole says OK.
#[derive(Deserialize)]
pub(super) struct Failed {
    #[serde(rename = "To_Account")]
    to_account: String,
    #[serde(rename = "ErrorCode")]
    error_code: i64,
    #[serde(rename = "ErrorInfo", default)]
    error_info: Option<String>,
}

/// A list or an object may be null where there is nothing in it.
pub(super) fn or_null<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// The answer, if the vendor says that it did what was asked.
pub(super) fn read<T: DeserializeOwned>(command: &'static str, bytes: &[u8]) -> Result<T, Error> {
    let wrong = |why: &str| Error::Answer { command, why: why.to_owned() };
    let value: Value = serde_json::from_slice(bytes).map_err(|error| wrong(&not_json(bytes, &error)))?;
    let head = Head::deserialize(&value).map_err(|error| wrong(&error.to_string()))?;
    let code = head.error_code.ok_or_else(|| wrong("it has no ErrorCode"))?;
    if code != 0 {
        return Err(Error::Refused { command, code, info: head.error_info.unwrap_or_default() });
    }
    if head.action_status.as_deref() == Some("FAIL") {
        return Err(wrong("ActionStatus is FAIL, but ErrorCode 0"));
    }
    T::deserialize(value).map_err(|error| wrong(&error.to_string()))
}

/// Its text is not repeated: it may be anything.
fn not_json(bytes: &[u8], error: &serde_json::Error) -> String {
    match bytes.trim_ascii_start().first() {
        None => "it is empty".to_owned(),
        Some(b'<') => "it is HTML, not JSON".to_owned(),
        Some(_) if error.is_eof() => format!("JSON that ends after {} bytes", bytes.len()),
        Some(_) => format!("not JSON, from column {} of line {} on", error.column(), error.line()),
    }
}

/// ErrorList, by account.
pub(super) fn failures<T>(command: &'static str, list: Vec<Failed>) -> Results<T> {
    let refused = |failed: Failed| {
        let info = failed.error_info.unwrap_or_default();
        (failed.to_account, Err(Error::Refused { command, code: failed.error_code, info }))
    };
    list.into_iter().map(refused).collect()
}
