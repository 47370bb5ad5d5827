//! `portraitd prune` and `store.retention_days`, of the real program.

use tempfile::tempdir;

use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::parts::{fill, in_parts_of};
use crate::harness::service::{Launch, program};

#[test]
fn prune_wants_to_know_how_old() {
    let folder = tempdir().expect("a folder");
    let output = program::run(folder.path(), &[], &["prune"]);
    assert_eq!(program::code(&output), 2);
    assert!(program::stderr(&output).contains("store.retention_days"), "{}", program::stderr(&output));
    let none = [("PORTRAITD__STORE__RETENTION_DAYS", "0")];
    assert_eq!(program::code(&program::run(folder.path(), &none, &["prune"])), 2);
}

on_both_stores! {
    async fn the_command_says_what_goes_and_leaves_an_anchor(db: Database) {
        fill(&in_parts_of(&db, 10).await, 25).await;
        let folder = tempdir().expect("a folder");
        let url = db.url();
        let run = |arguments: &[&str]| program::stdout(&program::run(folder.path(), &[("DATABASE_URL", &url)], arguments));
        let said = run(&["prune", "--older-than", "30", "--dry-run"]);
        assert!(said.contains("9 entries, 1 to 9") && said.lines().count() == 2 && said.contains("would be"), "{said}");
        assert_eq!(db.count("SELECT count(*) FROM callbacks").await, 25);
        let said = run(&["prune", "--older-than", "30"]);
        assert!(said.contains("10 entries, 10 to 19") && said.contains("dropped; anchor 19 "), "{said}");
        assert_eq!(db.texts("SELECT action || ' ' || details FROM access_log").await, ["prune older_than=30"]);
        let said = run(&["verify"]);
        assert!(said.starts_with("6 entries hold, those before entry 20 were pruned; head 25 "), "{said}");
    }

    async fn the_service_drops_what_is_older_than_its_retention(db: Database) {
        fill(&in_parts_of(&db, 10).await, 25).await;
        let service = Launch::on(&db).toml("[store]\nretention_days = 30").start().await;
        eventually("what is old is gone", async || db.count("SELECT min(seq) FROM callbacks").await == 20).await;
        service.callback().body_at(crate::harness::service::callback::unique_time()).post().await.assert_ok("after pruning");
        service.says("10 entries, 10 to 19").await;
        assert_eq!(service.verified_entries(), 7);
    }
}
