//! What a handler is given: what it asks for, from where it is to begin.

use std::sync::Arc;

use portraitd::dispatch::{Start, Wants};

use super::teller::{DONE, Deed, Given, NAME, Recipe, gate, is_at};
use crate::harness::db::{Database, on_both_stores};
use crate::harness::entries::{APP, NICK, RECEIVED, append, callback};

on_both_stores! {
    async fn a_handler_is_given_only_the_tags_and_apps_it_wants(db: Database) {
        let store = Arc::new(db.store().await);
        let pet = "Tag_Profile_Custom_Pet";
        append(&store, &[
            callback("a").nick("x").build(),
            callback("a").item(pet, "1").build(),
            callback("a").app(APP + 1).nick("x").item("Tag_Profile_Custom_Job", "2").build(),
            callback("a").build(),
            callback("a").app(APP + 1).item("Tag_Profile_IM_Image", "\"\"").build(),
        ]).await;
        for (name, wants, expected) in [
            ("all", Wants::everything(), &[1, 2, 3, 4, 5][..]),
            ("nick", Wants::everything().tags([NICK]), &[1, 3]),
            ("custom", Wants::everything().tags(["Tag_Profile_Custom_*"]), &[2, 3]),
            ("app", Wants::everything().apps([APP]), &[1, 2, 4]),
            ("both", Wants::everything().apps([APP + 1]).tags(["Tag_Profile_IM_Image", pet]), &[5]),
            ("none", Wants::everything().apps([1]), &[]),
        ] {
            let mut dispatch = Recipe { name, wants, concurrency: 1, ..Recipe::default() }.run(&store, |_| DONE);
            assert_eq!(dispatch.sequences(expected.len()).await, expected, "{name}");
            is_at(&store, name, 5).await;
            assert!(dispatch.ends().await.is_empty(), "{name}");
        }
    }

    async fn values_that_were_there_before_are_told_to_those_who_ask(db: Database) {
        let store = Arc::new(db.store().await);
        append(&store, &["one", "two", "three"].map(|nick| callback("a").nick(nick).build())).await;
        let olds = [None, Some("\"one\""), Some("\"two\"")];
        for (name, wants, expected) in [
            ("asks", Wants::everything().previous_values(), olds),
            ("does-not", Wants::everything(), [None; 3]),
        ] {
            let mut dispatch = Recipe { name, wants, ..Recipe::default() }.run(&store, |_| DONE);
            for old in expected {
                assert_eq!(dispatch.next().await.old.as_deref(), old, "{name}");
            }
            assert!(dispatch.ends().await.is_empty(), "{name}");
        }
    }

    async fn a_change_tells_whether_the_log_knows_a_newer_one_for_the_account(db: Database) {
        let (store, elsewhere) = (Arc::new(db.store().await), db.store().await);
        let at = |account: &str, seconds: i64| callback(account).at(RECEIVED - 900_000 + seconds * 1000).build();
        append(&store, &[at("a", 10), at("b", 10), at("a", 20), at("a", 15)]).await;
        let there = [(1, true), (2, false), (3, false), (4, true)];
        // One knows the log from its beginning, the other has to ask.
        let recipe = |name| Recipe { name, concurrency: 1, ..Recipe::default() };
        let mut all = recipe("all").run(&store, |_| DONE);
        let mut later = Recipe { start: Start::Entry(3), ..recipe("later") }.run(&store, |_| DONE);
        for (dispatch, expected) in [(&mut all, &there[..]), (&mut later, &there[2..])] {
            for expected in expected {
                let given = dispatch.next().await;
                assert_eq!((given.seq, given.superseded), *expected);
            }
        }
        for (seq, account, seconds, by, superseded) in [
            (5, "b", 30, &*store, false),
            (6, "a", 19, &*store, true),
            (7, "b", 40, &elsewhere, false),
            (8, "b", 35, &*store, true),
            (9, "new", 1, &elsewhere, false),
        ] {
            append(by, &[at(account, seconds)]).await;
            for dispatch in [&mut all, &mut later] {
                let given = dispatch.next().await;
                assert_eq!((given.seq, given.superseded), (seq, superseded));
            }
        }
        assert!(all.ends().await.is_empty() && later.ends().await.is_empty());
    }

    async fn items_of_which_the_log_has_newer_values_are_told_to_those_who_ask(db: Database) {
        let store = Arc::new(db.store().await);
        let (pet, job) = ("Tag_Profile_Custom_Pet", "Tag_Profile_Custom_Job");
        let at = |account: &str, seconds: i64| callback(account).at(RECEIVED - 900_000 + seconds * 1000);
        append(&store, &[
            at("a", 10).item(pet, "1").item(job, "1").build(),
            at("b", 10).item(pet, "1").item(pet, "2").build(),
            at("a", 30).item(job, "2").build(),
            // These two come late: of one tag the log knows a newer value, of the other it does not.
            at("a", 20).item(job, "3").item(pet, "3").build(),
            at("a", 5).app(APP + 1).item(job, "1").build(),
            at("b", 5).item(pet, "0").item(job, "0").build(),
        ]).await;
        let known: [&[&str]; 6] = [&[pet, job], &[], &[], &[job], &[], &[pet]];
        for (name, wants, expected) in [
            ("asks", Wants::everything().superseded_items(), known),
            ("asks-both", Wants::everything().superseded_items().previous_values(), known),
            ("does-not", Wants::everything(), [&[]; 6]),
        ] {
            let mut dispatch = Recipe { name, wants, concurrency: 1, ..Recipe::default() }.run(&store, |_| DONE);
            for (seq, expected) in (1..).zip(expected) {
                let given = dispatch.next().await;
                assert_eq!((given.seq, given.superseded_tags.iter().map(String::as_str).collect::<Vec<_>>()), (seq, expected.to_vec()), "{name}");
            }
            assert!(dispatch.ends().await.is_empty(), "{name}");
        }
    }

    async fn what_waited_behind_another_of_its_account_is_looked_at_again(db: Database) {
        let store = Arc::new(db.store().await);
        let busy = gate();
        let hold = busy.clone();
        let deed = move |given: &Given| if given.seq == 1 { Deed::after(&hold, DONE) } else { DONE };
        let mut dispatch =
            Recipe { wants: Wants::everything().superseded_items(), ..Recipe::default() }.run(&store, deed);
        append(&store, &[callback("a").nick("1").build()]).await;
        assert_eq!(dispatch.next().await.seq, 1);
        for nick in ["2", "3", "4"] {
            append(&store, &[callback("a").nick(nick).build(), callback("b").build()]).await;
            assert_eq!(dispatch.next().await.account, "b", "it was read, and waits");
        }
        busy.add_permits(1);
        for expected in [(2, true), (4, true), (6, false)] {
            let given = dispatch.next().await;
            assert_eq!((given.seq, given.superseded_tags == [NICK]), expected);
        }
        assert!(dispatch.ends().await.is_empty());
    }

    async fn a_new_handler_begins_where_it_is_told_and_a_known_one_where_it_was(db: Database) {
        let store = Arc::new(db.store().await);
        append(&store, &[0, 1000, 2000].map(|later| callback("a").received(RECEIVED + later).build())).await;
        for (name, start, expected) in [
            ("beginning", Start::Beginning, &[1, 2, 3, 4][..]),
            ("time", Start::Time(RECEIVED + 1000), &[2, 3, 4]),
            ("future", Start::Time(RECEIVED + 1_000_000), &[4]),
            ("now", Start::Now, &[4]),
        ] {
            let mut dispatch = Recipe { name, start, ..Recipe::default() }.run(&store, |_| DONE);
            assert_eq!(dispatch.sequences(expected.len() - 1).await, expected[..expected.len() - 1], "{name}");
            is_at(&store, name, 3).await;
            assert!(dispatch.ends().await.is_empty(), "{name}");
        }
        append(&store, &[callback("a").build()]).await;
        for name in ["beginning", "time", "future", "now"] {
            let mut dispatch = Recipe { name, ..Recipe::default() }.run(&store, |_| DONE);
            assert_eq!(dispatch.next().await.seq, 4, "{name}");
            is_at(&store, name, 4).await;
            assert!(dispatch.ends().await.is_empty(), "{name}");
        }
        let mut dispatch = Recipe::default().run(&store, |_| DONE);
        assert_eq!(dispatch.sequences(4).await, [1, 2, 3, 4], "another name begins anew");
        is_at(&store, NAME, 4).await;
        assert!(dispatch.ends().await.is_empty());
    }
}
