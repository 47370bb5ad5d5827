//! The live tail: what is recorded arrives, what was missed is caught up with, and it ends with the service.

use std::time::Duration;

use tokio::time::timeout;

use crate::harness::db::{Database, on_both_stores};
use crate::harness::service::Service;

const LIMIT: Duration = Duration::from_secs(20);

/// A reader of Server-Sent Events.
struct Reader {
    response: reqwest::Response,
    text: String,
}

impl Reader {
    async fn open(service: &Service, query: &str, last: Option<&str>) -> Self {
        let request = service.http.get(format!("{}/api/v1/changes/stream{query}", service.private_url));
        let request = last.into_iter().fold(request, |request, id| request.header("Last-Event-ID", id));
        let response = request.send().await.expect("an answer");
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &"text/event-stream".parse().expect("a value"))
        );
        Reader { response, text: String::new() }
    }

    /// The next event: its id and data; none at the end.
    async fn next(&mut self) -> Option<(String, serde_json::Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let found = field("id: ").zip(field("data: "));
                self.text = rest.to_owned();
                match found {
                    Some((id, data)) => return Some((id, serde_json::from_str(&data).expect("JSON"))),
                    None => continue,
                }
            }
            let part = timeout(LIMIT, self.response.chunk()).await.expect("in time").ok().flatten()?;
            self.text.push_str(std::str::from_utf8(&part).expect("whole characters"));
        }
    }
}

on_both_stores! {
    async fn what_is_recorded_arrives_and_what_was_missed_is_caught_up_with(db: Database) {
        let service = Service::start(&db).await;
        let nick = async |account: &str| {
            let body = format!(r#"{{"From_Account":"{account}","ProfileItem":[{{"Tag":"Tag_Profile_IM_Nick","Value":"x"}},{{"Tag":"Tag_Profile_IM_Level","Value":1}}]}}"#);
            service.callback().body(body).post().await.assert_ok("recorded");
        };
        nick("ann").await;
        let mut live = Reader::open(&service, "", None).await;
        let mut bobs = Reader::open(&service, "?account=bob&tag=Tag_Profile_IM_Level", None).await;
        nick("carl").await;
        nick("bob").await;
        for (id, account) in [("2.0", "carl"), ("2.1", "carl"), ("3.0", "bob"), ("3.1", "bob")] {
            let (got, change) = live.next().await.expect("an event");
            assert_eq!((got.as_str(), change["account"].as_str()), (id, Some(account)));
        }
        assert_eq!(bobs.next().await.expect("an event").0, "3.1");
        let mut missed = Reader::open(&service, "", Some("1.0")).await;
        let mut by_cursor = Reader::open(&service, "?cursor=1.0", None).await;
        for id in ["1.1", "2.0", "2.1", "3.0", "3.1"] {
            assert_eq!(missed.next().await.expect("an event").0, id);
            assert_eq!(by_cursor.next().await.expect("an event").0, id);
        }
    }

    async fn a_stream_ends_with_the_service_at_once(db: Database) {
        let mut service = Service::start(&db).await;
        let mut live = Reader::open(&service, "", None).await;
        service.terminate();
        assert!(live.next().await.is_none());
        assert!(service.ended().await.success());
    }
}
