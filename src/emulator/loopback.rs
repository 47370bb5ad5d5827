//! This machine only: what is sent, and who may ask. An emulator that fires at others is a load generator.

use std::net::IpAddr;

use reqwest::Url;

use crate::protocol::console;

/// Whether a Host header, or a URL's host, is this machine.
pub(super) fn host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// Whether callbacks may go there.
pub(super) fn check_url(text: &str, allow_remote: bool) -> Result<(), String> {
    let url = Url::parse(text).map_err(|why| format!("{text:?} is not a URL: {why}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it must begin with http:// or https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("it must hold neither a login nor a fragment".to_owned());
    }
    let here = host(url.host_str().unwrap_or_default());
    if !here && !allow_remote {
        return Err(format!("{text} is not on this machine; --allow-remote permits it if the receiver is yours"));
    }
    // The console takes no IPv6 address; a laptop may.
    match console::objection(text) {
        Some(why) if !here || url.query().is_some() => Err(why),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for here in ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.1.2.3:80", "[::1]:80", "[::ffff:127.0.0.1]"] {
            assert!(host(here), "{here}");
        }
        for there in
            ["", "example.com", "localhost.example.com", "10.0.0.1", "[::]", "127.0.0.1.example.com", "0.0.0.0"]
        {
            assert!(!host(there), "{there}");
        }
    }

    #[test]
    fn a_callback_url_is_on_this_machine_unless_that_is_allowed() {
        for good in ["http://127.0.0.1:8080/", "http://localhost:8080/hook", "http://[::1]:8080/", "http://127.1/"] {
            assert_eq!(check_url(good, false), Ok(()), "{good}");
        }
        for far in ["http://example.com/", "https://10.0.0.1/", "http://127.0.0.1.example.com/"] {
            assert!(check_url(far, false).unwrap_err().contains("--allow-remote"), "{far}");
            assert_eq!(check_url(far, true), Ok(()), "{far}");
        }
        for wrong in ["", "localhost:8080", "ftp://127.0.0.1/", "http://a@127.0.0.1/", "http://127.0.0.1/?x=1"] {
            assert!(check_url(wrong, true).is_err(), "{wrong}");
        }
    }
}
