//! As much of the store as a record of the spool needs: what goes into the log. Nothing of a database.

#[path = "../../src/store/chain.rs"]
pub mod chain;
#[path = "../../src/store/model.rs"]
pub mod model;
#[path = "../../src/store/query.rs"]
pub mod query;

pub use model::{NewEntry, NewUnreadable};

/// Stands in for the real one, which knows sqlx.
#[derive(Debug)]
pub enum StoreError {
    /// The only one that `model` makes.
    Unsuitable(String),
}

/// Rows that come out of a database: none here.
pub mod rows {
    macro_rules! none { ($($name:ident),*) => { $(pub struct $name;)* } }
    none!(Change, Link, StoredEntry, StoredItem, UnreadableRow);
}
