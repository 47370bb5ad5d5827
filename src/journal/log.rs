//! What the journal needs of the store. The store is one; a test that makes it fail in every way is another.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use crate::store::model::ReceiptId;
use crate::store::{NewEntry, NewUnreadable, Recorded, Store, StoreError};

/// A verb under way.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Where entries end up. See the verbs of the same names of [`Store`].
pub trait Log: Send + Sync + 'static {
    /// Appends entries in one transaction.
    fn append<'a>(&'a self, entries: &'a [&'a NewEntry]) -> Doing<'a, Vec<Recorded>>;

    /// Which of these entries' receipts it holds.
    fn receipts<'a>(&'a self, entries: &'a [&'a NewEntry]) -> Doing<'a, HashMap<ReceiptId, i64>>;

    /// Keeps a body that cannot be recorded.
    fn keep<'a>(&'a self, body: &'a NewUnreadable) -> Doing<'a, ()>;
}

impl Log for Store {
    fn append<'a>(&'a self, entries: &'a [&'a NewEntry]) -> Doing<'a, Vec<Recorded>> {
        Box::pin(Store::append(self, entries))
    }

    fn receipts<'a>(&'a self, entries: &'a [&'a NewEntry]) -> Doing<'a, HashMap<ReceiptId, i64>> {
        Box::pin(Store::receipts(self, entries))
    }

    fn keep<'a>(&'a self, body: &'a NewUnreadable) -> Doing<'a, ()> {
        Box::pin(Store::keep_unreadable(self, body))
    }
}
