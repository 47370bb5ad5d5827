//! Whose callback it is, and whether it really comes from Chat: SdkAppid, Sign, RequestTime.

use serde_json::json;

use crate::harness::db::{Database, on_both_stores};
use crate::harness::service::{APP, Launch, Service};

on_both_stores! {
    async fn an_app_that_is_not_one_of_ours_is_403(db: Database) {
        let service = Service::start(&db).await;
        let ids = [
            "1400000001", "0", "", "+1400000000", "%2B1400000000", "1400000000.0", " 1400000000", "1400000000%20", "01400000000",
            "-1400000000", "1400000000e0", "0x53724e00", "14000000001400000000140000000014000000001", "１４００００００００", "null",
            "%00", "1400000000%00", "%zz", "1400000000,1400000000",
        ];
        for id in ids {
            let query = format!("SdkAppid={id}&CallbackCommand=Profile.CallbackPortraitSet");
            service.callback().raw_query(&query).post().await.assert_fail(403, &format!("SdkAppid={id}"));
        }
        service.callback().and("SdkAppid", APP).post().await.assert_fail(403, "the same twice");
        service.callback().and("SdkAppid", "7").post().await.assert_fail(403, "two different ones");
        service.callback().without("SdkAppid").post().await.assert_fail(403, "missing with a body");
        service.callback().without("SdkAppid").with("sdkappid", APP).post().await.assert_fail(403, "names are case sensitive");
        service.callback().raw_query("").post().await.assert_fail(403, "no query at all");
        assert_eq!(service.verified_entries(), 0);
        assert!(service.unreadable().is_empty(), "what is not authentic is not kept");
        service.callback().post().await.assert_ok("the app itself");
    }

    async fn an_unknown_app_beats_a_wrong_sign(db: Database) {
        let service = Launch::on(&db).app(APP, &["token"]).start().await;
        service.callback().with("SdkAppid", 7).with("Sign", "wrong").post().await.assert_fail(403, "both are wrong");
        service.callback().with("SdkAppid", 7).signed("token").post().await.assert_fail(403, "a good Sign does not help");
        service.callback().and("SdkAppid", APP).post().await.assert_fail(403, "twice and unsigned");
    }

    async fn a_callback_without_a_right_sign_is_401_and_leaves_nothing_behind(db: Database) {
        let service = Launch::on(&db).app(APP, &["token"]).start().await;
        let signed = || service.callback().signed("token");
        let sign = portraitd::protocol::sign::sign;
        let now = crate::harness::service::callback::seconds(0);
        service.callback().post().await.assert_fail(401, "neither Sign nor RequestTime");
        signed().without("Sign").post().await.assert_fail(401, "no Sign");
        signed().without("RequestTime").post().await.assert_fail(401, "no RequestTime");
        service.callback().signed("Token").post().await.assert_fail(401, "another token");
        signed().with("Sign", "").post().await.assert_fail(401, "an empty Sign");
        signed().with("Sign", &sign("token", &now)[..63]).with("RequestTime", &now).post().await.assert_fail(401, "cut short");
        signed().with("Sign", sign("token", &now).to_uppercase()).with("RequestTime", &now).post().await.assert_fail(401, "upper case");
        signed().and("Sign", "x").post().await.assert_fail(401, "Sign twice");
        signed().and("RequestTime", &now).post().await.assert_fail(401, "RequestTime twice");
        for time in ["-1", "now", "", "1669872112.0", "+1669872112", " 1669872112", "99999999999999999999", "1e9"] {
            let callback = service.callback().with("RequestTime", time).with("Sign", sign("token", time));
            callback.post().await.assert_fail(401, &format!("RequestTime {time:?}, signed"));
        }
        let info = signed().with("Sign", "wrong").body("not JSON").post().await.assert_fail(401, "the body is wrong as well");
        assert!(!info.contains("token") || !info.contains(&sign("token", &now)), "no secret: {info}");
        assert_eq!(service.verified_entries(), 0);
        assert!(service.unreadable().is_empty(), "what is not authentic is not kept");
        signed().post().await.assert_ok("the right Sign");
        assert_eq!(service.changes()[0]["auth"], "sign");
    }

    async fn a_right_but_stale_sign_is_401_and_kept_because_it_may_be_our_clock(db: Database) {
        let service = Launch::on(&db).app(APP, &["token"]).start().await;
        // Not 59 and 61: the request's own way takes some of a second.
        for offset in [-50, 0, 50] {
            let answer = service.callback().signed_at("token", offset).post().await;
            answer.assert_ok(&format!("{offset} s from now"));
        }
        for offset in [-70, 70, -86_000, 1_000_000] {
            let body = format!(r#"{{"From_Account":"late","EventTime":{},"ProfileItem":[]}}"#, offset + 2_000_000);
            service.callback().signed_at("token", offset).body(body.clone()).post().await.assert_fail(401, &format!("{offset} s from now"));
            let kept = &service.unreadable()[0];
            assert_eq!((&kept["auth"], &kept["body"], &kept["app"]), (&json!("stale"), &json!(body), &json!(APP)), "{offset}");
            assert_eq!(kept["command"], "Profile.CallbackPortraitSet");
        }
        service.callback().signed_at("token", -86_500).post().await.assert_fail(401, "more than a day old");
        service.callback().signed_at("other", -70).post().await.assert_fail(401, "stale and wrong");
        assert_eq!(service.unreadable().len(), 4, "what is older than a day says nothing about our clock");
        assert_eq!(service.verified_entries(), 3, "none of the stale ones is recorded");
        service.says("stale RequestTime").await;
        assert_eq!(service.stderr().matches("stale RequestTime").count(), 1, "one line a minute is enough");
        assert_eq!(service.metric("portraitd_callbacks_total", "outcome=\"stale\"").await, 5.0, "all are counted");
    }

    async fn sign_window_secs_widens_the_window(db: Database) {
        let service = Launch::on(&db).app(APP, &["token"]).toml("[receiver]\nsign_window_secs = 600").start().await;
        service.callback().signed_at("token", -590).post().await.assert_ok("590 s ago");
        service.callback().signed_at("token", -610).post().await.assert_fail(401, "610 s ago");
    }

    async fn each_app_is_held_to_its_own_tokens_and_several_are_good_while_one_is_replaced(db: Database) {
        let service = Launch::on(&db).app(1, &["old", "new"]).app(2, &["two"]).app(3, &[]).start().await;
        let to = |app: i64| service.callback().with("SdkAppid", app);
        to(1).signed("old").post().await.assert_ok("app 1, old token");
        to(1).signed("new").post().await.assert_ok("app 1, new token");
        to(1).signed("two").post().await.assert_fail(401, "app 1, app 2's token");
        to(1).post().await.assert_fail(401, "app 1, unsigned although app 3 may be");
        to(2).signed("two").post().await.assert_ok("app 2");
        to(2).signed("old").post().await.assert_fail(401, "app 2, app 1's token");
        to(3).post().await.assert_ok("app 3 has no token");
        to(3).with("Sign", "whatever").post().await.assert_ok("app 3 does not look at Sign");
        let newest_first: Vec<_> = service.changes().iter().map(|change| (change["app"].clone(), change["auth"].clone())).collect();
        let none = || json!("none");
        let sign = || json!("sign");
        let expected = [(json!(3), none()), (json!(3), none()), (json!(2), sign()), (json!(1), sign()), (json!(1), sign())];
        assert_eq!(newest_first, expected);
    }
}
