//! Requests that are broken as HTTP, or too large, or by another method.

use crate::harness::db::{Database, on_both_stores};
use crate::harness::service::{Answer, Service, callback};

const LIMIT: usize = 262_144;

fn good_body() -> Vec<u8> {
    callback::body("a", Some(callback::unique_time()), "T", 1.into())
}

/// A good callback with these headers in place of Content-Length, and this body.
fn request(service: &Service, headers: &str, body: impl Into<Vec<u8>>) -> Vec<u8> {
    service.callback().body(body).bytes("POST", headers)
}

fn chunked(parts: &[&[u8]], end: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(end.as_bytes());
    bytes
}

async fn exchange(service: &Service, bytes: Vec<u8>) -> Answer {
    let mut connection = service.connect().await;
    connection.send(bytes).await;
    connection.answer().await
}

on_both_stores! {
    async fn over_the_limit_with_content_length_is_413_before_it_was_sent(db: Database) {
        let service = Service::start(&db).await;
        for length in [LIMIT + 1, 10_000_000_000, usize::MAX >> 1] {
            let headers = format!("Content-Length: {length}\r\n");
            exchange(&service, request(&service, &headers, "")).await.assert_fail(413, &headers);
        }
        service.assert_unharmed("announced bodies over the limit").await;
        assert!(service.unreadable().is_empty());
    }

    async fn over_the_limit_without_content_length_is_413(db: Database) {
        let service = Service::start(&db).await;
        let part = vec![b' '; 65_536];
        let body = chunked(&[&part, &part, &part, &part, b" "], "0\r\n\r\n");
        exchange(&service, request(&service, "Transfer-Encoding: chunked\r\n", body)).await.assert_fail(413, "a byte over the limit");
        let endless = format!("{:x}\r\n", u64::MAX);
        let mut bytes = request(&service, "Transfer-Encoding: chunked\r\n", endless);
        bytes.extend(vec![b' '; LIMIT + 1]);
        exchange(&service, bytes).await.assert_fail(413, "a chunk without end");
        service.assert_unharmed("chunked bodies over the limit").await;
        assert!(service.unreadable().is_empty());
    }

    async fn chunked_bodies_are_taken_like_others(db: Database) {
        let service = Service::start(&db).await;
        let body = good_body();
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        for (case, parts, end) in [
            ("one chunk", vec![&body[..]], "0\r\n\r\n"),
            ("a chunk a byte", bytes, "0\r\n\r\n"),
            ("with an extension", vec![&body[..]], "0;x=y\r\n\r\n"),
            ("with a trailer", vec![&body[..]], "0\r\nX-Trailer: 1\r\n\r\n"),
        ] {
            let bytes = request(&service, "Transfer-Encoding: chunked\r\n", chunked(&parts, end));
            exchange(&service, bytes).await.assert_ok(case);
        }
        assert_eq!(service.verified_entries(), 1, "the same body each time, however it was cut");
        let blank = request(&service, "Transfer-Encoding: chunked\r\n", "0\r\n\r\n");
        exchange(&service, blank).await.assert_ok("the console's check, chunked");
        service.assert_unharmed("chunked bodies").await;
    }

    async fn broken_chunks_are_refused_and_leave_nothing_behind(db: Database) {
        let service = Service::start(&db).await;
        for body in ["xyz\r\n", "-1\r\n", "5\r\nab\r\n0\r\n\r\n", "2\r\n{}", "ffffffffffffffffff\r\n", "2\r\n{}\r\n0\r\n"] {
            let mut connection = service.connect().await;
            connection.send(request(&service, "Transfer-Encoding: chunked\r\n", body)).await;
            connection.finish().await;
            if !connection.is_closed().await {
                let status = connection.answer().await.status;
                assert_eq!(status, 400, "{body:?}");
            }
        }
        assert_eq!(service.verified_entries(), 0);
        assert!(service.unreadable().is_empty());
        service.assert_unharmed("broken chunks").await;
    }

    async fn a_content_length_that_is_too_short_cuts_the_body_and_the_connection(db: Database) {
        let service = Service::start(&db).await;
        let body = good_body();
        let mut connection = service.connect().await;
        connection.send(request(&service, "Content-Length: 20\r\n", body.clone())).await;
        connection.answer().await.assert_fail(400, "twenty bytes of it");
        assert_eq!(service.unreadable()[0]["body"].as_str().map(str::as_bytes), Some(&body[..20]), "kept as far as it was announced");
        let rest = connection.head().await;
        assert_eq!(rest.status, 400, "the rest is no request");
        assert_eq!(service.verified_entries(), 0);
        service.assert_unharmed("a Content-Length that is too short").await;
    }

    async fn a_content_length_that_is_too_long_leaves_nothing_behind(db: Database) {
        let service = Service::start(&db).await;
        for half in [true, false] {
            let mut connection = service.connect().await;
            connection.send(request(&service, "Content-Length: 1000\r\n", good_body())).await;
            if half {
                connection.finish().await;
                if !connection.is_closed().await {
                    connection.answer().await.assert_fail(400, "the body did not arrive whole");
                }
            }
        }
        assert_eq!(service.verified_entries(), 0);
        assert!(service.unreadable().is_empty(), "half a body is not kept as if it were one");
        service.assert_unharmed("a Content-Length that is too long").await;
    }

    async fn contradictory_lengths_are_refused_and_smuggle_nothing(db: Database) {
        let service = Service::start(&db).await;
        let smuggled = String::from_utf8(service.callback().request()).expect("text");
        for headers in [
            "Content-Length: 2\r\nContent-Length: 3\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: +2\r\n",
            "Content-Length: 2, 3\r\n",
            "Content-Length: two\r\n",
            "Content-Length: 99999999999999999999999999\r\n",
            "Transfer-Encoding: gzip\r\n",
            "Transfer-Encoding: chunked, gzip\r\n",
        ] {
            let mut connection = service.connect().await;
            connection.send(request(&service, headers, format!("{{}}{smuggled}"))).await;
            assert_eq!(connection.head().await.status, 400, "{headers:?}");
            assert!(connection.is_closed().await, "{headers:?}");
        }
        assert_eq!(service.verified_entries(), 0);
        service.assert_unharmed("contradictory lengths").await;
    }

    async fn other_methods_and_targets_are_refused(db: Database) {
        let service = Service::start(&db).await;
        for method in ["GET", "PUT", "OPTIONS", "DELETE", "PATCH", "TRACE", "post", "PROPFIND"] {
            let bytes = service.callback().body("{}").bytes(method, "Content-Length: 2\r\n");
            let answer = exchange(&service, bytes).await;
            answer.assert_fail(405, method);
            assert_eq!(answer.header("allow"), Some("POST"), "{method}");
        }
        let mut connection = service.connect().await;
        connection.send(service.callback().body("").bytes("HEAD", "Connection: close\r\n")).await;
        let head = connection.head().await;
        assert_eq!((head.status, head.header("allow"), head.header("content-type")), (405, Some("POST"), Some("application/json")));
        assert!(connection.is_closed().await, "no body to HEAD");
        for target in ["*", "example.com:443", "/..%2f..%2f", "/%00", "/%zz", "//", "/healthz/", "/metrics", "/api/v1/changes"] {
            for method in ["OPTIONS", "CONNECT", "POST"] {
                let bytes = format!("{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
                let mut connection = service.connect().await;
                connection.send(bytes).await;
                let status = connection.head().await.status;
                assert!([400, 404].contains(&status), "{method} {target}: {status}");
            }
        }
        service.assert_unharmed("other methods and targets").await;
    }

    async fn what_is_not_http_at_all_is_turned_away(db: Database) {
        let service = Service::start(&db).await;
        let long = format!("POST / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1_000_000));
        let many = format!("POST / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(5000));
        let target = format!("POST /?{} HTTP/1.1\r\n\r\n", "x".repeat(70_000));
        let cases: [(&str, &[u8]); 9] = [
            ("a TLS greeting", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
            ("HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            ("zeros", &[0; 100]),
            ("words", b"hello there, is this the right port?\r\n\r\n"),
            ("HTTP/9", b"POST / HTTP/9.9\r\n\r\n"),
            ("a header without a colon", b"POST / HTTP/1.1\r\nnonsense\r\n\r\n"),
            ("a header of a megabyte", long.as_bytes()),
            ("5,000 headers", many.as_bytes()),
            ("a target of 70 kB", target.as_bytes()),
        ];
        for (case, bytes) in cases {
            let mut connection = service.connect().await;
            connection.send(bytes).await;
            connection.finish().await;
            if !connection.is_closed().await {
                let status = connection.head().await.status;
                assert!((400..500).contains(&status), "{case}: {status}");
            }
        }
        assert_eq!(service.verified_entries(), 0);
        service.assert_unharmed("what is not HTTP").await;
    }

    async fn http_1_0_and_absolute_targets_work(db: Database) {
        let service = Service::start(&db).await;
        let old = String::from_utf8(service.callback().request()).expect("text").replacen("HTTP/1.1", "HTTP/1.0", 1);
        exchange(&service, old.into_bytes()).await.assert_ok("HTTP/1.0");
        let absolute = String::from_utf8(service.callback().request()).expect("text").replacen("POST /", "POST http://example.com/", 1);
        exchange(&service, absolute.into_bytes()).await.assert_ok("an absolute target");
        assert_eq!(service.verified_entries(), 2);
    }
}
