//! `reconcile.every`: the service finds what was missed by itself.

use portraitd::emulator::{Emulator, Options, SECRET_KEY};
use serde_json::json;

use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::entries::NICK;
use crate::harness::service::{Launch, Service};

fn toml(vendor: &Emulator) -> String {
    format!(
        "[tencent]\nbase_url = {:?}\nsecret_key = {SECRET_KEY:?}\n[reconcile]\nevery = \"1s\"\ngrace = \"1s\"\n\
         [[handlers]]\nname = \"trace\"\nkind = \"log\"\nvalues = true\n",
        vendor.base_url()
    )
}

async fn post(service: &Service, account: &str, nick: &str) {
    let body = json!({"From_Account": account, "ProfileItem": [{"Tag": NICK, "Value": nick}]});
    service.callback().body(body.to_string()).post().await.assert_ok(nick);
}

on_both_stores! {
    async fn what_was_missed_is_found_counted_and_handed_to_handlers(db: Database) {
        let vendor = Emulator::start(Options::default()).await.expect("an emulator");
        let service = Launch::on(&db).toml(&toml(&vendor)).start().await;
        vendor.with_model(|model| model.import("zoe").profile.insert(NICK.to_owned(), "never told".into()));
        post(&service, "zoe", "told").await;
        let metric = async || service.metric("portraitd_missed_changes_total", "app=\"1400000000\"").await;
        eventually("it is counted", async || metric().await == 1.0).await;
        eventually("the handler has it", async || service.stderr().contains("never told")).await;
        service.says_times("is reconciled", 3).await;
        assert_eq!(metric().await, 1.0, "once");
        let changes = service.changes();
        assert_eq!((&changes[0]["kind"], &changes[0]["new"], &changes[0]["old"], &changes[0]["operator"]),
            (&json!("reconcile"), &json!("never told"), &json!("told"), &json!(null)));
        assert_eq!(service.verified_entries(), 2);
    }
}

#[tokio::test]
async fn it_takes_a_secret_key() {
    let db = Database::sqlite().await;
    let (status, said) = Launch::on(&db).toml("[reconcile]\nevery = \"1d\"\n").fail().await;
    assert_eq!(status.code(), Some(2));
    assert!(said.contains("tencent.secret_key") && said.contains("PORTRAITD_SECRET_KEY"), "{said}");
}
