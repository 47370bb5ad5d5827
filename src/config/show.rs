//! The configuration in force, for people: one line a key, where it came from, no secret.

use std::fmt::Write;

use config::{Value, ValueKind};

use super::Loaded;

/// `key = value  # origin`, a line each.
pub fn show(loaded: &Loaded) -> String {
    let lines: Vec<(String, &str)> = loaded
        .origins
        .iter()
        .map(|(key, (value, from))| (format!("{key} = {}", printable(key, value)), from.as_str()))
        .collect();
    let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or(0).min(60);
    lines.iter().fold(String::new(), |mut out, (line, from)| {
        let _ = writeln!(out, "{line:width$}  # {from}");
        out
    })
}

fn printable(key: &str, value: &Value) -> String {
    let is_token_list = key.ends_with("].tokens");
    match &value.kind {
        ValueKind::Array(list) if is_token_list => format!("[{}]", vec!["\"[redacted]\""; list.len()].join(", ")),
        _ if is_token_list || key.ends_with("].sha256") => "\"[redacted]\"".to_owned(),
        ValueKind::String(url) if key == "store.url" => format!("{:?}", redact_url(url)),
        ValueKind::String(text) => format!("{text:?}"),
        ValueKind::Array(list) => {
            format!("[{}]", list.iter().map(|v| printable(key, v)).collect::<Vec<_>>().join(", "))
        }
        _ => value.to_string(),
    }
}

/// A database URL without its password, wherever the password stands.
pub fn redact_url(url: &str) -> String {
    let (base, query) = url.split_once('?').map_or((url, None), |(base, query)| (base, Some(query)));
    let base = match base.split_once("://") {
        Some((scheme, rest)) => match rest.rsplit_once('@') {
            Some((login, host)) => {
                let user = login.split(':').next().unwrap_or_default();
                let password = if login.contains(':') { ":***" } else { "" };
                format!("{scheme}://{user}{password}@{host}")
            }
            None => base.to_owned(),
        },
        None => base.to_owned(),
    };
    let Some(query) = query else { return base };
    let query: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if name.to_ascii_lowercase().contains("password") => format!("{name}=***"),
            _ => pair.to_owned(),
        })
        .collect();
    format!("{base}?{}", query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_url_never_shows_its_password() {
        assert_eq!(redact_url("postgres://me:p@ss:w@db:5432/x"), "postgres://me:***@db:5432/x");
        assert_eq!(
            redact_url("postgres://me@db/x?password=s3&sslmode=require"),
            "postgres://me@db/x?password=***&sslmode=require"
        );
        assert_eq!(redact_url("sqlite://portraitd.db"), "sqlite://portraitd.db");
    }
}
