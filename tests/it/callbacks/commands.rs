//! CallbackCommand: ours, another one, none, several, or one thing in the query and another in the body.

use serde_json::json;

use crate::harness::db::{Database, on_both_stores};
use crate::harness::service::{APP, Launch, Service};

const READABLE: &str = r#"{"From_Account":"a","EventTime":1700000000000,"ProfileItem":[{"Tag":"T","Value":1}]}"#;

on_both_stores! {
    async fn a_command_that_is_missing_repeated_or_different_in_the_body_is_400_and_kept(db: Database) {
        let service = Service::start(&db).await;
        let other = r#"{"CallbackCommand":"State.StateChange","From_Account":"a","ProfileItem":[]}"#;
        let number = r#"{"CallbackCommand":1,"From_Account":"a","ProfileItem":[]}"#;
        let cased = r#"{"CallbackCommand":"profile.callbackportraitset","From_Account":"a","ProfileItem":[]}"#;
        let ours = r#"{"CallbackCommand":"Profile.CallbackPortraitSet","From_Account":"a","ProfileItem":[]}"#;
        let callback = || service.callback();
        let cases = [
            ("missing", callback().without("CallbackCommand").body(READABLE), READABLE),
            ("empty", callback().with("CallbackCommand", "").body(READABLE), READABLE),
            ("repeated", callback().and("CallbackCommand", "Profile.CallbackPortraitSet").body(READABLE), READABLE),
            ("two different ones", callback().and("CallbackCommand", "State.StateChange").body(READABLE), READABLE),
            ("different in the body", callback().body(other), other),
            ("a number in the body", callback().body(number), number),
            ("in other case in the body", callback().body(cased), cased),
            ("ours in the body only", callback().with("CallbackCommand", "Sns.CallbackFriendAdd").body(ours), ours),
        ];
        let count = cases.len();
        for (case, callback, body) in cases {
            let info = callback.post().await.assert_fail(400, case);
            let kept = &service.unreadable()[0];
            assert_eq!((&kept["body"], &kept["app"], &kept["auth"]), (&json!(body), &json!(APP), &json!("none")), "{case}");
            assert_eq!(kept["reason"], json!(info), "{case}: what was answered is what is kept");
            assert!(info.contains("CallbackCommand"), "{case}: {info}");
        }
        assert_eq!(service.unreadable().iter().map(|kept| kept["times"].as_i64().unwrap_or(0)).sum::<i64>(), count as i64);
        assert_eq!(service.verified_entries(), 0);
    }

    async fn a_body_may_leave_its_command_out(db: Database) {
        let service = Service::start(&db).await;
        service.callback().body(READABLE).post().await.assert_ok("left out");
        let null = r#"{"CallbackCommand":null,"From_Account":"b","ProfileItem":[]}"#;
        service.callback().body(null).post().await.assert_ok("null");
        assert_eq!(service.verified_entries(), 2);
    }

    async fn another_command_is_acknowledged_and_not_recorded_and_a_before_event_one_is_counted(db: Database) {
        let service = Service::start(&db).await;
        let after = ["State.StateChange", "Sns.CallbackFriendAdd", "Alert.RequestOverLimit", "profile.callbackportraitset", "%zz"];
        for command in after {
            service.callback().with("CallbackCommand", command).body("{\"x\":1}").post().await.assert_ok(command);
        }
        let counted = async || service.metric("portraitd_before_event_acknowledged_total", "").await;
        assert_eq!(counted().await, 0.0);
        let before = [
            "Sns.CallbackPrevFriendAdd", "Sns.CallbackPrevFriendResponse", "C2C.CallbackBeforeSendMsg",
            "Group.CallbackBeforeCreateGroup", "Group.CallbackBeforeApplyJoinGroup", "Group.CallbackBeforeInviteJoinGroup",
            "Group.CallbackBeforeSendMsg", "Group.CallbackBeforeCreateTopic", "OfficialAccount.CallbackBeforeAnything",
        ];
        for command in before {
            let body = json!({"CallbackCommand": command, "From_Account": "a"}).to_string();
            service.callback().with("CallbackCommand", command).body(body).post().await.assert_ok(command);
            let line = service.says(&format!("callback.command={command:?}")).await;
            assert!(line.contains("was answered OK, which lets the action pass"), "{line}");
        }
        assert_eq!(counted().await, before.len() as f64);
        assert_eq!(service.verified_entries(), 0);
        assert!(service.unreadable().is_empty());
        assert_eq!(service.metric("portraitd_callbacks_total", "outcome=\"acknowledged\"").await, (after.len() + before.len()) as f64);
    }

    async fn a_commands_name_forges_no_line_of_the_log_and_mutes_no_warning(db: Database) {
        let service = Service::start(&db).await;
        for n in 0..100 {
            let name = format!("OfficialAccount.CallbackBefore\nERROR forged\u{1b}[2J{n}{}", "x".repeat(1000));
            service.callback().with("CallbackCommand", name).body("{\"x\":1}").post().await.assert_ok("forged");
        }
        let line = service.says("callback.command=\"OfficialAccount.CallbackBefore").await;
        assert!(line.contains("forged") && line.len() < 500, "{line}");
        let name = "C2C.CallbackBeforeSendMsg";
        service.callback().with("CallbackCommand", name).body("{\"x\":1}").post().await.assert_ok(name);
        service.says(&format!("callback.command={name:?}")).await;
        let said = service.stderr();
        assert_eq!(said.matches("which lets the action pass").count(), 2, "once a kind: {said}");
        assert!(!said.lines().any(|line| line.starts_with("ERROR")) && !said.contains('\u{1b}'), "{said}");
    }

    async fn another_commands_body_is_not_looked_at_but_for_its_command(db: Database) {
        let service = Service::start(&db).await;
        let state = || service.callback().with("CallbackCommand", "State.StateChange");
        for body in ["not JSON", "[]", "{\"CallbackCommand\":\"State.StateChange\"}", "\u{feff}{\"a\":[1]}"] {
            state().body(body).post().await.assert_ok(body);
        }
        let info = state().body("{\"CallbackCommand\":\"State.Other\"}").post().await.assert_fail(400, "different");
        assert_eq!(service.unreadable()[0]["reason"], json!(info));
        assert_eq!(service.unreadable()[0]["command"], "State.StateChange");
    }

    async fn metric_labels_stay_bounded_whatever_the_commands_are_called(db: Database) {
        let service = Service::start(&db).await;
        for command in ["Zzz.One", "Zzz.Two", "<script>", "a\"b\\c\n", "State.X", "State.Y"] {
            service.callback().with("CallbackCommand", command).body("{\"x\":1}").post().await.assert_ok(command);
        }
        assert_eq!(service.metric("portraitd_callbacks_total", "command=\"other\"").await, 4.0);
        assert_eq!(service.metric("portraitd_callbacks_total", "command=\"State\"").await, 2.0);
        let text = service.http.get(format!("{}/metrics", service.private_url)).send().await.expect("metrics").text().await;
        let text = text.expect("text");
        assert!(!text.contains("Zzz") && !text.contains("script"), "{text}");
    }

    async fn reject_refuses_other_commands_and_nothing_else(db: Database) {
        let service = Launch::on(&db).app(APP, &["token"]).toml("[receiver]\nother_commands = \"reject\"").start().await;
        for command in ["State.StateChange", "Group.CallbackBeforeSendMsg", "profile.callbackportraitset", "Unheard.Of"] {
            let callback = || service.callback().with("CallbackCommand", command).body("{\"x\":1}");
            callback().signed("token").post().await.assert_fail(404, command);
            callback().post().await.assert_fail(401, &format!("{command}, unsigned"));
        }
        service.callback().signed("token").post().await.assert_ok("ours");
        service.callback().with("CallbackCommand", "State.StateChange").signed("token").body("{}").post().await.assert_ok("the check");
        assert_eq!(service.verified_entries(), 1);
        assert!(service.unreadable().is_empty());
        assert_eq!(service.metric("portraitd_before_event_acknowledged_total", "").await, 0.0);
    }

    async fn a_bad_sign_beats_a_bad_command(db: Database) {
        let service = Launch::on(&db).app(APP, &["token"]).start().await;
        service.callback().without("CallbackCommand").post().await.assert_fail(401, "missing and unsigned");
        service.callback().without("CallbackCommand").signed("token").post().await.assert_fail(400, "missing and signed");
        assert_eq!(service.unreadable()[0]["auth"], "sign");
    }
}
