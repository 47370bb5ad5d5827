//! A callback as it goes over the wire, to be spoilt.

use super::good::{World, decoded, sign};
use crate::harness::service::callback;

/// A callback as it goes over the wire: parameters as they stand in the URL.
#[derive(Clone)]
pub struct Request {
    /// Names, and what follows each: `=` and the value, or nothing.
    query: Vec<(String, String)>,
    between: &'static str,
    headers: String,
    pub body: Vec<u8>,
}

impl Request {
    pub fn good(world: &World) -> Self {
        let parameters = [
            ("SdkAppid", world.app.to_string()),
            ("CallbackCommand", "Profile.CallbackPortraitSet".to_owned()),
            ("contenttype", "json".to_owned()),
            ("ClientIP", "203.0.113.7".to_owned()),
            ("OptPlatform", "iOS".to_owned()),
            ("Sign", sign(&world.token, &world.time)),
            ("RequestTime", world.time.clone()),
        ];
        Request {
            query: parameters.map(|(name, value)| (name.to_owned(), format!("={value}"))).into(),
            between: "&",
            headers: String::new(),
            body: callback::body("forged", Some(1_700_000_000_000), "Tag_Profile_IM_Nick", "nick".into()),
        }
    }

    fn query(&self) -> String {
        self.query.iter().map(|(name, rest)| format!("{name}{rest}")).collect::<Vec<_>>().join(self.between)
    }

    pub fn bytes(&self) -> Vec<u8> {
        let (query, headers, length) = (self.query(), &self.headers, self.body.len());
        let head = format!("POST /?{query} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n");
        [head.as_bytes(), &self.body].concat()
    }

    /// Names and values, decoded.
    pub fn parameters(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let query = self.query();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.map(|(name, value)| (decoded(name.as_bytes()), decoded(value.as_bytes()))).collect()
    }

    pub fn value(&self, name: &str) -> String {
        let value = self.query.iter().find(|(n, _)| n == name).and_then(|(_, rest)| rest.strip_prefix('='));
        value.unwrap_or_default().to_owned()
    }

    /// With this behind the name, in its place if it has one.
    pub fn followed(mut self, name: &str, rest: String) -> Self {
        match self.query.iter_mut().find(|(n, _)| n == name) {
            Some(pair) => pair.1 = rest,
            None => self.query.push((name.to_owned(), rest)),
        }
        self
    }

    pub fn set(self, name: &str, value: &str) -> Self {
        self.followed(name, format!("={value}"))
    }

    pub fn renamed(mut self, name: &str, to: &str) -> Self {
        self.query.iter_mut().filter(|(n, _)| n == name).for_each(|(n, _)| to.clone_into(n));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.query.retain(|(n, _)| n != name);
        self
    }

    pub fn and(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), format!("={value}")));
        self
    }

    pub fn first(mut self, name: &str, value: &str) -> Self {
        self.query.insert(0, (name.to_owned(), format!("={value}")));
        self
    }

    pub fn backwards(mut self) -> Self {
        self.query.reverse();
        self
    }

    /// With this between the parameters.
    pub fn between(self, between: &'static str) -> Self {
        Request { between, ..self }
    }

    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Request { body: body.into(), ..self }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }
}
