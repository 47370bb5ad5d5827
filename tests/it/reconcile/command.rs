//! `portraitd reconcile`, as an operator meets it.

use std::process::{Command, Output};

use portraitd::emulator::{Emulator, Options, SECRET_KEY};
use serde_json::json;

use super::rig::Rig;
use crate::harness::db::{Database, on_both_stores};
use crate::harness::entries::{NICK, append, callback};
use crate::harness::service::program;

/// The program, to be run on this log and this vendor.
pub fn command(db: &Database, vendor: &Emulator, key: &str, arguments: &[&str]) -> Command {
    let mut command = program::command(&std::env::temp_dir());
    command
        .env("DATABASE_URL", db.url())
        .env("PORTRAITD_SDK_APP_ID", "1400000000")
        .env("PORTRAITD_SECRET_KEY", key)
        .env("PORTRAITD__TENCENT__BASE_URL", vendor.base_url())
        .env("PORTRAITD__RECONCILE__GRACE", "1s")
        .env("PORTRAITD__SPOOL__DIR", "/dev/null/none")
        .arg("reconcile")
        .args(arguments);
    command
}

pub fn reconcile(db: &Database, vendor: &Emulator, key: &str, arguments: &[&str]) -> Output {
    command(db, vendor, key, arguments).output().expect("the program runs")
}

on_both_stores! {
    async fn it_says_what_it_found_and_what_it_came_to(db: Database) {
        let rig = Rig::on(&db).await;
        append(&rig.store, &[callback("a").nick("1").build(), callback("gone").nick("1").build()]).await;
        rig.set("a", NICK, "2");
        rig.set("a", "Tag_Profile_IM_Level", 3);
        let run = |arguments: &[&str]| reconcile(&db, &rig.vendor, SECRET_KEY, arguments);

        let output = run(&["--all", "--dry-run", "--json"]);
        assert_eq!(program::lines(&output), [
            json!({"app": 1_400_000_000, "account": "a", "tag": "Tag_Profile_IM_Nick", "kind": "reconcile", "recorded": false, "log": "1", "tencent": "2"}),
            json!({"app": 1_400_000_000, "account": "a", "tag": "Tag_Profile_IM_Level", "kind": "baseline", "recorded": false, "log": null, "tencent": 3}),
            json!({"accounts": 2, "baselines": 1, "missed": 1, "unsettled": 0, "unknown": 1, "failed": 0}),
        ]);
        assert!(program::stderr(&output).contains("gone: Tencent has no such account"));
        assert_eq!(db.count("SELECT count(*) FROM callbacks").await, 2);

        let said = program::stdout(&run(&["--all", "--grace", "0"]));
        assert_eq!(said, "a  Tag_Profile_IM_Nick: the log has \"1\", Tencent has \"2\"\n2 accounts looked at: 1 changes missed, \
            1 values seen for the first time, 0 accounts unsettled, 1 unknown to Tencent, 0 failed\n");
        let said = program::stdout(&run(&["--account", "a", "--account", "a"]));
        assert!(said.starts_with("1 accounts looked at: 0 changes missed"), "{said}");
        let said = program::stdout(&run(&["--since", "2100-01-01"]));
        assert!(said.starts_with("0 accounts looked at"), "{said}");
        let who = db.texts("SELECT action || ' ' || target FROM access_log ORDER BY id").await;
        assert_eq!(who, ["reconcile *", "reconcile *", "reconcile a", "reconcile *"]);
        assert_eq!(db.count("SELECT count(*) FROM reconciliations WHERE ended_at IS NOT NULL AND after = ''").await, 1);
    }
}

#[tokio::test]
async fn what_it_cannot_do_it_says() {
    let db = Database::sqlite().await;
    append(&db.store().await, &[callback("a").nick("1").build()]).await;
    let vendor = Emulator::start(Options::default()).await.expect("an emulator");
    let output = reconcile(&db, &vendor, "", &["--all"]);
    assert_eq!(program::code(&output), 2);
    assert!(program::stderr(&output).contains("PORTRAITD_SECRET_KEY"), "{}", program::stderr(&output));
    let output = reconcile(&db, &vendor, "another key", &["--all"]);
    assert_eq!(program::code(&output), 1, "{}", program::stderr(&output));
    assert!(program::stderr(&output).contains("run it again, it goes on where it was"));
    for (wrong, named) in [
        (&[][..], "--account"),
        (&["--all", "--account", "a"], "--all"),
        (&["--account", ""], "--account"),
        (&["--account", "a", "--anew"], "--anew"),
        (&["--all", "--since", "2026-01-31"], "--since"),
        (&["--since", "yesterday"], "2026-01-31"),
        (&["--all", "--grace=-1"], "--grace"),
        (&["--all", "--grace", "86401"], "86400"),
        (&["--all", "--app", "7"], "7"),
        (&["--all", "--app", "x"], "--app"),
    ] {
        let output = reconcile(&db, &vendor, SECRET_KEY, wrong);
        assert_eq!(program::code(&output), 2, "{wrong:?}");
        assert!(program::stderr(&output).contains(named), "{wrong:?}: {}", program::stderr(&output));
    }
}
