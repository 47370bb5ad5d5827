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
    let is_token_list = key.ends_with("].tokens") || key.ends_with("].secrets");
    match &value.kind {
        ValueKind::Array(list) if is_token_list => format!("[{}]", vec!["\"[redacted]\""; list.len()].join(", ")),
        _ if is_token_list || key.ends_with("].sha256") || key.ends_with("secret_key") => "\"[redacted]\"".to_owned(),
        ValueKind::String(url) if key.ends_with("].url") || key == "proof.head_url" => {
            format!("{:?}", without_token(&without_query(&redact_url(url))))
        }
        ValueKind::String(url) if key == "store.url" || url.contains("://") => format!("{:?}", redact_url(url)),
        ValueKind::String(text) => format!("{text:?}"),
        ValueKind::Array(list) => {
            format!("[{}]", list.iter().map(|v| printable(key, v)).collect::<Vec<_>>().join(", "))
        }
        _ => value.to_string(),
    }
}

/// A database URL without its password, wherever the password stands. Of one that could be read in two ways only the
/// scheme is left.
pub fn redact_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return if url.starts_with("sqlite:") { url.to_owned() } else { "***".to_owned() };
    };
    if scheme == "sqlite" {
        return url.to_owned();
    }
    // Before any other split: a password may hold every separator there is.
    let (login, place) = rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
    let (base, query) = place.split_once('?').map_or((place, None), |(base, query)| (base, Some(query)));
    if login.is_some_and(|login| login.contains(['/', '?', '#'])) || place.contains('#') || !is_place(base) {
        return format!("{scheme}://***");
    }
    let login = login.map(|login| match login.split_once(':') {
        Some((user, _)) => format!("{user}:***@"),
        None => format!("{login}@"),
    });
    let query = query.map(|query| format!("?{}", query.split('&').map(parameter).collect::<Vec<_>>().join("&")));
    format!("{scheme}://{}{base}{}", login.unwrap_or_default(), query.unwrap_or_default())
}

/// A backend's query may be what lets us in.
fn without_query(url: &str) -> String {
    url.split_once('?').map_or_else(|| url.to_owned(), |(base, _)| format!("{base}?***"))
}

/// To NATS, and to many a backend, a user without a password is a token.
fn without_token(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?))) {
        Some((scheme, (login, place))) if !login.contains(':') => format!("{scheme}://***@{place}"),
        _ => url.to_owned(),
    }
}

/// `host[:port][/database]`, where `user:password` without a host would be neither.
fn is_place(base: &str) -> bool {
    let authority = base.split('/').next().unwrap_or_default();
    authority.ends_with(']')
        || authority.rsplit_once(':').is_none_or(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
}

/// A parameter without its value if it may be the password, or what stands behind a `&` in one.
fn parameter(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, _)) if name.contains('%') || name.to_ascii_lowercase().contains("pass") => format!("{name}=***"),
        Some(_) => pair.to_owned(),
        None => "***".to_owned(),
    }
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
        assert_eq!(redact_url("sqlite:///srv/a@b#c?mode=ro"), "sqlite:///srv/a@b#c?mode=ro", "a path has none");
        assert_eq!(redact_url("postgres://me:s3cret@[::1]:5432/x"), "postgres://me:***@[::1]:5432/x");
        assert_eq!(redact_url("postgres://[::1]/x"), "postgres://[::1]/x");
    }

    #[test]
    fn separators_in_a_password_do_not_show_it() {
        for password in
            ["s3?cret", "s3/cret", "s3@cret", "s3#cret", "s3?a=b@cret", "s3/:cret", "s3:cret", "s3&cret", "?s3cret"]
        {
            for url in [
                format!("postgres://me:{password}@db:5432/x?sslmode=require"),
                format!("postgres://me:{password}@"),
                format!("postgres://db/x?password={password}"),
                format!("postgres://db/x?pass%77ord={password}"),
                format!("me:{password}@db"),
            ] {
                let shown = redact_url(&url);
                assert!(!shown.contains("s3") && !shown.contains("cret"), "{url}: {shown}");
            }
        }
        assert_eq!(redact_url("postgres://me:s3/cret@db/x"), "postgres://***");
        assert_eq!(redact_url("postgres://me:s3cret"), "postgres://***", "the host was forgotten");
    }
}
