//! The answer Chat expects: HTTP 200 with all three fields. ErrorCode 0 / OK, or 1 / FAIL.

use serde::Serialize;

/// The whole body of a good answer.
pub const OK: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Reply<'a> {
    action_status: &'static str,
    error_code: u8,
    error_info: &'a str,
}

/// The body of a refusal; `info` is one plain sentence.
pub fn fail(info: &str) -> String {
    let reply = Reply { action_status: "FAIL", error_code: 1, error_info: info };
    serde_json::to_string(&reply)
        .unwrap_or_else(|_| r#"{"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":""}"#.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_answers_have_the_vendors_three_fields() {
        assert_eq!(fail("no \"tag\""), r#"{"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":"no \"tag\""}"#);
        let ok = Reply { action_status: "OK", error_code: 0, error_info: "" };
        assert_eq!(serde_json::to_string(&ok).unwrap(), OK);
    }
}
