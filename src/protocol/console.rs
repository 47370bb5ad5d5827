//! What the vendor's console accepts as a callback URL (its page on callback configuration, 1047/34520).

/// Characters of a domain.
const MAX_DOMAIN: usize = 63;

/// Why the console would refuse this URL; nothing where it would take it.
pub fn objection(url: &str) -> Option<String> {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https")) else {
        return Some("it must begin with http:// or https://".to_owned());
    };
    if let Some(c) = url.chars().find(|c| matches!(c, '?' | '&' | '!' | '$') || c.is_whitespace()) {
        return Some(format!("it must hold no {c:?}: the console refuses ?, &, !, $ and spaces"));
    }
    let Some((host, _)) = host_and_port(scheme, rest) else {
        return Some("its port is not a number from 1 to 65535".to_owned());
    };
    if host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')) {
        return Some(format!("its host {host:?} must be letters, digits, hyphens and dots"));
    }
    (host.len() > MAX_DOMAIN).then(|| format!("its domain has {} characters, more than {MAX_DOMAIN}", host.len()))
}

/// Why the console would refuse to replace `current` by `new`: neither port may begin with the other.
pub fn objection_to_change(current: &str, new: &str) -> Option<String> {
    let port =
        |url: &str| url.split_once("://").and_then(|(scheme, rest)| host_and_port(scheme, rest)).map(|(_, port)| port);
    let (from, to) = (port(current)?.to_string(), port(new)?.to_string());
    let prefix = from != to && (from.starts_with(&to) || to.starts_with(&from));
    prefix.then(|| {
        format!("port {from} cannot be replaced by {to}: neither may begin with the other; go through a third port")
    })
}

fn host_and_port<'u>(scheme: &str, rest: &'u str) -> Option<(&'u str, u16)> {
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) => Some((host, port.parse().ok().filter(|port| *port > 0)?)),
        None => Some((authority, if scheme == "http" { 80 } else { 443 })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_console_takes_and_refuses() {
        for good in ["https://im.example.com/", "http://203.0.113.7:8080/callbacks", "https://a-b.example.com"] {
            assert_eq!(objection(good), None, "{good}");
        }
        let long = format!("https://{}.example.com/", "a".repeat(60));
        for bad in [
            "im.example.com",
            "ftp://im.example.com/",
            "https://im.example.com/?a=1",
            "https://im.example.com/a&b",
            "https://im.example.com/a!",
            "https://im.example.com/$",
            "https://im example.com/",
            "https://im_example.com/",
            "https://:443/",
            "https://im.example.com:0/",
            "https://im.example.com:x/",
            "https://[::1]/",
            "https://例え.jp/",
            &long,
        ] {
            assert!(objection(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn a_port_that_begins_with_the_other_is_refused_when_the_url_changes() {
        let change = |from: &str, to: &str| objection_to_change(from, to).is_some();
        assert!(change("https://a.com/", "https://a.com:4433/") && change("http://a.com:8080/", "http://a.com:80/"));
        assert!(!change("https://a.com/", "https://b.com:443/x") && !change("https://a.com/", "https://a.com:8443/"));
    }
}
