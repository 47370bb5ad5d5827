//! Pruning: what is old goes in whole parts, what is left verifies, nobody waits, and what was interrupted is gone on with.

use portraitd::store::prune::{self, Holder, News, Part, Rules, Step};
use portraitd::store::subscription::Start;
use portraitd::store::verify::{self, Plan, Verdict};
use portraitd::store::{ChangeFilter, Head, Paging, Store};
use sqlx::{Connection, Executor, Row};

use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::entries::{APP, RECEIVED, append, callback, callbacks};
use crate::harness::parts::{fill, in_parts_of};

const OLD: Rules = Rules { before: RECEIVED + 1, force: false };

async fn prune(store: &Store, rules: Rules) -> Option<(Part, Vec<Holder>)> {
    prune::run(store, rules, |_| ()).await.unwrap()
}

/// The log holds; after which entry, and up to which.
async fn assert_holds(store: &Store) -> (Option<i64>, Head) {
    match verify::run(store, Plan::default(), |_, _| ()).await.unwrap() {
        Verdict::Holds { pruned, head, .. } => (pruned.map(|anchor| anchor.head.seq), head),
        Verdict::Broken(fault) => panic!("{fault}"),
    }
}

async fn assert_broken(store: &Store, seq: i64, what: &str) {
    match verify::run(store, Plan::default(), |_, _| ()).await.unwrap() {
        Verdict::Broken(fault) => assert_eq!(fault.seq, seq, "{what}: {fault}"),
        Verdict::Holds { .. } => panic!("not found: {what}"),
    }
}

async fn rows(db: &Database) -> (i64, i64) {
    (db.count("SELECT count(*) FROM callbacks").await, db.count("SELECT count(*) FROM profile_changes").await)
}

on_both_stores! {
    async fn what_is_old_goes_in_whole_parts_and_the_rest_verifies(db: Database) {
        let store = in_parts_of(&db, 10).await;
        fill(&store, 45).await;
        let noted = store.stored(39, 39).await.unwrap().0[0].chain.clone();
        let noted = Head { seq: 39, chain: noted.try_into().unwrap() };
        let mut dropped = Vec::new();
        let held = prune::run(&store, OLD, |news| if let News::Dropped(part) = news { dropped.push(*part) }).await.unwrap();
        assert_eq!(held, None);
        assert_eq!(dropped.iter().map(|part| (part.first, part.last.seq, part.entries)).collect::<Vec<_>>(),
            [(1, 9, 9), (10, 19, 10), (20, 29, 10), (30, 39, 10)]);
        assert_eq!(dropped[3].last, noted);
        assert!(dropped.iter().all(|part| part.latest == RECEIVED));
        assert_eq!(rows(&db).await, (6, 6));
        assert_eq!(db.count("SELECT count(*) FROM anchors").await, 4);
        assert_eq!(db.count("SELECT count(*) FROM pruning").await, 0);
        assert_eq!(assert_holds(&store).await.0, Some(39));

        let verdict = verify::run(&store, Plan { heads: vec![noted], ..Plan::default() }, |_, _| ()).await.unwrap();
        assert!(matches!(verdict, Verdict::Holds { entries: 6, heads: 1, .. }), "{verdict:?}");
        let forged = Head { chain: [7; 32], ..noted };
        let verdict = verify::run(&store, Plan { heads: vec![forged], ..Plan::default() }, |_, _| ()).await.unwrap();
        assert!(matches!(verdict, Verdict::Broken(fault) if fault.seq == 39));

        assert_eq!(prune(&store, OLD).await, None, "nothing is left to drop");
        fill(&store, 3).await;
        assert_eq!(assert_holds(&store).await.1.seq, 48);
    }

    async fn everything_that_reads_begins_where_the_log_does(db: Database) {
        let store = in_parts_of(&db, 10).await;
        fill(&store, 45).await;
        assert_eq!(prune(&store, OLD).await, None);
        let everything = ChangeFilter::default();
        for paging in [Paging::oldest(None, 100), Paging::newest(100)] {
            let page = store.changes(&everything, paging).await.unwrap();
            let mut seqs: Vec<i64> = page.items.iter().map(|change| change.seq).collect();
            seqs.sort_unstable();
            assert_eq!(seqs, (40..=45).collect::<Vec<_>>());
            assert_eq!(page.next, None);
        }
        let of_one = ChangeFilter { account: Some("id4".to_owned()), ..everything };
        let page = store.changes(&of_one, Paging::oldest(None, 100)).await.unwrap();
        assert_eq!(page.items.iter().map(|change| (change.seq, change.old.clone())).collect::<Vec<_>>(),
            [(40, None), (45, Some("\"39\"".to_owned()))], "what was before is forgotten");
        assert_eq!(store.profile(APP, "id4", RECEIVED + 1000).await.unwrap()[0].seq, 45);
        store.subscribe("new", Start::Beginning).await.unwrap();
        assert_eq!(store.handlers().await.unwrap()[0].position, 39);
    }

    async fn a_part_with_one_young_entry_stays_and_so_does_the_newest_entry(db: Database) {
        let store = in_parts_of(&db, 10).await;
        fill(&store, 19).await;
        assert_eq!(prune(&store, OLD).await, None);
        assert_eq!(store.anchor().await.unwrap().unwrap().head.seq, 9, "10 to 19 are full and old, but nothing comes after them");
        append(&store, &[callback("young").received(RECEIVED + 1).build()]).await;
        fill(&store, 30).await;
        assert_eq!(prune(&store, OLD).await, None);
        assert_eq!(store.anchor().await.unwrap().unwrap().head.seq, 19, "20 is young");
        assert_eq!(prune(&store, Rules { before: RECEIVED + 2, force: false }).await, None);
        assert_eq!(store.anchor().await.unwrap().unwrap().head.seq, 49);
        assert_eq!(assert_holds(&store).await.1.seq, 50);
    }

    async fn a_handler_that_is_behind_holds_it_back_unless_that_is_forced(db: Database) {
        let store = in_parts_of(&db, 10).await;
        fill(&store, 45).await;
        store.subscribe("ahead", Start::Now).await.unwrap();
        store.subscribe("slow", Start::Entry(15)).await.unwrap();
        let (part, holders) = prune(&store, OLD).await.expect("held back");
        assert_eq!((part.first, part.last.seq), (10, 19));
        assert_eq!(holders, [Holder { handler: "slow".to_owned(), needs: 15 }]);
        assert_eq!(rows(&db).await, (36, 36));

        db.execute("UPDATE subscriptions SET position = 45, reach = 45").await;
        db.execute("INSERT INTO deliveries (handler, seq, state) VALUES ('ahead', 11, 'dead'), ('slow', 12, 'waiting'), ('slow', 44, 'dead')").await;
        let (_, holders) = prune(&store, OLD).await.expect("held back");
        assert_eq!(holders, [Holder { handler: "slow".to_owned(), needs: 12 }], "it waits; a dead letter holds nothing back");

        assert_eq!(prune(&store, Rules { force: true, ..OLD }).await, None);
        assert_eq!(db.texts("SELECT CAST(seq AS text) FROM deliveries").await, ["44"]);
        assert_eq!(assert_holds(&store).await.0, Some(39));
    }

    async fn wherever_it_was_killed_the_log_verifies_and_the_next_one_goes_on(db: Database) {
        let store = in_parts_of(&db, 10).await;
        fill(&store, 65).await;
        for killed_after in 0.. {
            let before = store.anchor().await.unwrap().map_or(0, |anchor| anchor.head.seq);
            let part = store.oldest_part(before, OLD.before).await.unwrap().expect("there is more");
            store.begin_pruning(&part).await.unwrap();
            let mut step = Step::Taken;
            for _ in 0..killed_after {
                step = store.prune_step().await.unwrap();
            }
            assert_eq!(assert_holds(&store).await.0, Some(part.last.seq), "killed after {killed_after}");
            assert_eq!(store.anchor().await.unwrap().unwrap().is_under_way, step != Step::Done);
            // Somebody else, with a store of its own, who would not drop anything more.
            assert_eq!(prune(&db.store().await, Rules { before: 0, force: false }).await, None);
            assert_eq!(store.anchor().await.unwrap().map(|anchor| (anchor.head, anchor.is_under_way)), Some((part.last, false)));
            assert_eq!(rows(&db).await.0, 65 - part.last.seq);
            if step == Step::Done {
                break;
            }
        }
        let tables = "SELECT count(*) FROM pg_class WHERE relname ~ '^(callbacks|profile_changes)_[0-9]+$' AND relkind = 'r'";
        if db.is_postgres() {
            assert_eq!(db.count(tables).await, 2 * (9 - db.count("SELECT count(*) FROM anchors").await));
        }
    }

    async fn two_that_prune_at_once_drop_everything_once(db: Database) {
        let store = in_parts_of(&db, 10).await;
        fill(&store, 45).await;
        let other = db.store().await;
        let (one, two) = tokio::join!(prune(&store, OLD), prune(&other, OLD));
        assert_eq!((one, two), (None, None));
        assert_eq!(db.count("SELECT count(*) FROM anchors").await, 4);
        assert_eq!(assert_holds(&store).await.0, Some(39));
    }

    async fn blocks_of_what_went_go_too(db: Database) {
        let store = in_parts_of(&db, 5000).await;
        let entries = callbacks(10_010);
        for batch in entries.chunks(1000) {
            append(&store, batch).await;
        }
        while store.add_blocks().await.unwrap() > 0 {}
        assert_eq!(db.count("SELECT count(*) FROM blocks").await, 2);
        assert_eq!(prune(&store, OLD).await, None);
        assert_eq!(store.anchor().await.unwrap().unwrap().head.seq, 9999);
        assert_eq!(db.count("SELECT count(*) FROM blocks").await, 0);
        assert_eq!(rows(&db).await, (11, 11));
        assert_eq!(store.add_blocks().await.unwrap(), 0);
        assert!(db.try_execute("DELETE FROM anchors").await.is_err());
        assert!(db.try_execute("UPDATE anchors SET seq = seq").await.is_err());
    }

    async fn tampering_after_a_prune_is_named(db: Database) {
        let store = in_parts_of(&db, 10).await;
        fill(&store, 25).await;
        assert_eq!(prune(&store, OLD).await, None);
        db.execute("CREATE TABLE saved_callbacks AS SELECT * FROM callbacks").await;
        db.execute("CREATE TABLE saved_profile_changes AS SELECT * FROM profile_changes").await;
        db.execute("CREATE TABLE saved_anchors AS SELECT * FROM anchors").await;
        let zeros = if db.is_postgres() { format!("decode('{}', 'hex')", "00".repeat(32)) } else { format!("x'{}'", "00".repeat(32)) };
        let place = match db.is_postgres() {
            true => "CREATE TABLE IF NOT EXISTS low PARTITION OF profile_changes FOR VALUES FROM (1) TO (20);",
            false => "",
        };
        let cases = [
            (20, format!("UPDATE anchors SET chain = {zeros} WHERE seq = 19")),
            (10, "DELETE FROM anchors WHERE seq = 19".to_owned()),
            (1, "DELETE FROM anchors".to_owned()),
            (20, "DELETE FROM callbacks WHERE seq = 20".to_owned()),
            (20, "DELETE FROM callbacks WHERE seq = 20; DELETE FROM profile_changes WHERE seq = 20".to_owned()),
            (20, "DELETE FROM callbacks; DELETE FROM profile_changes".to_owned()),
            (20, "UPDATE callbacks SET account = 'x' WHERE seq = 20".to_owned()),
            (22, "UPDATE callbacks SET body = NULL WHERE seq = 22".to_owned()),
            (23, "UPDATE profile_changes SET value = '1' WHERE seq = 23".to_owned()),
            (5, format!("{place} INSERT INTO profile_changes (seq, ordinal, tag, value) VALUES (5, 0, 'Tag', '1')")),
        ];
        for (seq, sql) in cases {
            db.tamper(&sql).await;
            assert_broken(&store, seq, &sql).await;
            for table in ["callbacks", "profile_changes", "anchors"] {
                db.tamper(&format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM saved_{table}")).await;
            }
            assert_eq!(assert_holds(&store).await.0, Some(19), "{sql}");
        }
    }
}

const PENDING: &str = "SELECT count(*) FROM pg_inherits WHERE inhdetachpending";

/// Its own task, so that it goes on beside the test.
fn pruning(db: &Database) -> tokio::task::JoinHandle<()> {
    let url = db.url();
    tokio::spawn(async move {
        let store = Store::open(&url, portraitd::store::Open::Operate).await.unwrap();
        assert_eq!(prune(&store, OLD).await, None);
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_reader_delays_the_prune_and_neither_appends_nor_new_partitions() {
    let db = Database::postgres().await;
    let store = in_parts_of(&db, 10).await;
    fill(&store, 25).await;
    let (mut one, mut two) = (db.pg().await, db.pg().await);
    let mut reader = one.begin().await.unwrap();
    reader.execute("SELECT count(*) FROM profile_history").await.unwrap();

    let killed = pruning(&db);
    eventually("the first partition is marked", async || db.count(PENDING).await == 1).await;
    // An append or an extension that had to wait for the reader would fail: no lock is waited for longer than 2 s.
    fill(&store, 60).await;
    assert_eq!(assert_holds(&store).await, (Some(9), store.head().await.unwrap()));
    assert_eq!(store.head().await.unwrap().seq, 85);
    killed.abort();

    // A dump that began meanwhile has the partition itself locked, which detaching needs for itself alone.
    let mut dump = two.begin().await.unwrap();
    dump.execute("LOCK TABLE profile_changes_000000 IN ACCESS SHARE MODE").await.unwrap();
    let first = reader.fetch_one("SELECT count(*) FROM callbacks").await.unwrap().get::<i64, _>(0);
    assert_eq!(first, 85, "callbacks go after their items");
    reader.commit().await.unwrap();
    let other = pruning(&db);
    for _ in 0..3 {
        fill(&store, 20).await;
        assert_eq!(store.prune_step().await.unwrap(), Step::Waiting);
        assert!(!other.is_finished());
    }
    dump.commit().await.unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(20), other).await.expect("it ends").unwrap();
    assert_eq!(assert_holds(&store).await, (Some(139), store.head().await.unwrap()));
    assert_eq!(rows(&db).await, (6, 6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_reader_of_sqlite_delays_nobody_and_sees_what_it_saw() {
    let db = Database::sqlite().await;
    let store = in_parts_of(&db, 10).await;
    fill(&store, 25).await;
    let mut connection = db.lite().await;
    let mut reader = connection.begin().await.unwrap();
    reader.execute("SELECT count(*) FROM callbacks").await.unwrap();
    assert_eq!(prune(&store, OLD).await, None);
    fill(&store, 20).await;
    let seen = reader.fetch_one("SELECT count(*) FROM callbacks").await.unwrap().get::<i64, _>(0);
    assert_eq!((seen, rows(&db).await), (25, (26, 26)));
    drop(reader);
    assert_eq!(assert_holds(&store).await.0, Some(19));
}
