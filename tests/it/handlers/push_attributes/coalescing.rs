//! Many accounts in one call, one value of many, and never an older one after a newer one.

use super::*;
use crate::harness::entries::{RECEIVED, append, callback};

on_both_stores! {
    async fn ten_thousand_changes_of_ten_accounts_are_a_few_calls(db: Database) {
        let accounts: Vec<String> = (0..10).map(|n| format!("id{n}")).collect();
        let emulator = emulator(&accounts).await;
        let store = db.store().await;
        for thousand in 0..10 {
            let entries = (0..1000).map(|n| {
                let city = format!("\"city {}\"", thousand * 1000 + n);
                callback(&accounts[n % 10]).item(CITY, &city).build()
            });
            append(&store, &entries.collect::<Vec<_>>()).await;
        }
        let service = launch(&db, &emulator, "").start().await;
        for (n, account) in accounts.iter().enumerate() {
            has(&emulator, account, &[("city", &format!("city {}", 9990 + n))]).await;
        }
        is_through(&service, 10_000).await;
        let calls = calls(&emulator, "set_attr");
        println!("{calls} calls for 10,000 changes of 10 accounts");
        assert!(calls <= 20, "{calls} calls");
        assert!(dead_letters(&service).is_empty());
    }

    async fn a_late_change_a_rewind_and_a_dead_letter_that_is_tried_again_put_no_older_value_back(db: Database) {
        let emulator = emulator(["ann"]).await;
        let at = |seconds: i64| callback("ann").at(RECEIVED - 900_000 + seconds * 1000);
        let store = db.store().await;
        append(&store, &[at(10).item(CITY, &format!("{:?}", "x".repeat(51))).item(PET, "\"ant\"").build()]).await;
        let service = launch(&db, &emulator, "").start().await;
        has(&emulator, "ann", &[("pet", "ant")]).await;
        is_through(&service, 1).await;
        assert_eq!(dead_letters(&service).len(), 1);
        append(&store, &[at(30).item(CITY, "\"Bern\"").build()]).await;
        has(&emulator, "ann", &[("city", "Bern"), ("pet", "ant")]).await;
        append(&store, &[at(20).item(CITY, "\"Zürich\"").item(PET, "\"cat\"").build()]).await;
        has(&emulator, "ann", &[("city", "Bern"), ("pet", "cat")]).await;
        is_through(&service, 3).await;
        let before = calls(&emulator, "set_attr");
        assert_eq!(before, 3);

        program::stderr(&service.cli(&["handlers", "retry", "push", "1"]));
        eventually("the dead letter is done", async || dead_letters(&service).is_empty()).await;
        assert_eq!(calls(&emulator, "set_attr"), before, "the log has newer values of both");

        emulator.with_model(|model| model.import("ann").attributes.clear());
        program::stderr(&service.cli(&["handlers", "rewind", "push", "--to", "beginning"]));
        has(&emulator, "ann", &[("city", "Bern"), ("pet", "cat")]).await;
        is_through(&service, 3).await;
        assert_eq!(calls(&emulator, "set_attr"), before + 2, "the newest value of each, and nothing else");
        assert!(dead_letters(&service).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_share_calls_of_as_many_as_are_allowed_and_both_kinds_have_their_own() {
    let db = Database::sqlite().await;
    let accounts: Vec<String> = (0..1000).map(|n| format!("id{n}")).collect();
    let emulator = emulator(&accounts).await;
    let store = db.store().await;
    let entry = |(n, account): (usize, &String)| {
        let gender = ["Gender_Type_Female", "Gender_Type_Unknown"][n % 2];
        callback(account).item(GENDER, &format!("{gender:?}")).build()
    };
    append(&store, &accounts.iter().enumerate().map(entry).collect::<Vec<_>>()).await;
    emulator.with_model(|model| {
        for account in &accounts {
            model.import(account).attributes.insert(0, "male".to_owned());
        }
    });
    let service = launch(&db, &emulator, "").start().await;
    is_through(&service, 1000).await;
    for (n, account) in accounts.iter().enumerate() {
        let expected = ["female"].map(|sex| ("sex".to_owned(), sex.to_owned())).into_iter().take(1 - n % 2).collect();
        assert_eq!(attributes(&emulator, account), expected, "{account}");
    }
    let (set, removed) = (calls(&emulator, "set_attr"), calls(&emulator, "remove_attr"));
    println!("{set} + {removed} calls for 500 + 500 accounts");
    // About 15 each; a machine that is busy gathers fewer at a time.
    assert!(set + removed <= 500, "{set} + {removed} calls");
    assert_eq!(service.metric("portraitd_handler_attempts_total", "done").await, 1000.0);
    assert_eq!(service.metric("portraitd_handler_attempts_total", "rejected").await, 0.0, "none had too many");
}
