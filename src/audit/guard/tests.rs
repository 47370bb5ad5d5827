use super::*;

const TOKEN: &str = "t0ken";

fn guard() -> Guard {
    let sha256 = hex::encode(digest::digest(&digest::SHA256, TOKEN.as_bytes()));
    let admin = Admin {
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        hosts: vec!["audit.example.com".to_owned()],
        max_connections: 1,
        tokens: vec![AdminToken { name: "me".to_owned(), sha256, scopes: vec![Scope::Operate] }],
        tls: None,
    };
    Guard::new(&admin, Arc::default()).of(Scope::Operate)
}

/// What a request gets: 200, or the problem's status.
fn status(method: &str, authorization: &str, headers: &[(&str, &str)]) -> u16 {
    let mut request = Request::builder().method(method).header(HOST, "audit.example.com:8081");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.header(AUTHORIZATION, authorization).body(axum::body::Body::empty()).unwrap();
    guard().check(&request).map_or_else(|refusal| refusal.into_response().status().as_u16(), |_| 200)
}

#[test]
fn without_bearer_only_the_same_origin_gets_in() {
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
        assert_eq!(status("POST", &bearer, &[header]), 200, "{header:?} with Bearer, which no browser adds by itself");
        assert_eq!(status("GET", &basic, &[header]), 403, "{header:?}: what is read is recorded");
    }
    let own =
        [("origin", "http://audit.example.com:8081"), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none")];
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
fn a_link_that_stands_elsewhere_may_be_followed_but_nothing_else_fetched_or_sent_by_it() {
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("me:{TOKEN}")));
    let from_elsewhere = |method: &str, mode: &str, dest: &str| {
        let headers = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)];
        status(method, &basic, &headers)
    };
    assert_eq!(from_elsewhere("GET", "navigate", "document"), 200);
    assert_eq!(from_elsewhere("GET", "navigate", "iframe"), 403);
    assert_eq!(from_elsewhere("GET", "no-cors", "image"), 403);
    assert_eq!(from_elsewhere("GET", "cors", "empty"), 403);
    assert_eq!(from_elsewhere("POST", "navigate", "document"), 403, "a form");
}

#[test]
fn a_foreign_origin_beats_a_wrong_token() {
    assert_eq!(status("POST", "Basic bWU6eA==", &[("origin", "https://evil.example")]), 403);
    assert_eq!(status("POST", "Basic bWU6eA==", &[]), 401);
}
