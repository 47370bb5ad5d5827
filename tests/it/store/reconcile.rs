//! What reconciliation asks of the store.

use portraitd::store::erasure::Whom;
use portraitd::store::mark::{Due, Mark};
use portraitd::store::model::{Kind, NewEntry};
use portraitd::store::reconcile::{Accounts, Found};
use portraitd::store::verify::{self, Verdict};

use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::entries::{APP, NICK, RECEIVED, append, callback};

const MARK: Mark = Mark { app: APP, name: "command" };

fn found(account: &str, newest: Option<i64>, kind: Kind, nick: &str) -> Found {
    let entry = NewEntry { kind, ..callback(account).nick(nick).build() };
    Found { account: account.to_owned(), newest, entries: vec![entry] }
}

fn names(accounts: &[&str]) -> Vec<String> {
    accounts.iter().map(ToString::to_string).collect()
}

on_both_stores! {
    async fn accounts_are_paged_in_their_order_each_once(db: Database) {
        let store = db.store().await;
        let late = RECEIVED + 1000;
        append(&store, &[
            callback("b").nick("1").build(),
            callback("é 'quoted'").received(late).nick("1").build(),
            callback("a").nick("1").build(),
            callback("b").received(late).nick("2").build(),
            callback("c").app(APP + 1).nick("1").build(),
            callback("d").nick("1").build(),
        ]).await;
        let page = async |after: &str, since, limit| store.accounts(APP, after, since, limit).await.unwrap();
        assert_eq!(page("", 0, 2).await, Accounts { accounts: names(&["a", "b"]), last: Some("b".to_owned()) });
        assert_eq!(page("b", 0, 2).await, Accounts { accounts: names(&["d", "é 'quoted'"]), last: Some("é 'quoted'".to_owned()) });
        assert_eq!(page("é 'quoted'", 0, 2).await, Accounts::default());
        assert_eq!(page("", late, 100).await, Accounts { accounts: names(&["b", "é 'quoted'"]), last: None });
        assert_eq!(store.tags_seen(APP).await.unwrap(), [NICK]);
        assert_eq!(store.tags_seen(APP + 2).await.unwrap(), [""; 0]);
    }

    async fn what_the_log_believes_is_the_newest_by_effective_time(db: Database) {
        let store = db.store().await;
        append(&store, &[
            callback("a").at(RECEIVED).nick("new").item("Tag_B", "7").build(),
            callback("a").at(RECEIVED - 5).nick("late").build(),
            callback("quo'te").item("Tag_B", "[1]").build(),
            callback("a").app(APP + 1).nick("elsewhere").build(),
        ]).await;
        let believed = store.believed(APP, &names(&["nobody", "a", "quo'te"])).await.unwrap();
        assert_eq!(believed.iter().map(|b| b.newest).collect::<Vec<_>>(), [None, Some(2), Some(3)]);
        let mut items: Vec<_> = believed[1].items.iter().map(|i| (&*i.tag, &*i.value, i.seq, i.effective_time.0)).collect();
        items.sort_unstable();
        assert_eq!(items, [("Tag_B", "7", 1, RECEIVED), (NICK, "\"new\"", 1, RECEIVED)]);
        assert_eq!(believed[2].items.len(), 1);
        assert!(believed[0].items.is_empty());
    }

    async fn what_was_found_is_recorded_unless_the_account_has_moved(db: Database) {
        let (store, elsewhere) = (db.store().await, db.store().await);
        append(&store, &[callback("a").nick("1").build(), callback("b").nick("1").build()]).await;
        let all = [
            found("a", Some(1), Kind::Reconcile, "2"),
            found("b", Some(2), Kind::Reconcile, "2"),
            found("c", None, Kind::Baseline, "2"),
            found("d", Some(1), Kind::Baseline, "2"),
        ];
        append(&elsewhere, &[callback("b").nick("it was under way").build()]).await;
        assert_eq!(store.append_unless_moved(APP, &all).await.unwrap(), [true, false, true, false]);
        assert_eq!(elsewhere.append_unless_moved(APP, &all).await.unwrap(), [false; 4], "another replica found the same");
        append(&elsewhere, &[callback("b").nick("goes on").build()]).await;
        assert_eq!(*store.appended().borrow(), 5);
        let kinds = db.texts("SELECT kind || ' ' || account FROM callbacks ORDER BY seq").await;
        assert_eq!(kinds, ["callback a", "callback b", "callback b", "reconcile a", "baseline c", "callback b"]);
        let verdict = verify::run(&store, verify::Plan::default(), |_, _| ()).await.unwrap();
        assert!(matches!(verdict, Verdict::Holds { entries: 6, .. }), "{verdict:?}");
    }

    async fn an_account_that_was_erased_meanwhile_is_not_brought_back(db: Database) {
        let store = db.store().await;
        append(&store, &[callback("a").nick("1").build()]).await;
        let whom = Whom { app: APP, account: "a".to_owned(), as_operator: false };
        store.erase(&whom, RECEIVED).await.unwrap();
        assert_eq!(store.append_unless_moved(APP, &[found("a", Some(1), Kind::Reconcile, "2")]).await.unwrap(), [false]);
        assert_eq!(store.accounts(APP, "", 0, 10).await.unwrap(), Accounts::default());
        assert_eq!(db.count("SELECT count(*) FROM callbacks").await, 2);
    }

    async fn what_was_interrupted_goes_on_and_is_nobodys_twice(db: Database) {
        let store = db.store().await;
        let hour = Due { every: 3_600_000, idle: 60_000 };
        let begin = async |due| store.begin_mark(MARK, due).await.unwrap();
        let (round, after) = begin(hour).await.unwrap();
        assert_eq!(after, "");
        assert_eq!(begin(hour).await, None, "somebody is at it");
        store.move_mark(round, "m").await.unwrap();
        assert_eq!(begin(hour).await, None);
        assert_eq!(begin(Due::NOW).await, Some((round, "m".to_owned())), "nobody has moved it for long enough");
        store.leave_mark(round).await.unwrap();
        assert_eq!(begin(hour).await, Some((round, "m".to_owned())));
        let other = Mark { name: "serve", ..MARK };
        assert_eq!(store.begin_mark(other, hour).await.unwrap().unwrap().1, "");
        store.end_mark(round).await.unwrap();
        assert_eq!(begin(hour).await, None, "it is not due again");
        assert_eq!(begin(Due::NOW).await.unwrap().1, "");
    }

    async fn who_is_still_at_the_last_one_does_not_move_the_next_ones_mark(db: Database) {
        let store = db.store().await;
        let (last, _) = store.begin_mark(MARK, Due::NOW).await.unwrap().unwrap();
        store.end_mark(last).await.unwrap();
        store.move_mark(last, "skipped").await.unwrap();
        let next = eventually("another time", async || {
            let (next, after) = store.begin_mark(MARK, Due::NOW).await.unwrap().unwrap();
            assert_eq!(after, "");
            store.end_mark(next).await.unwrap();
            let (next, _) = store.begin_mark(MARK, Due::NOW).await.unwrap().unwrap();
            (next != last).then_some(next)
        }).await;
        store.move_mark(next, "b").await.unwrap();
        store.move_mark(last, "skipped").await.unwrap();
        store.leave_mark(last).await.unwrap();
        store.end_mark(last).await.unwrap();
        assert_eq!(store.begin_mark(MARK, Due::NOW).await.unwrap(), Some((next, "b".to_owned())));
    }

    async fn a_mark_does_not_keep_an_erased_account(db: Database) {
        let store = db.store().await;
        let begin = async || store.begin_mark(MARK, Due::NOW).await.unwrap().unwrap();
        store.move_mark(begin().await.0, "zoe").await.unwrap();
        let whom = |account: &str| Whom { app: APP, account: account.to_owned(), as_operator: false };
        store.erase_elsewhere(&whom("bert")).await.unwrap();
        assert_eq!(begin().await.1, "zoe");
        store.erase_elsewhere(&whom("zoe")).await.unwrap();
        assert_eq!(begin().await.1, "");
    }
}
