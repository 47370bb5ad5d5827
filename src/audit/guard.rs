//! Who may use the private listener: Host, origin, token, scope.

use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::digest;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use subtle::ConstantTimeEq;

use super::problem::Problem;
use crate::config::{Admin, AdminToken, Scope};

/// Who asks: the token's name.
#[derive(Clone)]
pub(super) struct Caller(pub Arc<str>);

/// What a route asks of a request.
#[derive(Clone)]
pub(super) struct Guard {
    hosts: Arc<[String]>,
    tokens: Arc<[AdminToken]>,
    scope: Scope,
}

impl Guard {
    pub fn new(config: &Admin, scope: Scope) -> Self {
        let hosts = config.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Guard { hosts, tokens: config.tokens.clone().into(), scope }
    }

    fn check(&self, request: &Request) -> Result<Caller, Problem> {
        let host = self.host(request).ok_or(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "this Host is neither a loopback name nor listed in admin.hosts",
        ))?;
        let credentials = Credentials::of(request.headers());
        let is_bearer = matches!(credentials, Some(Credentials::Bearer(_)));
        if is_unsafe(request.method()) && !is_bearer && !same_origin(request.headers(), &host) {
            return Err(Problem::new(StatusCode::FORBIDDEN, "a request from another origin"));
        }
        self.token(credentials)
    }

    /// The request's Host when it is one we answer to: a page that rebinds a name to our address carries that name.
    fn host(&self, request: &Request) -> Option<Authority> {
        let text = request.headers().get(HOST)?.to_str().ok()?;
        let authority: Authority = text.parse().ok()?;
        let name = authority.host().trim_matches(['[', ']']).to_ascii_lowercase();
        let loopback = name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        (loopback || self.hosts.contains(&name)).then_some(authority)
    }

    fn token(&self, credentials: Option<Credentials>) -> Result<Caller, Problem> {
        if self.tokens.is_empty() {
            return Ok(Caller("anonymous".into()));
        }
        let Some(Credentials::Bearer(secret) | Credentials::Basic(secret)) = credentials else {
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "a token is needed, as Bearer or as the password of Basic",
            ));
        };
        let hash = hex::encode(digest::digest(&digest::SHA256, secret.as_bytes()));
        let known = self.tokens.iter().find(|token| bool::from(token.sha256.as_bytes().ct_eq(hash.as_bytes())));
        match known {
            None => Err(Problem::new(StatusCode::UNAUTHORIZED, "the token is not known")),
            Some(token) if token.scopes.contains(&self.scope) => Ok(Caller(token.name.as_str().into())),
            Some(_) => Err(Problem::new(StatusCode::FORBIDDEN, "the token's scopes do not include this")),
        }
    }
}

/// The middleware.
pub(super) async fn check(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    match guard.check(&request) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

enum Credentials {
    Bearer(String),
    /// The password of Basic.
    Basic(String),
}

impl Credentials {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let (scheme, value) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        let value = value.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Credentials::Bearer(value.to_owned()));
        }
        if scheme.eq_ignore_ascii_case("basic") {
            let pair = String::from_utf8(BASE64_STANDARD.decode(value).ok()?).ok()?;
            return Some(Credentials::Basic(pair.split_once(':')?.1.to_owned()));
        }
        None
    }
}

fn is_unsafe(method: &Method) -> bool {
    ![Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

/// A browser says where a request comes from; one that does not say is not a browser's.
fn same_origin(headers: &HeaderMap, host: &Authority) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    match headers.get(ORIGIN) {
        None => true,
        Some(origin) => origin
            .to_str()
            .ok()
            .and_then(|origin| origin.split_once("://"))
            .is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host.as_str())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "t0ken";

    fn guard() -> Guard {
        let sha256 = hex::encode(digest::digest(&digest::SHA256, TOKEN.as_bytes()));
        let token = AdminToken { name: "me".to_owned(), sha256, scopes: vec![Scope::Operate] };
        Guard { hosts: Arc::new(["audit.example.com".to_owned()]), tokens: Arc::new([token]), scope: Scope::Operate }
    }

    /// What a request gets: 200, or the problem's status.
    fn status(method: &str, authorization: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().method(method).header(HOST, "audit.example.com:8081");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header(AUTHORIZATION, authorization).body(axum::body::Body::empty()).unwrap();
        guard().check(&request).map_or_else(|problem| problem.into_response().status().as_u16(), |_| 200)
    }

    #[test]
    fn unsafe_methods_without_bearer_need_the_same_origin() {
        let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("me:{TOKEN}")));
        let bearer = format!("Bearer {TOKEN}");
        let foreign = [
            ("origin", "https://evil.example"),
            ("origin", "http://audit.example.com"),
            ("origin", "http://audit.example.com:8081.evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ];
        for header in foreign {
            assert_eq!(status("POST", &basic, &[header]), 403, "{header:?} with Basic");
            assert_eq!(status("DELETE", &basic, &[header]), 403, "{header:?} with Basic");
            assert_eq!(
                status("POST", &bearer, &[header]),
                200,
                "{header:?} with Bearer, which no browser adds by itself"
            );
            assert_eq!(status("GET", &basic, &[header]), 200, "{header:?}: reading changes nothing");
        }
        let own = [
            ("origin", "http://audit.example.com:8081"),
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "none"),
        ];
        for header in own {
            assert_eq!(status("POST", &basic, &[header]), 200, "{header:?}");
        }
        assert_eq!(status("POST", &basic, &[]), 200, "not a browser");
        assert_eq!(
            status("POST", &basic, &[("origin", own[0].1), ("sec-fetch-site", "cross-site")]),
            403,
            "the browser's word counts"
        );
    }

    #[test]
    fn a_foreign_origin_beats_a_wrong_token() {
        assert_eq!(status("POST", "Basic bWU6eA==", &[("origin", "https://evil.example")]), 403);
        assert_eq!(status("POST", "Basic bWU6eA==", &[]), 401);
    }
}
