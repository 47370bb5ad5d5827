//! Pages of changes against a model: whatever is asked for, in whichever direction and page by page, each change that matches
//! comes exactly once and in order, also while what waited in a spool is recorded late.

use portraitd::store::model::Kind;
use portraitd::store::{Change, ChangeFilter, Direction, Paging, Place, Store, Tail};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::harness::db::{Database, on_both_stores};
use crate::harness::entries::{APP, RECEIVED, append, callback};

const ENTRIES: usize = 9000;
const MINUTE: i64 = 60_000;

/// Three blocks, most of it in the order of time; some of it late.
async fn fill(store: &Store, random: &mut SmallRng) {
    let mut entries = Vec::new();
    for n in 0..ENTRIES {
        let late = if (4000..4100).contains(&n) { 3000 * MINUTE } else { 0 };
        let account = format!("a{}", random.random_range(0..40_u32));
        let operator = if random.random_ratio(1, 5) { "admin".to_owned() } else { account.clone() };
        let mut entry = callback(&account).operator(&operator).received(RECEIVED + n as i64 * MINUTE - late);
        if random.random_ratio(1, 3) {
            entry = entry.app(APP + 1);
        }
        for tag in ["Tag_A", "Tag_B"].into_iter().filter(|_| random.random_ratio(3, 4)) {
            entry = entry.item(tag, &n.to_string());
        }
        if n == 17 {
            entry = entry.item("Tag_Rare", "1");
        }
        let mut entry = entry.build();
        if n % 97 == 0 {
            entry.kind = if n % 2 == 0 { Kind::Reconcile } else { Kind::Baseline };
        }
        entries.push(entry);
    }
    for batch in entries.chunks(500) {
        append(store, batch).await;
    }
    while store.add_blocks().await.unwrap() > 0 {}
}

fn place(change: &Change) -> (i64, i32) {
    (change.seq, change.ordinal)
}

fn matches(filter: &ChangeFilter, change: &Change) -> bool {
    let is = |wanted: &Option<String>, had: &Option<String>| wanted.is_none() || wanted == had;
    filter.app.is_none_or(|app| app == change.app)
        && is(&filter.account, &change.account)
        && is(&filter.operator, &change.operator)
        && is(&filter.platform, &change.platform)
        && filter.kind.is_none_or(|kind| kind.as_str() == change.kind)
        && is(&filter.tag, &Some(change.tag.clone()))
        && filter.since.is_none_or(|since| change.received_at.0 >= since)
        && filter.until.is_none_or(|until| change.received_at.0 < until)
        && filter.event_since.is_none_or(|since| change.event_time.is_some_and(|time| time.0 >= since))
        && filter.event_until.is_none_or(|until| change.event_time.is_some_and(|time| time.0 < until))
}

/// All pages, and how many they were.
async fn all(store: &Store, filter: &ChangeFilter, direction: Direction, limit: u32) -> (Vec<Change>, usize) {
    let (mut changes, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = store.changes(filter, Paging { direction, after, limit }).await.unwrap();
        assert!(page.items.len() <= limit as usize);
        changes.extend(page.items);
        (after, pages) = (page.next, pages + 1);
        if after.is_none() {
            return (changes, pages);
        }
    }
}

fn some_filter(random: &mut SmallRng) -> ChangeFilter {
    let mut some = |share: u32| random.random_ratio(share, 10);
    let (app, account, operator, tag, platform, times, events, kind) =
        (some(3), some(4), some(2), some(4), some(1), some(5), some(1), some(3));
    let mut time = || RECEIVED + random.random_range(-100..ENTRIES as i64 + 100) * MINUTE;
    let (since, until) = (times.then(&mut time), times.then(&mut time).filter(|until| until % 2 == 0));
    ChangeFilter {
        app: app.then_some(APP + 1),
        account: account.then(|| ["a1", "a7", "admin", "nobody"].choose(random).unwrap().to_string()),
        operator: operator.then(|| ["admin", "a1", "a7"].choose(random).unwrap().to_string()),
        tag: tag.then(|| ["Tag_A", "Tag_Rare", "Tag_None"].choose(random).unwrap().to_string()),
        platform: platform.then(|| "RESTAPI".to_owned()),
        kind: kind.then(|| *[Kind::Callback, Kind::Baseline, Kind::Reconcile, Kind::Erasure].choose(random).unwrap()),
        since,
        until,
        event_since: events.then_some(RECEIVED - 1_000_000),
        event_until: events.then_some(RECEIVED),
    }
}

on_both_stores! {
    async fn pages_hold_each_change_that_matches_once_and_in_order(db: Database) {
        let seed = rand::random();
        let mut random = SmallRng::seed_from_u64(seed);
        let store = db.store().await;
        fill(&store, &mut random).await;
        let (everything, _) = all(&store, &ChangeFilter::default(), Direction::OldestFirst, 1000).await;
        assert!(everything.is_sorted_by(|a, b| place(a) < place(b)), "seed {seed}");
        assert!(everything.len() > ENTRIES, "seed {seed}: {}", everything.len());
        for _ in 0..60 {
            let filter = some_filter(&mut random);
            let expected: Vec<_> = everything.iter().filter(|change| matches(&filter, change)).map(place).collect();
            for direction in [Direction::OldestFirst, Direction::NewestFirst] {
                let limit = *[1000, 333, 50].choose(&mut random).unwrap();
                let mut found: Vec<_> = all(&store, &filter, direction, limit).await.0.iter().map(place).collect();
                if direction == Direction::NewestFirst {
                    found.reverse();
                }
                assert_eq!(found, expected, "seed {seed}: {filter:?} {direction:?} by {limit}");
            }
        }
    }

    async fn what_nobody_has_is_searched_for_in_short_pages_and_outside_its_time_not_at_all(db: Database) {
        let store = db.store().await;
        fill(&store, &mut SmallRng::seed_from_u64(1)).await;
        let none = ChangeFilter { tag: Some("Tag_None".to_owned()), ..ChangeFilter::default() };
        let (found, pages) = all(&store, &none, Direction::NewestFirst, 50).await;
        assert_eq!((found.len(), pages), (0, 2), "a page looks at 5,632 entries of these 9,000");
        let long_ago = ChangeFilter { until: Some(RECEIVED + 100 * MINUTE), tag: Some("Tag_Rare".to_owned()), ..ChangeFilter::default() };
        let (found, pages) = all(&store, &long_ago, Direction::NewestFirst, 1).await;
        assert_eq!((found.len(), pages), (1, 2));
        let future = ChangeFilter { since: Some(RECEIVED + 1_000_000 * MINUTE), ..ChangeFilter::default() };
        assert_eq!(all(&store, &future, Direction::OldestFirst, 50).await.0.len(), 0);
    }

    async fn a_cursor_stays_where_it_is_while_rows_arrive(db: Database) {
        let store = db.store().await;
        let one = |n: usize| callback("a").item("Tag_A", &n.to_string()).build();
        append(&store, &(0..10).map(one).collect::<Vec<_>>()).await;
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = store.changes(&ChangeFilter::default(), Paging { after, ..Paging::newest(3) }).await.unwrap();
            seen.extend(page.items.iter().map(|change| change.seq));
            append(&store, &[one(99)]).await;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, (1..=10).rev().collect::<Vec<i64>>());
        let behind = Paging::oldest(Some(Place { seq: 10, ordinal: 0 }), 1000);
        assert!(!store.changes(&ChangeFilter::default(), behind).await.unwrap().items.is_empty());
    }

    async fn who_follows_the_log_sees_each_change_that_matches_once(db: Database) {
        let store = db.store().await;
        let three = |n: i32| callback("a").item("Tag_A", &n.to_string()).item("Tag_B", "2").item("Tag_A", "3").build();
        let rare = ChangeFilter { tag: Some("Tag_A".to_owned()), ..ChangeFilter::default() };
        let mut tail = Tail::new(rare, store.end().await.unwrap());
        assert!(tail.next(&store, 1).await.unwrap().is_empty());
        let mut seen = Vec::new();
        for round in 1..=3 {
            append(&store, &[three(round), callback("b").item("Tag_C", &round.to_string()).build()]).await;
            while let [change] = &tail.next(&store, 1).await.unwrap()[..] {
                seen.push((change.seq, change.ordinal));
            }
        }
        assert_eq!(seen, [(1, 0), (1, 2), (3, 0), (3, 2), (5, 0), (5, 2)]);
    }

    async fn callbacks_are_counted_by_the_hour_they_were_received_in(db: Database) {
        let store = db.store().await;
        fill(&store, &mut SmallRng::seed_from_u64(2)).await;
        let since = RECEIVED + 2000 * MINUTE;
        let counts = store.per_hour(since, 200).await.unwrap();
        let mut expected = vec![0; 200];
        for n in 0..ENTRIES as i64 {
            let minute = if (4000..4100).contains(&n) { n - 3000 } else { n };
            if let Some(hour) = usize::try_from((minute - 2000).div_euclid(60)).ok().filter(|hour| *hour < 200) {
                expected[hour] += 1;
            }
        }
        assert_eq!(counts, expected);
    }
}
