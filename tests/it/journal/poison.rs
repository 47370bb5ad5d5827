//! An entry the database refuses does not take its neighbours with it.

use portraitd::journal::Outcome;
use portraitd::store::verify::{self, Verdict};

use super::support::record_together;
use crate::harness::db::{Database, on_both_stores};
use crate::harness::entries::{callback, callbacks};

/// From now on the database refuses entries of accounts that begin with `mallory`.
async fn poison(db: &Database) {
    let sql = match db.is_postgres() {
        true => "ALTER TABLE callbacks ADD CONSTRAINT not_mallory CHECK (account NOT LIKE 'mallory%')",
        false => {
            "CREATE TRIGGER not_mallory BEFORE INSERT ON callbacks WHEN NEW.account LIKE 'mallory%'
             BEGIN SELECT RAISE(ABORT, 'not mallory'); END"
        }
    };
    db.execute(sql).await;
}

/// What must be true after 30 entries of which those at `culprits` were poisonous.
async fn recorded_but(db: Database, culprits: &[usize]) {
    let store = db.store().await;
    poison(&db).await;
    let mut entries = callbacks(30);
    for at in culprits {
        entries[*at] = callback(&format!("mallory{at}")).nick("x").build();
    }
    let bodies: Vec<_> = culprits.iter().map(|at| entries[*at].body.to_vec()).collect();
    let outcomes = record_together(store, entries).await;
    for (at, outcome) in outcomes.into_iter().enumerate() {
        let expected = if culprits.contains(&at) { Outcome::Refused } else { Outcome::Recorded };
        assert_eq!(outcome, expected, "entry {at}");
    }
    let store = db.store().await;
    let verdict = verify::run(&store, verify::Plan::default(), |_, _| ()).await.unwrap();
    assert!(matches!(verdict, Verdict::Holds { head, .. } if head.seq as usize == 30 - culprits.len()), "{verdict:?}");
    let mut kept: Vec<_> = store.unreadable(None, 100).await.unwrap().into_iter().map(|row| row.body).collect();
    kept.reverse();
    assert_eq!(kept, bodies, "what could not be recorded is kept verbatim");
    assert_eq!(
        db.count("SELECT count(*) FROM recent").await as usize,
        30 - culprits.len(),
        "and may be recorded later"
    );
}

on_both_stores! {
    async fn one_poisonous_entry_is_kept_aside_and_its_neighbours_are_recorded(db: Database) {
        recorded_but(db, &[7]).await;
    }

    async fn several_poisonous_entries_are_kept_aside_and_the_rest_is_recorded(db: Database) {
        recorded_but(db, &[0, 7, 8, 29]).await;
    }

    async fn a_batch_of_nothing_but_poison_ends(db: Database) {
        recorded_but(db, &(0..30).collect::<Vec<_>>()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_trigger_raises_counts_as_poison_too() {
    for raised in ["USING ERRCODE = '22P05'", ""] {
        refused_by_a_trigger(raised).await;
    }
}

async fn refused_by_a_trigger(raised: &str) {
    let db = Database::postgres().await;
    let store = db.store().await;
    db.execute(&format!(
        "CREATE FUNCTION refuse_mallory() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN IF NEW.account LIKE 'mallory%' THEN RAISE EXCEPTION 'not him' {raised}; END IF; RETURN NEW; END $$;
         CREATE TRIGGER refuse_mallory BEFORE INSERT ON callbacks FOR EACH ROW EXECUTE FUNCTION refuse_mallory()",
    ))
    .await;
    let entries = vec![callback("id1").build(), callback("mallory").build(), callback("id2").build()];
    let outcomes = record_together(store, entries).await;
    assert_eq!(outcomes, [Outcome::Recorded, Outcome::Refused, Outcome::Recorded]);
}
