//! Erasing one person: what goes, what stays, and that verification knows the difference.

use portraitd::store::erasure::{Erased, Whom};
use portraitd::store::verify::{self, Verdict};
use portraitd::store::{ChangeFilter, Paging, Recorded, Store};

use crate::harness::db::{Database, on_both_stores};
use crate::harness::entries::{APP, RECEIVED, append, callback, unreadable};

/// The one who is forgotten. No other text of these tests contains it.
const PERSON: &str = "zoë";
const SECRET: &str = "sesame-0815";

fn person(as_operator: bool) -> Whom {
    Whom { app: APP, account: PERSON.to_owned(), as_operator }
}

async fn erase(store: &Store, whom: &Whom) -> Vec<Erased> {
    let mut steps = Vec::new();
    loop {
        let step = store.erase(whom, RECEIVED).await.unwrap();
        if step.entries == 0 {
            return steps;
        }
        steps.push(step);
    }
}

async fn assert_holds(store: &Store, entries: u64) {
    let verdict = verify::run(store, verify::Plan::default(), |_, _| ()).await.unwrap();
    assert!(matches!(verdict, Verdict::Holds { entries: held, .. } if held == entries), "{verdict:?}");
}

/// Everything that any table says, indexes apart.
async fn everything(db: &Database) -> String {
    let (tables, row) = match db.is_postgres() {
        true => ("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'", "t::text"),
        false => ("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'", ""),
    };
    let mut text = String::new();
    for table in db.texts(tables).await {
        let sql = match row {
            "" => {
                let columns = db.texts(&format!("SELECT name FROM pragma_table_info('{table}')")).await;
                let shown: Vec<_> = columns.iter().map(|c| format!("coalesce(hex({c}), '')")).collect();
                format!("SELECT {} FROM {table}", shown.join(" || ' ' || "))
            }
            row => format!("SELECT {row} FROM \"{table}\" t"),
        };
        text.push_str(&db.texts(&sql).await.join("\n").to_lowercase());
    }
    text
}

fn says(everything: &str, what: &str) -> bool {
    everything.contains(&what.to_lowercase()) || everything.contains(&hex::encode(what))
}

on_both_stores! {
    async fn a_person_is_gone_and_the_log_still_holds(db: Database) {
        let store = db.store().await;
        let theirs = callback(PERSON).operator("admin").nick(SECRET).item("Tag_B", "2").build();
        append(&store, &[
            callback("id1").nick("stays").build(),
            theirs.clone(),
            callback(PERSON).app(APP + 1).nick("another app").build(),
            callback("id2").operator(PERSON).nick("by the person").build(),
        ]).await;
        for body in [
            r#"{"From_Account":"zoë","ProfileItem":7}"#,
            r#"{"From_Account":"zo\u00eb""#,
            "{\"From_Account\":\"id1\"}x",
        ] {
            store.keep_unreadable(&unreadable(body)).await.unwrap();
        }

        assert_eq!(erase(&store, &person(false)).await, [Erased { entries: 1, recorded_as: Some(5) }]);
        assert_eq!(store.erase_elsewhere(&person(false)).await.unwrap(), 2);
        assert_holds(&store, 5).await;
        assert!(!says(&everything(&db).await, SECRET));

        let (entries, items) = store.stored(2, 2).await.unwrap();
        let left = &entries[0];
        assert_eq!((&left.account, &left.operator, &left.body, &left.salt), (&None, &None, &None, &None));
        assert_eq!((&left.client_ip, &left.platform, left.event_time.map(|t| t.0)), (&None, &None, theirs.event_time));
        assert_eq!(items.iter().map(|item| (&*item.tag, &item.value)).collect::<Vec<_>>(), [("Tag_Profile_IM_Nick", &None), ("Tag_B", &None)]);
        let changes = store.changes(&ChangeFilter::default(), Paging::newest(10)).await.unwrap().items;
        let shown = serde_json::to_value(changes.iter().find(|change| change.seq == 2)).unwrap();
        assert_eq!((&shown["erased"], &shown["account"], shown.get("new"), shown.get("old")), (&true.into(), &().into(), None, None));
        assert_eq!(changes.iter().filter(|change| change.new.is_some()).count(), 3);
        assert_eq!(db.count("SELECT count(*) FROM unreadable").await, 1);

        assert_eq!(erase(&store, &person(false)).await, [], "nothing is left to erase");
        assert!(matches!(append(&store, &[theirs]).await[..], [Recorded::New(6)]), "the log does not know it any more");
        assert_eq!(erase(&store, &person(true)).await, [Erased { entries: 2, recorded_as: Some(7) }]);
        assert_holds(&store, 7).await;
        let whose = "SELECT count(*) FROM callbacks WHERE account = 'id2' AND operator IS NULL AND body IS NULL AND salt IS NOT NULL";
        assert_eq!(db.count(whose).await, 1, "what they did as an operator is of somebody else");
        assert_eq!(db.count("SELECT count(*) FROM profile_history WHERE seq = 4 AND new = '\"by the person\"'").await, 1);
        let mut other = person(false);
        other.app += 1;
        erase(&store, &other).await;
        assert!(!says(&everything(&db).await, PERSON));
        let mut later = person(false);
        later.account = "id2".to_owned();
        erase(&store, &later).await;
        assert_holds(&store, 9).await;
        assert!(!says(&everything(&db).await, "by the person"));
    }

    async fn many_entries_are_erased_step_by_step_while_others_arrive(db: Database) {
        let (store, elsewhere) = (db.store().await, db.store().await);
        append(&store, &(0..500).map(|_| callback(PERSON).nick(SECRET).build()).collect::<Vec<_>>()).await;
        let first = store.erase(&person(false), RECEIVED).await.unwrap();
        assert_eq!(first, Erased { entries: 200, recorded_as: Some(501) });
        append(&elsewhere, &[callback(PERSON).nick(SECRET).build(), callback("id1").nick("stays").build()]).await;
        let rest = erase(&store, &person(false)).await;
        assert_eq!(rest.iter().map(|step| step.entries).collect::<Vec<_>>(), [200, 101]);
        append(&elsewhere, &[callback("id1").nick("stays").build()]).await;
        assert_holds(&store, 506).await;
        assert!(!says(&everything(&db).await, SECRET));
    }

    async fn what_handlers_wrote_about_an_erased_callback_goes_too(db: Database) {
        let store = db.store().await;
        append(&store, &[callback(PERSON).nick("x").build(), callback("id1").build()]).await;
        for seq in [1, 2] {
            db.execute(&format!("INSERT INTO deliveries (handler, seq, state, error) VALUES ('h', {seq}, 'dead', '{SECRET}')")).await;
        }
        erase(&store, &person(false)).await;
        assert_eq!(db.count("SELECT max(seq) FROM deliveries WHERE error IS NOT NULL").await, 2);
    }

    async fn nothing_but_erasing_may_change_the_log(db: Database) {
        let store = db.store().await;
        append(&store, &[callback(PERSON).nick("x").build()]).await;
        erase(&store, &person(false)).await;
        for sql in ["UPDATE callbacks SET body = NULL", "UPDATE profile_changes SET value = NULL", "DELETE FROM callbacks WHERE seq = 2"] {
            assert!(db.try_execute(sql).await.is_err(), "{sql}");
        }
    }
}
