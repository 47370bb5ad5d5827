//! Random histories of callbacks, outages downstream, crashes, frozen owners, lost acknowledgements and operators, driven
//! step by step through the lanes of two processes on a real store. Each history checks promise 5.
//!
//! Time and all chance come from the history's seed; a seed that fails belongs into [`KEPT`].

mod world;

use crate::harness::db::Database;
use world::World;

/// Seeds of histories that once failed.
const KEPT: [u64; 3] = [5014600570701695572, 4196448276727688588, 18357422899361094186];
const STEPS: usize = 120;

async fn history(seed: u64, world: &mut World) {
    world.begin(seed).await;
    for _ in 0..STEPS {
        world.something_happens().await;
    }
    world.comes_to_rest().await;
}

async fn histories(db: Database, default: u64) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let count = number("HISTORIES").unwrap_or(default);
    let first = number("SEED").unwrap_or_else(rand::random);
    let mut world = World::new(db).await;
    for seed in KEPT.into_iter().chain((0..count).map(|n| first.wrapping_add(n))) {
        history(seed, &mut world).await;
    }
}

#[tokio::test]
async fn every_callback_reaches_the_handler_in_order_whatever_happens_on_postgres() {
    histories(Database::postgres().await, 25).await;
}

#[tokio::test]
async fn every_callback_reaches_the_handler_in_order_whatever_happens_on_sqlite() {
    histories(Database::sqlite().await, 60).await;
}
