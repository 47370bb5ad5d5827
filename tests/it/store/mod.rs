//! What the store promises, asked of both dialects through the same verbs.

mod append;
mod comments;
mod dedupe;
mod erase;
mod guard_postgres;
mod guard_sqlite;
mod history;
mod open;
mod partitions;
mod prune;
mod reconcile;
mod replicas;
mod search;
mod unreadable;
mod values;
mod verify;
mod verify_erased;
mod verify_heads;
