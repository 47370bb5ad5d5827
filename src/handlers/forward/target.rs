//! Where `forward` sends: the URL, what is wrong with it, and the vendor's query on it.

use std::net::IpAddr;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::address::is_public;
use crate::dispatch::ProfileChange;
use crate::protocol::command::PORTRAIT_SET;

/// The URL, if something can be sent there. What is said about it does not repeat it: it may hold a password.
pub(super) fn url(configured: Option<&SecretString>, allow_private: bool) -> Result<Url, String> {
    let text = configured.map(SecretString::expose_secret).unwrap_or_default();
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or("url must be an http(s) URL such as \"https://backend.example.com/profile\"")?;
    if url.fragment().is_some() {
        return Err("url must have no fragment (#…)".to_owned());
    }
    match literal(&url) {
        // A resolver is never asked for these.
        Some(address) if !allow_private && !is_public(address) => {
            Err(format!("url: {address} is not a public address; allow_private = true permits it"))
        }
        _ => Ok(url),
    }
}

/// Whether anybody on the way can read what is sent.
pub(super) fn is_exposed(url: &Url, allow_private: bool) -> bool {
    url.scheme() == "http" && !(allow_private && literal(url).is_none_or(|address| !is_public(address)))
}

/// The host, if it is an address; in whatever way it was written, the parser has made it the usual one.
fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

/// With the vendor's parameters after those that the URL has already.
pub(super) fn with_query(url: &Url, change: &ProfileChange) -> Url {
    let mut url = url.clone();
    url.query_pairs_mut()
        .append_pair("SdkAppid", &change.app.to_string())
        .append_pair("CallbackCommand", PORTRAIT_SET)
        .append_pair("contenttype", "json")
        .extend_pairs(change.client_ip.as_ref().map(|ip| ("ClientIP", ip)))
        .extend_pairs(change.platform.as_ref().map(|platform| ("OptPlatform", platform)));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, allow_private: bool) -> Result<Url, String> {
        url(Some(&SecretString::from(text)), allow_private)
    }

    #[test]
    fn it_is_an_http_url_without_a_fragment() {
        for good in ["https://backend.example.com", "http://me:s3cret@backend:8080/a?b=c", "HTTPS://backend/"] {
            assert!(read(good, false).is_ok(), "{good}");
        }
        for wrong in ["", "backend.example.com", "ftp://s3cret@backend/", "https://", "https://me:s3cret@backend/#x"] {
            let said = read(wrong, true).unwrap_err();
            assert!(!said.contains("s3cret"), "{wrong}: {said}");
        }
    }

    #[test]
    fn an_address_that_is_not_public_is_refused_however_it_is_written() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "0177.1",
            "127.0.0.1.",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:a9fe:a9fe]",
            "me:s3cret@10.0.0.1",
            "8.8.8.8@169.254.169.254",
            "192.168.0.1:8080",
        ] {
            let url = format!("http://{host}/");
            let said = read(&url, false).unwrap_err();
            assert!(said.contains("allow_private = true") && !said.contains("s3cret"), "{host}: {said}");
            assert!(read(&url, true).is_ok(), "{host}");
        }
        assert!(read("https://8.8.8.8/", false).is_ok());
        assert!(read("https://[2606:4700::1111]/", false).is_ok());
    }

    #[test]
    fn plain_http_is_exposed_unless_it_stays_at_home() {
        let exposed = |text: &str, allow_private| is_exposed(&read(text, allow_private).unwrap(), allow_private);
        assert!(exposed("http://backend.example.com", false));
        assert!(exposed("http://8.8.8.8", true));
        assert!(!exposed("https://backend.example.com", false));
        assert!(!exposed("http://backend.internal", true));
        assert!(!exposed("http://10.0.0.1", true));
    }

    #[test]
    fn the_vendors_query_follows_what_the_url_has_and_leaves_out_what_is_not_known() {
        let body = r#"{"From_Account":"a","ProfileItem":[]}"#;
        let mut change = ProfileChange::from_body(7, body).unwrap();
        let vendor = "SdkAppid=7&CallbackCommand=Profile.CallbackPortraitSet&contenttype=json";
        let query = |url: &str, change: &ProfileChange| {
            with_query(&read(url, false).unwrap(), change).query().unwrap().to_owned()
        };
        assert_eq!(query("https://backend/", &change), vendor);
        change.client_ip = Some("2001:db8::1".to_owned());
        change.platform = Some("a&b=c".to_owned());
        let known = format!("key=%20x&{vendor}&ClientIP=2001%3Adb8%3A%3A1&OptPlatform=a%26b%3Dc");
        assert_eq!(query("https://backend/?key=%20x", &change), known);
    }
}
