//! The subject of a callback, from a template with `{app}` and `{account}`.

use std::fmt::Write;

use crate::dispatch::ProfileChange;

const APP: &str = "{app}";
const ACCOUNT: &str = "{account}";
/// A subject has to fit into the server's line of 4096 bytes, with an account of 1 KiB that triples.
const MAX_TEMPLATE: usize = 256;

pub(super) struct Template(String);

impl Template {
    pub fn parse(template: &str) -> Result<Self, String> {
        let plain = template.replace(APP, "0").replace(ACCOUNT, "0");
        let is_plain = |c: char| c.is_ascii_graphic() && !"*>{}".contains(c);
        let refuse = |why: &str| Err(format!("{template:?} {why}"));
        if template.len() > MAX_TEMPLATE {
            return refuse("is longer than 256 bytes");
        }
        if template.matches(ACCOUNT).count() > 1 {
            return refuse("has {account} more than once");
        }
        if plain.split('.').any(str::is_empty) {
            return refuse("has an empty part: one or more are needed, with dots between them");
        }
        if plain.starts_with('$') {
            return refuse("begins with $, which NATS keeps for itself");
        }
        if !plain.chars().all(is_plain) {
            return refuse("may have visible ASCII characters without * and >, {app} and {account}");
        }
        Ok(Template(template.to_owned()))
    }

    pub fn of(&self, change: &ProfileChange) -> String {
        self.0.replace(APP, &change.app.to_string()).replace(ACCOUNT, &token(&change.account))
    }

    /// What a stream must take to take all of them.
    pub fn pattern(&self) -> String {
        let parts = self.0.split('.').map(|part| if part.contains('{') { "*" } else { part });
        parts.collect::<Vec<_>>().join(".")
    }
}

/// An account as one part of a subject: every byte but A-Z, a-z, 0-9, `-` and `_` is `=` and two hex digits.
fn token(account: &str) -> String {
    account.bytes().fold(String::with_capacity(account.len()), |mut token, byte| {
        if byte.is_ascii_alphanumeric() || b"-_".contains(&byte) {
            token.push(byte.into());
        } else {
            let _ = write!(token, "={byte:02X}");
        }
        token
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_account_is_one_part_and_no_two_are_the_same() {
        assert_eq!(token("user_id-42"), "user_id-42");
        assert_eq!(token("a.b*c>d e=\r\n"), "a=2Eb=2Ac=3Ed=20e=3D=0D=0A");
        assert_eq!(token("小"), "=E5=B0=8F");
        assert_ne!(token("a=2E"), token("a."));
    }

    #[test]
    fn a_template_is_filled_in_and_says_what_a_stream_must_take() {
        let body = r#"{"From_Account":"{app}.x","ProfileItem":[]}"#;
        let change = ProfileChange::from_body(1_400_000_000, body).unwrap();
        let filled = |template: &str| {
            let template = Template::parse(template).unwrap();
            (template.of(&change), template.pattern())
        };
        let pair = |subject: &str, pattern: &str| (subject.to_owned(), pattern.to_owned());
        assert_eq!(filled("portraitd.{app}.{account}"), pair("portraitd.1400000000.=7Bapp=7D=2Ex", "portraitd.*.*"));
        assert_eq!(filled("a.im-{app}.b"), pair("a.im-1400000000.b", "a.*.b"));
        assert_eq!(filled("profiles"), pair("profiles", "profiles"));
    }

    #[test]
    fn a_template_that_is_no_subject_is_refused() {
        let long = "x".repeat(257);
        for template in [
            "",
            ".",
            "a..b",
            ".a",
            "a.",
            "a b",
            "a.*",
            "a.>",
            "a.{tag}",
            "a.{app",
            "{a{app}pp}",
            "$JS.API.x",
            "ü",
            "a\r\nPUB b 0",
            "{account}.{account}",
            &long,
        ] {
            assert!(Template::parse(template).is_err(), "{template:?}");
        }
    }
}
