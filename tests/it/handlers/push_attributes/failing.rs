//! What the vendor refuses: for one account, for a whole call, for a while, for ever.

use portraitd::emulator::Order;

use super::*;
use crate::harness::entries::{append, callback};

async fn attempts(service: &Service, outcome: &str) -> f64 {
    service.metric("portraitd_handler_attempts_total", outcome).await
}

/// One change of the city for each account, in the log before the service starts.
async fn with_cities(db: &Database, accounts: &[&str]) {
    let entries: Vec<_> = accounts.iter().map(|account| callback(account).item(CITY, "\"Bern\"").build()).collect();
    append(&db.store().await, &entries).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_account_that_failed_is_tried_again_and_its_later_changes_wait() {
    let db = Database::sqlite().await;
    let emulator = emulator(["a", "b", "c"]).await;
    with_cities(&db, &["a", "b", "c"]).await;
    append(&db.store().await, &[callback("b").item(PET, "\"cat\"").build()]).await;
    emulator.order(Order::new("set_attr", 91000).account("b"));
    let service = launch(&db, &emulator, "").start().await;
    has(&emulator, "b", &[("city", "Bern"), ("pet", "cat")]).await;
    is_through(&service, 4).await;
    for account in ["a", "c"] {
        assert_eq!(attributes(&emulator, account)["city"], "Bern");
    }
    assert_eq!(calls(&emulator, "set_attr"), 3, "all three, b again, b's next");
    assert_eq!((attempts(&service, "done").await, attempts(&service, "failed").await), (4.0, 1.0));
    let said = service.says("failed: ").await;
    assert!(said.contains("91000, an internal error of the vendor's"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_will_never_be_taken_is_a_dead_letter_that_says_why_and_the_others_are_done() {
    let db = Database::sqlite().await;
    let emulator = emulator(["long", "odd", "good", "some"]).await;
    emulator.with_model(|model| model.attribute_names.retain(|_, attribute| attribute.name != "pet"));
    let (long, too_long_for_an_account) = (format!("{:?}", "é".repeat(26)), "a".repeat(33));
    let bern = |account: &str| callback(account).item(CITY, "\"Bern\"");
    append(
        &db.store().await,
        &[
            callback("long").item(CITY, &long).item(GENDER, "\"Gender_Type_Male\"").build(),
            callback("odd").item(GENDER, "\"Gender_Type_Secret\"").build(),
            bern("never-imported").build(),
            bern("some").item(PET, "\"cat\"").build(),
            bern(&too_long_for_an_account).build(),
            bern("good").build(),
        ],
    )
    .await;
    let service = launch(&db, &emulator, "").start().await;
    is_through(&service, 6).await;
    has(&emulator, "long", &[("sex", "male")]).await;
    has(&emulator, "good", &[("city", "Bern")]).await;
    let expected = [
        (1, "city, from Tag_Profile_IM_Location: its value has 52 bytes, but 50 is the most"),
        (2, "sex, from Tag_Profile_IM_Gender: values does not have its value, and there is no otherwise"),
        (3, "set_attr: 70107, the account was never imported"),
        (4, "set_attr: 90033, an attribute is not valid: its name must be set first (push-attrs names)"),
        (5, "its account cannot have attributes: it must be 1 to 32 printable ASCII characters"),
    ];
    let letters = dead_letters(&service);
    assert_eq!(letters.len(), expected.len(), "{letters:?}");
    for ((seq, why), (expected_seq, expected)) in letters.iter().zip(expected) {
        assert!(*seq == expected_seq && why.starts_with(expected), "{seq}: {why}");
    }
    assert!(!service.stderr().contains("éé"), "no value in the log");
    assert_eq!(attempts(&service, "failed").await, 0.0, "none was tried again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_call_that_is_refused_as_a_whole_each_account_is_sent_alone() {
    let db = Database::sqlite().await;
    let emulator = emulator(["a", "b", "c"]).await;
    with_cities(&db, &["a", "b", "c"]).await;
    // The call with all three, and one of the three alone.
    emulator.order(Order::new("set_attr", 90033).times(2));
    let service = launch(&db, &emulator, "").start().await;
    is_through(&service, 3).await;
    assert_eq!(dead_letters(&service).len(), 1);
    assert_eq!(attempts(&service, "done").await, 2.0);
    assert_eq!(calls(&emulator, "set_attr"), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendor_that_is_asked_too_often_is_given_the_time_it_wants() {
    let db = Database::sqlite().await;
    let emulator = emulator(["a", "b"]).await;
    with_cities(&db, &["a"]).await;
    emulator.order(Order::new("set_attr", 60018));
    let service = launch(&db, &emulator, "").start().await;
    has(&emulator, "a", &[("city", "Bern")]).await;
    is_through(&service, 1).await;
    assert_eq!(attempts(&service, "failed").await, 0.0, "the client waits that long");

    emulator.order(Order::new("set_attr", 70050));
    with_cities(&db, &["b"]).await;
    let store = db.store().await;
    let waiting = eventually("b waits", async || store.waiting("push").await.expect("a list").pop()).await;
    assert!(waiting.due_in.is_some_and(|millis| millis > 50_000), "{waiting:?}");
    assert!(waiting.error.as_ref().is_some_and(|why| why.contains("70050")), "{waiting:?}");
    assert!(dead_letters(&service).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_key_stalls_the_handler_and_makes_no_dead_letters() {
    let db = Database::sqlite().await;
    let accounts = ["a", "b", "c", "d", "e", "f", "g"];
    let emulator = emulator(accounts).await;
    with_cities(&db, &accounts).await;
    let service = launch(&db, &emulator, "").env("PORTRAITD_SECRET_KEY", "s3cret").start().await;
    let said = service.says("failed: set_attr: 70009").await;
    assert!(said.contains("is it this app's secret key?") && !said.contains("s3cret"), "{said}");
    eventually("it is stalled", async || service.metric("portraitd_handler_stalled", "push").await == 1.0).await;
    assert!(dead_letters(&service).is_empty());
    drop(service);
    let service = launch(&db, &emulator, "").start().await;
    for account in accounts {
        has(&emulator, account, &[("city", "Bern")]).await;
    }
    is_through(&service, 7).await;
    assert!(dead_letters(&service).is_empty());
}
