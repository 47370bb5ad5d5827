//! The console's check: a blank body or an empty object is answered OK and leaves nothing behind.

use crate::harness::db::{Database, on_both_stores};
use crate::harness::service::{APP, Launch, Service};

const BLANK: [&str; 7] = ["", " ", "\r\n\t ", "{}", " { } ", "{\n}\n", "\u{feff}{}"];

on_both_stores! {
    async fn the_check_turns_green_whatever_the_command_and_is_not_recorded(db: Database) {
        let service = Launch::on(&db).toml("[receiver]\nother_commands = \"reject\"").start().await;
        let queries = [
            "SdkAppid=1400000000&CallbackCommand=Profile.CallbackPortraitSet",
            "SdkAppid=1400000000&CallbackCommand=State.StateChange",
            "SdkAppid=1400000000&CallbackCommand=A&CallbackCommand=B",
            "SdkAppid=1400000000",
            "CallbackCommand=Profile.CallbackPortraitSet",
            "CallbackCommand=Nonsense&Sign=x&RequestTime=y",
            "",
        ];
        for query in queries {
            for body in BLANK {
                let answer = service.callback().raw_query(query).body(body).post().await;
                answer.assert_ok(&format!("{query:?} with {body:?}"));
            }
        }
        assert_eq!(service.verified_entries(), 0);
        assert!(service.unreadable().is_empty());
        let count = service.metric("portraitd_callbacks_total", "outcome=\"check\"").await;
        assert_eq!(count, (queries.len() * BLANK.len()) as f64);
    }

    async fn a_body_that_is_nearly_empty_is_not_the_check(db: Database) {
        let service = Service::start(&db).await;
        for body in ["[]", "null", "{}{}", "{}x", "{,}", "\"\"", "0", "{\"a\":1}", "\0", "{\u{a0}}"] {
            service.callback().body(body).post().await.assert_fail(400, body);
            assert_eq!(service.unreadable()[0]["body"], body, "kept as it came");
        }
        service.callback().without("SdkAppid").body("[]").post().await.assert_fail(403, "without SdkAppid");
    }

    async fn with_tokens_the_check_must_be_signed(db: Database) {
        let service = Launch::on(&db).app(APP, &["token"]).start().await;
        service.callback().body("{}").post().await.assert_fail(401, "unsigned");
        service.callback().body("").signed("other").post().await.assert_fail(401, "another token");
        service.callback().body("{}").with("SdkAppid", 7).signed("token").post().await.assert_fail(403, "another app");
        service.callback().body("{}").signed("token").post().await.assert_ok("signed");
        service.callback().body("").signed("token").without("CallbackCommand").post().await.assert_ok("signed, no command");
        assert!(service.unreadable().is_empty());
    }

    async fn without_sdkappid_the_sign_of_any_app_will_do_for_the_check_and_for_nothing_else(db: Database) {
        let service = Launch::on(&db).app(1, &["one"]).app(2, &["two", "zwei"]).app(3, &[]).start().await;
        let anonymous = || service.callback().without("SdkAppid");
        for token in ["one", "two", "zwei"] {
            anonymous().body("{}").signed(token).post().await.assert_ok(token);
        }
        anonymous().body("{}").signed("three").post().await.assert_fail(401, "nobody's token");
        anonymous().body("{}").post().await.assert_fail(401, "unsigned, although app 3 has no token");
        anonymous().body("").with("Sign", "").post().await.assert_fail(401, "an empty Sign");
        anonymous().signed("one").post().await.assert_fail(403, "a whole body");
        anonymous().body("not JSON").signed("one").post().await.assert_fail(403, "an unreadable body");
        assert_eq!(service.verified_entries(), 0);
        assert!(service.unreadable().is_empty());
    }

    async fn without_sdkappid_and_without_any_token_the_check_needs_no_sign(db: Database) {
        let service = Launch::on(&db).app(1, &[]).app(2, &[]).start().await;
        service.callback().without("SdkAppid").body("{}").post().await.assert_ok("{}");
        service.callback().raw_query("").body("").post().await.assert_ok("nothing at all");
        service.callback().without("SdkAppid").post().await.assert_fail(403, "a whole body");
    }
}
