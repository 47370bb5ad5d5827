//! The log is verified while the service runs, and what does not hold is said.

use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::entries::{append, callbacks};
use crate::harness::service::Launch;

on_both_stores! {
    async fn a_log_that_does_not_hold_any_more_is_said_and_measured(db: Database) {
        append(&db.store().await, &callbacks(600)).await;
        let service = Launch::on(&db).toml("[proof]\nverify_every = \"1s\"\n").start().await;
        eventually("it was verified", async || service.metric("portraitd_verified_seq", "").await == 600.0).await;
        assert_eq!(service.metric("portraitd_log_holds", "").await, 1.0);
        service.callback().post().await.assert_ok("recorded");
        eventually("it is verified again", async || service.metric("portraitd_verified_seq", "").await == 601.0).await;
        db.tamper("UPDATE callbacks SET client_ip = '10.0.0.1' WHERE seq = 300").await;
        let said = service.says("the log does not hold").await;
        assert!(said.contains("ERROR") && said.contains("entry 300: "), "{said}");
        eventually("it is measured", async || service.metric("portraitd_log_holds", "").await == 0.0).await;
        assert_eq!(service.metric("portraitd_verified_seq", "").await, 601.0, "up to where it held at last");
        service.callback().post().await.assert_ok("callbacks go on");
    }

    async fn the_heads_in_the_file_show_that_the_log_was_cut(db: Database) {
        append(&db.store().await, &callbacks(5)).await;
        let file = tempfile::NamedTempFile::new().expect("a file");
        let toml = format!("[proof]\nhead_file = {:?}\nverify_every = \"1s\"\n", file.path());
        let service = Launch::on(&db).toml(&toml).start().await;
        eventually("the head is noted", async || service.metric("portraitd_proof_anchored_seq", "").await == 5.0).await;
        db.tamper("DELETE FROM profile_changes WHERE seq = 5").await;
        db.tamper("DELETE FROM callbacks WHERE seq = 5").await;
        assert!(service.says("the log does not hold").await.contains("entry 5: "));
    }

    async fn without_being_asked_for_nothing_is_verified_nor_measured(db: Database) {
        let service = Launch::on(&db).start().await;
        let text = service.http.get(format!("{}/metrics", service.private_url)).send().await.expect("metrics");
        let text = text.text().await.expect("text");
        assert!(!text.lines().any(|line| line.starts_with("portraitd_log_holds ") || line.starts_with("portraitd_verified_seq ")), "{text}");
    }
}
