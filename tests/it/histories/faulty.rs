//! A store that fails as it is told: the real one, with something in front.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use portraitd::journal::{Doing, Log};
use portraitd::store::model::ReceiptId;
use portraitd::store::{NewEntry, NewUnreadable, Recorded, Store, StoreError};

/// What becomes of the verbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    Good,
    /// They fail at once, and nothing is done.
    Down,
    /// They are done, and fail.
    LosesAnswers,
    /// They never return, and nothing is done.
    Mute,
    /// They are done, and never return.
    MuteAfterwards,
}

pub struct Faulty {
    store: Arc<Store>,
    weather: Mutex<Weather>,
}

impl Faulty {
    pub fn new(store: Arc<Store>) -> Self {
        Faulty { store, weather: Mutex::new(Weather::Good) }
    }

    pub fn set(&self, weather: Weather) {
        *self.weather.lock().expect("nobody panicked") = weather;
    }

    async fn through<T>(&self, verb: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let weather = *self.weather.lock().expect("nobody panicked");
        match weather {
            Weather::Good => verb.await,
            Weather::Down => Err(StoreError::NotOpen),
            Weather::Mute => std::future::pending().await,
            Weather::LosesAnswers => {
                verb.await?;
                Err(StoreError::NotOpen)
            }
            Weather::MuteAfterwards => {
                verb.await?;
                std::future::pending().await
            }
        }
    }
}

impl Log for Faulty {
    fn append<'a>(&'a self, entries: &'a [&'a NewEntry]) -> Doing<'a, Vec<Recorded>> {
        Box::pin(self.through(self.store.append(entries)))
    }

    fn receipts<'a>(&'a self, entries: &'a [&'a NewEntry]) -> Doing<'a, HashMap<ReceiptId, i64>> {
        Box::pin(self.through(self.store.receipts(entries)))
    }

    fn keep<'a>(&'a self, body: &'a NewUnreadable) -> Doing<'a, ()> {
        Box::pin(self.through(self.store.keep_unreadable(body)))
    }
}
