//! A store that is particular about what it takes: the real one, with somebody in front who says no.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use portraitd::journal::{Doing, Log};
use portraitd::store::model::ReceiptId;
use portraitd::store::{NewEntry, NewUnreadable, Recorded, Store, StoreError};

/// What becomes of a verb.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Passes,
    Fails,
    RefusesTheData,
    NeverReturns,
}

pub struct Picky {
    pub store: Store,
    pub appends: fn(&[&NewEntry]) -> Answer,
    pub keeps: Answer,
    /// Nothing passes while this is set.
    pub away: AtomicBool,
    /// Bodies kept so far.
    pub kept: AtomicUsize,
}

impl Picky {
    /// As particular about appends as `appends` says.
    pub fn about(store: Store, appends: fn(&[&NewEntry]) -> Answer, keeps: Answer) -> Arc<Self> {
        Arc::new(Picky { store, appends, keeps, away: AtomicBool::new(false), kept: AtomicUsize::new(0) })
    }

    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    async fn asked(&self, answer: Answer) -> Result<(), StoreError> {
        match if self.away.load(Ordering::Relaxed) { Answer::Fails } else { answer } {
            Answer::Passes => Ok(()),
            Answer::Fails => Err(StoreError::NotOpen),
            Answer::RefusesTheData => Err(StoreError::Data(sqlx::Error::Encode("no".into()))),
            Answer::NeverReturns => std::future::pending().await,
        }
    }
}

impl Log for Picky {
    fn append<'a>(&'a self, entries: &'a [&'a NewEntry]) -> Doing<'a, Vec<Recorded>> {
        Box::pin(async move {
            self.asked((self.appends)(entries)).await?;
            self.store.append(entries).await
        })
    }

    fn receipts<'a>(&'a self, entries: &'a [&'a NewEntry]) -> Doing<'a, HashMap<ReceiptId, i64>> {
        Box::pin(async move {
            self.asked(Answer::Passes).await?;
            self.store.receipts(entries).await
        })
    }

    fn keep<'a>(&'a self, body: &'a NewUnreadable) -> Doing<'a, ()> {
        Box::pin(async move {
            self.asked(self.keeps).await?;
            self.store.keep_unreadable(body).await?;
            self.kept.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    }
}
