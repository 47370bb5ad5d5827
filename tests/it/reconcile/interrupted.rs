//! Runs that are killed, interrupted or at it twice: every account is looked at, and each miss is recorded once.

use std::process::{Child, Output, Stdio};

use portraitd::emulator::{Order, SECRET_KEY};
use serde_json::json;

use super::command::{command, reconcile};
use super::rig::Rig;
use super::service::toml;
use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::entries::{NICK, append, callbacks};
use crate::harness::service::{Launch, program};

const AFTER: &str = "SELECT count(*) FROM reconciliations WHERE after <> ''";
const MISSES: &str = "SELECT count(*) FROM callbacks WHERE kind = 'reconcile'";
const MISSING: &str = "SELECT count(DISTINCT account) FROM callbacks WHERE kind = 'reconcile'";

/// As many accounts, of which those from `same` on have changed at the vendor.
async fn rig(db: &Database, accounts: usize, same: usize) -> Rig {
    let rig = Rig::on(db).await;
    for entries in callbacks(accounts).chunks(2000) {
        append(&rig.store, entries).await;
    }
    let mut names: Vec<usize> = (0..accounts).collect();
    names.sort_by_key(|n| format!("id{n}"));
    for (at, n) in names.into_iter().enumerate() {
        rig.set(&format!("id{n}"), NICK, if at < same { format!("nick {n}") } else { "missed".to_owned() });
    }
    rig
}

/// Nobody reads a stdout that is [`Stdio::piped`] before it has ended.
fn spawn(db: &Database, rig: &Rig, stdout: Stdio, arguments: &[&str]) -> Child {
    let mut command = command(db, &rig.vendor, SECRET_KEY, arguments);
    command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped()).spawn().expect("the program runs")
}

fn signal(child: &Child, signal: libc::c_int) {
    // SAFETY: a signal to a child we started and have not waited for.
    assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, signal) }, 0);
}

fn ended(child: Child) -> Output {
    child.wait_with_output().expect("it ended")
}

on_both_stores! {
    async fn a_command_that_is_killed_and_run_again_looks_at_every_account_and_records_each_miss_once(db: Database) {
        let rig = rig(&db, 5_300, 0).await;
        let mut child = spawn(&db, &rig, Stdio::null(), &["--all", "--grace", "0"]);
        eventually("some are recorded", async || db.count(MISSES).await >= 1_000).await;
        child.kill().expect("killed");
        ended(child);
        assert!(db.count(MISSES).await < 5_000);
        let mut child = spawn(&db, &rig, Stdio::null(), &["--all", "--grace", "3"]);
        eventually("it is at the rest", async || db.count(AFTER).await == 1).await;
        child.kill().expect("killed");
        ended(child);
        assert_eq!(db.count(MISSES).await, 5_000);
        let output = reconcile(&db, &rig.vendor, SECRET_KEY, &["--all", "--grace", "0", "--json"]);
        assert!(program::stderr(&output).contains("going on after \"id"), "{}", program::stderr(&output));
        assert_eq!(program::lines(&output)[300]["accounts"], json!(300));
        assert_eq!((db.count(MISSES).await, db.count(MISSING).await), (5_300, 5_300));
        let output = reconcile(&db, &rig.vendor, SECRET_KEY, &["--all", "--grace", "0", "--json"]);
        assert_eq!(program::lines(&output), [
            json!({"accounts": 5_300, "baselines": 0, "missed": 0, "unsettled": 0, "unknown": 0, "failed": 0}),
        ]);
        rig.assert_holds().await;
    }

    async fn two_commands_at_once_record_each_miss_once(db: Database) {
        let rig = rig(&db, 300, 0).await;
        let children = [0; 2].map(|_| spawn(&db, &rig, Stdio::piped(), &["--all", "--grace", "1", "--json"]));
        let lines = children.map(|child| program::lines(&ended(child)));
        let missed: Vec<_> = lines.iter().map(|lines| lines.last().expect("a summary")["missed"].as_u64()).collect();
        assert_eq!(missed[0].zip(missed[1]).map(|(one, other)| one + other), Some(300), "{missed:?}");
        assert_eq!((db.count(MISSES).await, db.count(MISSING).await), (300, 300));
        rig.assert_holds().await;
    }

    async fn the_service_goes_on_from_its_mark_after_it_was_killed(db: Database) {
        let rig = rig(&db, 5_200, 5_000).await;
        let launch = |grace| Launch::on(&db).toml(&toml(&rig.vendor, "1d", grace)).start();
        let service = launch("1d").await;
        eventually("it is at the rest", async || db.count(AFTER).await == 1).await;
        service.kill();
        drop(service);
        let idle = if db.is_postgres() { "interval '10 minutes'" } else { "600000" };
        db.execute(&format!("UPDATE reconciliations SET moved_at = moved_at - {idle}")).await;
        let service = launch("1s").await;
        service.says("is reconciled: 200 accounts").await;
        assert_eq!(service.metric("portraitd_missed_changes_total", "").await, 200.0);
        assert_eq!((db.count(MISSES).await, db.count(MISSING).await), (200, 200));
        assert_eq!(db.count("SELECT count(*) FROM reconciliations WHERE ended_at IS NOT NULL AND after = ''").await, 1);
    }

    async fn one_that_is_interrupted_or_loses_the_vendor_says_how_far_it_came_and_how_to_go_on(db: Database) {
        let rig = rig(&db, 5_200, 5_000).await;
        let child = spawn(&db, &rig, Stdio::null(), &["--all", "--grace", "60"]);
        eventually("it is at the rest", async || db.count(AFTER).await == 1).await;
        signal(&child, libc::SIGINT);
        let output = ended(child);
        assert_eq!(program::code(&output), 1);
        let said = program::stderr(&output);
        assert!(said.contains("looked at; run it again, it goes on where it was: interrupted"), "{said}");

        rig.vendor.order(Order::new("portrait_get", 70003));
        let output = reconcile(&db, &rig.vendor, SECRET_KEY, &["--all"]);
        let said = program::stderr(&output);
        assert_eq!(program::code(&output), 1, "{said}");
        assert!(said.contains("going on after") && said.contains("0 were looked at; run it again, it goes on where it was"), "{said}");
        let output = reconcile(&db, &rig.vendor, SECRET_KEY, &["--all", "--grace", "0"]);
        assert!(program::stdout(&output).contains("200 accounts looked at: 200 changes missed"));
    }
}
