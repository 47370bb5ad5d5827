//! The callback URL's query: parameters in any order, names case-sensitive, the ones that decide given at most once.

use std::borrow::Cow;

/// What is kept of a claim about the client, in bytes.
const CLAIM_MAX: usize = 128;

/// A parameter that must not be given twice, because then nobody can say which one was meant.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Param<'a> {
    /// Not in the query.
    #[default]
    Missing,
    /// In the query once, perhaps empty.
    Once(Cow<'a, str>),
    /// In the query more than once.
    Repeated,
}

impl<'a> Param<'a> {
    /// The value, if it was given exactly once.
    pub fn once(&self) -> Option<&str> {
        match self {
            Param::Once(value) => Some(value),
            Param::Missing | Param::Repeated => None,
        }
    }

    fn add(&mut self, value: Cow<'a, str>) {
        *self = match self {
            Param::Missing => Param::Once(value),
            Param::Once(_) | Param::Repeated => Param::Repeated,
        };
    }
}

/// The parameters Chat sends. `contenttype` and unknown ones are not looked at.
#[derive(Debug, Default)]
pub struct Query<'a> {
    /// `SdkAppid`
    pub sdk_app_id: Param<'a>,
    /// `CallbackCommand`
    pub command: Param<'a>,
    /// `Sign`, present when authentication is switched on in the console
    pub sign: Param<'a>,
    /// `RequestTime`, Unix seconds, the text the Sign covers
    pub request_time: Param<'a>,
    /// `ClientIP`, the vendor's claim, cleaned by [`claim`]
    pub client_ip: Option<String>,
    /// `OptPlatform`, an open set, cleaned by [`claim`]
    pub platform: Option<String>,
}

impl<'a> Query<'a> {
    /// Reads `raw`, the part of the URL after `?`. Nothing is an error here: broken escapes stay as they are.
    pub fn parse(raw: &'a str) -> Self {
        let mut query = Query::default();
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            match name.as_ref() {
                "SdkAppid" => query.sdk_app_id.add(value),
                "CallbackCommand" => query.command.add(value),
                "Sign" => query.sign.add(value),
                "RequestTime" => query.request_time.add(value),
                "ClientIP" if query.client_ip.is_none() => query.client_ip = claim(&value),
                "OptPlatform" if query.platform.is_none() => query.platform = claim(&value),
                _ => {}
            }
        }
        query
    }
}

/// A claim as it is kept: without control characters, cut at 128 bytes; nothing left is nothing claimed.
pub fn claim(value: &str) -> Option<String> {
    let mut kept = String::with_capacity(value.len().min(CLAIM_MAX));
    for c in value.chars().filter(|c| !c.is_control()) {
        if kept.len() + c.len_utf8() > CLAIM_MAX {
            break;
        }
        kept.push(c);
    }
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_come_in_any_order_and_unknown_ones_do_no_harm() {
        let query =
            Query::parse("OptPlatform=iOS&Zeta=1&CallbackCommand=A.B&ClientIP=10.0.0.1&SdkAppid=14&contenttype=json");
        assert_eq!(query.sdk_app_id.once(), Some("14"));
        assert_eq!(query.command.once(), Some("A.B"));
        assert_eq!(query.client_ip.as_deref(), Some("10.0.0.1"));
        assert_eq!(query.platform.as_deref(), Some("iOS"));
        assert_eq!(query.sign, Param::Missing);
    }

    #[test]
    fn repeated_differs_from_empty_and_from_missing() {
        let query = Query::parse("SdkAppid=1&SdkAppid=1&Sign=&sign=x");
        assert_eq!(query.sdk_app_id, Param::Repeated);
        assert_eq!(query.sign.once(), Some(""));
        assert_eq!(query.command, Param::Missing);
    }

    #[test]
    fn a_plus_is_a_space_and_garbage_stays_garbage() {
        let query = Query::parse("SdkAppid=+1400000000&CallbackCommand=%zz%4");
        assert_eq!(query.sdk_app_id.once(), Some(" 1400000000"));
        assert_eq!(query.command.once(), Some("%zz%4"));
    }

    #[test]
    fn claims_lose_control_characters_and_are_cut_between_characters() {
        let long = "é".repeat(100);
        let raw = format!("ClientIP=%0d%0a1.2.3.4%00&OptPlatform={long}");
        let query = Query::parse(&raw);
        assert_eq!(query.client_ip.as_deref(), Some("1.2.3.4"));
        assert_eq!(query.platform.map(|p| p.len()), Some(128));
        assert_eq!(Query::parse("ClientIP=").client_ip, None);
    }
}
