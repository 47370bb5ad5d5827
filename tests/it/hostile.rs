//! Hostile input, taken calmly: no panic, no harm to what is recorded, the answer the contract names, and a good callback
//! afterwards works as before. Each case has a name, and a failure says it.

mod bodies;
mod fields;
mod queries;
mod transport;

use crate::harness::db::Database;
use crate::harness::service::{Answer, Service, program};

/// What a case must lead to.
enum Expected {
    /// 200 and an entry whose newest change has these pieces in its line of JSON.
    Recorded(Vec<String>),
    /// 200 and an entry without items.
    Empty,
    /// 400 with a reason that has this in it, and kept verbatim.
    Kept(&'static str),
    /// This status, nothing recorded, nothing kept.
    Refused(u16),
    /// 200, nothing recorded, nothing kept.
    Acknowledged,
}

/// A case, by its name.
struct Case {
    name: String,
    query: String,
    body: Vec<u8>,
    expected: Expected,
}

const QUERY: &str =
    "SdkAppid=1400000000&CallbackCommand=Profile.CallbackPortraitSet&ClientIP=203.0.113.7&OptPlatform=iOS";

impl Case {
    fn body(name: impl Into<String>, body: impl Into<Vec<u8>>, expected: Expected) -> Self {
        Case { name: name.into(), query: QUERY.to_owned(), body: body.into(), expected }
    }
}

fn recorded(pieces: &[&str]) -> Expected {
    Expected::Recorded(pieces.iter().map(|piece| (*piece).to_owned()).collect())
}

/// How much there is: entries, and arrivals of unreadable bodies.
async fn counts(db: &Database) -> (i64, i64) {
    let kept = "SELECT CAST(coalesce(sum(times), 0) AS BIGINT) FROM unreadable";
    (db.count("SELECT count(*) FROM callbacks").await, db.count(kept).await)
}

/// Sends each case, and after each a good callback.
async fn run(db: &Database, cases: Vec<Case>) {
    let service = Service::start(db).await;
    for case in cases {
        let before = counts(db).await;
        let answer = service.callback().raw_query(&case.query).body(case.body.clone()).post().await;
        let after = counts(db).await;
        check(&service, &case, &answer, (after.0 - before.0, after.1 - before.1));
        service.callback().post().await.assert_ok(&format!("a good callback after {}", case.name));
        assert_eq!(counts(db).await, (after.0 + 1, after.1), "a good callback after {}", case.name);
    }
    service.assert_unharmed("all of them").await;
}

fn check(service: &Service, case: &Case, answer: &Answer, grown: (i64, i64)) {
    let name = &case.name;
    match &case.expected {
        Expected::Recorded(pieces) => {
            answer.assert_ok(name);
            assert_eq!(grown, (1, 0), "{name}: entries and unreadable bodies");
            let line = program::stdout(&service.cli(&["changes", "--json", "--limit", "1"]));
            for piece in pieces {
                assert!(line.contains(piece.as_str()), "{name}: no {piece} in {line}");
            }
        }
        Expected::Empty => {
            answer.assert_ok(name);
            assert_eq!(grown, (1, 0), "{name}: entries and unreadable bodies");
        }
        Expected::Kept(reason) => {
            let info = answer.assert_fail(400, name);
            assert!(info.contains(reason), "{name}: {info}");
            assert_eq!(grown, (0, 1), "{name}: entries and unreadable bodies");
            let kept = &service.unreadable()[0];
            let body = match (kept["body"].as_str(), kept["body_base64"].as_str()) {
                (Some(text), None) => text.as_bytes().to_vec(),
                (None, Some(encoded)) => {
                    base64::Engine::decode(&base64::prelude::BASE64_STANDARD, encoded).expect("Base64")
                }
                both => panic!("{name}: {both:?}"),
            };
            assert!(body == case.body, "{name}: kept byte for byte");
            assert_eq!(kept["reason"], info.as_str(), "{name}");
        }
        Expected::Refused(status) => {
            answer.assert_fail(*status, name);
            assert_eq!(grown, (0, 0), "{name}: entries and unreadable bodies");
        }
        Expected::Acknowledged => {
            answer.assert_ok(name);
            assert_eq!(grown, (0, 0), "{name}: entries and unreadable bodies");
        }
    }
}

/// Text nobody chose: printable, not ASCII alone, the same each time, which no compression makes small.
fn random_text(bytes: usize) -> String {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut text = String::with_capacity(bytes + 4);
    while text.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let c = char::from_u32(u32::try_from(state >> 44).unwrap_or(0)).filter(|c| c.is_alphanumeric());
        text.push(c.unwrap_or('x'));
    }
    text
}
