//! One entry through the API: everything that is hashed, and the way from it to a head that was noted.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::api::get;
use crate::harness::db::{Database, on_both_stores};
use crate::harness::entries::{append, callback, callbacks};
use crate::harness::proof::{hash, number};
use crate::harness::service::Service;

fn bytes(hex: &Value) -> Option<Vec<u8>> {
    hex.as_str().map(|hex| hex::decode(hex).expect("hex"))
}

/// The digest of what was answered.
fn digest(entry: &Value) -> String {
    let text = |name: &str| entry[name].as_str().map(str::as_bytes);
    let body = entry["body_base64"].as_str().map(|body| BASE64_STANDARD.decode(body).expect("base64"));
    let (salt, time) = (bytes(&entry["salt"]), entry["event_time_ms"].as_i64().map(i64::to_be_bytes));
    let time = time.as_ref().map(<[u8; 8]>::as_slice);
    let fields = [salt.as_deref(), text("account"), text("operator"), time, text("client_ip"), text("platform")];
    hex::encode(hash(&[&fields[..], &[body.as_deref()]].concat()))
}

/// The chain of what was answered, given the chain before it.
fn chain(previous: &Value, entry: &Value) -> String {
    let [seq, received_at, app] = ["seq", "received_at_ms", "sdk_app_id"].map(|name| number(&entry[name]));
    let [previous, receipt, digest] = [previous, &entry["receipt_id"], &entry["digest"]].map(bytes);
    let [kind, auth] = ["kind", "auth"].map(|name| entry[name].as_str().map(str::as_bytes));
    hex::encode(hash(&[
        previous.as_deref(),
        Some(&[1]),
        Some(&seq),
        receipt.as_deref(),
        Some(&received_at),
        Some(&app),
        kind,
        auth,
        digest.as_deref(),
    ]))
}

on_both_stores! {
    async fn an_entry_and_the_links_after_it_lead_to_the_head(db: Database) {
        let service = Service::start(&db).await;
        assert_eq!(get(&service, "proof/head", 200).await["chain"], "00".repeat(32), "an empty log");
        for _ in 0..4 {
            service.callback().post().await.assert_ok("recorded");
        }
        let head = get(&service, "proof/head", 200).await;
        let proof = get(&service, "proof/2?through=4", 200).await;
        assert_eq!((&proof["account"], &proof["head"]["chain"]), (&json!("id1"), &head["chain"]));
        assert_eq!((&proof["items"], &proof["next_cursor"]), (&json!([[0, "Tag_Profile_IM_Nick", "\"nick1\""]]), &Value::Null));
        assert_eq!(proof["digest"], digest(&proof));
        assert_eq!(proof["chain"], chain(&proof["previous_chain"], &proof));
        let mut previous = &proof["chain"];
        for link in proof["links"].as_array().expect("links") {
            assert_eq!(link["chain"], chain(previous, link));
            previous = &link["chain"];
        }
        assert_eq!((previous, &head["seq"]), (&head["chain"], &json!(4)));
        let first = get(&service, "proof/1", 200).await;
        assert_eq!((&first["previous_chain"], &first["links"]), (&json!("00".repeat(32)), &json!([])));
        assert_eq!(first["chain"], proof["previous_chain"]);
    }

    async fn links_come_a_thousand_at_a_time(db: Database) {
        append(&db.store().await, &callbacks(2100)).await;
        let service = Service::start(&db).await;
        let (mut cursor, mut seqs) = (String::new(), Vec::new());
        loop {
            let proof = get(&service, &format!("proof/5?through=2100&cursor={cursor}"), 200).await;
            let links = proof["links"].as_array().expect("links");
            assert!(links.len() <= 1000);
            seqs.extend(links.iter().map(|link| link["seq"].as_i64().expect("a number")));
            let Some(next) = proof["next_cursor"].as_str() else { break };
            cursor = next.to_owned();
        }
        assert_eq!(seqs, (6..=2100).collect::<Vec<_>>());
    }

    async fn what_makes_no_sense_is_named(db: Database) {
        append(&db.store().await, &[callback("id1").nick("a").build(), callback("id2").nick("b").build()]).await;
        let service = Service::start(&db).await;
        for (path, status, parameter) in [
            ("proof/x", 400, json!("seq")),
            ("proof/3", 404, Value::Null),
            ("proof/0", 404, Value::Null),
            ("proof/1?through=3", 400, json!("through")),
            ("proof/2?through=1", 400, json!("through")),
            ("proof/1?through=x", 400, json!("through")),
            ("proof/1?through=2&cursor=3", 400, json!("cursor")),
            ("proof/1?limit=3", 400, json!("limit")),
        ] {
            assert_eq!(get(&service, path, status).await["parameter"], parameter, "{path}");
        }
    }

    async fn what_was_erased_is_null_and_the_chain_still_leads_over_it(db: Database) {
        let service = Service::start(&db).await;
        for account in ["id1", "id2", "id3"] {
            service.callback().account(account).sets("Tag_Profile_IM_Nick", json!("x")).post().await.assert_ok("recorded");
        }
        let erased = service.cli(&["erase", "--app", "1400000000", "--account", "id2"]);
        assert!(erased.status.success(), "{}", String::from_utf8_lossy(&erased.stderr));
        let proof = get(&service, "proof/2?through=4", 200).await;
        for name in ["salt", "account", "operator", "client_ip", "platform", "body_base64"] {
            assert_eq!(proof[name], Value::Null, "{name}");
        }
        assert_eq!(proof["items"], json!([[0, "Tag_Profile_IM_Nick", null]]));
        assert_eq!(proof["chain"], chain(&proof["previous_chain"], &proof));
        assert_eq!(proof["links"][1]["kind"], "erasure");
    }
}
