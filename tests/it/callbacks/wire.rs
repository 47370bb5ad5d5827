//! The way a callback may travel: parameters in any order, no Content-Type, connections kept open.

use crate::harness::db::{Database, on_both_stores};
use crate::harness::service::{Launch, Service, callback, sign_now};

on_both_stores! {
    async fn parameters_come_in_any_order_and_unknown_ones_do_no_harm(db: Database) {
        let service = Launch::on(&db).app(1_400_000_000, &["token"]).start().await;
        let (sign, time) = sign_now("token");
        let parameters = [
            "SdkAppid=1400000000".to_owned(), "CallbackCommand=Profile.CallbackPortraitSet".to_owned(), "contenttype=json".to_owned(),
            "ClientIP=198.51.100.1".to_owned(), "OptPlatform=Android".to_owned(), format!("Sign={sign}"), format!("RequestTime={time}"),
            "Unheard=of".to_owned(), "empty=".to_owned(), "bare".to_owned(), "%zz=%".to_owned(),
        ];
        for turn in 0..parameters.len() {
            let mut order = parameters.clone();
            order.rotate_left(turn);
            for query in [order.join("&"), order.iter().rev().cloned().collect::<Vec<_>>().join("&")] {
                service.callback().raw_query(&query).post().await.assert_ok(&query);
                let change = &service.changes()[0];
                assert_eq!((&change["client_ip"], &change["platform"]), (&"198.51.100.1".into(), &"Android".into()), "{query}");
            }
        }
        assert_eq!(service.verified_entries(), 2 * parameters.len() as i64);
    }

    async fn one_connection_carries_many_callbacks(db: Database) {
        let service = Service::start(&db).await;
        let mut connection = service.connect().await;
        for number in ["first", "second", "third"] {
            connection.send(service.callback().request()).await;
            let answer = connection.answer().await;
            answer.assert_ok(number);
            assert_ne!(answer.header("connection"), Some("close"), "{number}");
        }
        connection.send(service.callback().at("/elsewhere").request()).await;
        connection.answer().await.assert_fail(404, "a refusal");
        connection.send(service.callback().request()).await;
        connection.answer().await.assert_ok("after the refusal");
        assert_eq!(service.verified_entries(), 4);
    }

    async fn requests_sent_ahead_on_one_connection_are_answered_in_order(db: Database) {
        let service = Service::start(&db).await;
        let mut connection = service.connect().await;
        let mut both = service.callback().request();
        both.extend(service.callback().body("not JSON").request());
        connection.send(both).await;
        connection.answer().await.assert_ok("the first");
        connection.answer().await.assert_fail(400, "the second");
    }

    async fn no_content_type_and_any_content_type_are_the_same(db: Database) {
        let service = Service::start(&db).await;
        for header in ["", "Content-Type: application/json\r\n", "Content-Type: text/plain\r\n", "Content-Type: \r\n", "Content-Type: x;;\r\n"] {
            let body = callback::body("a", None, "T", 1.into());
            let headers = format!("{header}Content-Length: {}\r\n", body.len());
            let mut connection = service.connect().await;
            connection.send(service.callback().body(body).bytes("POST", &headers)).await;
            connection.answer().await.assert_ok(header);
        }
        assert_eq!(service.verified_entries(), 5);
    }

    async fn connection_close_is_honoured(db: Database) {
        let service = Service::start(&db).await;
        let mut connection = service.connect().await;
        let callback = service.callback().body("{}");
        connection.send(callback.bytes("POST", "Content-Length: 2\r\nConnection: close\r\n")).await;
        connection.answer().await.assert_ok("the check");
        assert!(connection.is_closed().await);
    }
}
