//! The secret key, and the UserSig made with it: kept while it is good, made anew before it expires.

use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret, SecretString};

use super::usersig;
use crate::clock::Clock;

/// How long a UserSig is good for. The vendor advises a day at least.
const EXPIRE_SECS: i64 = 2 * 86_400;
/// It is renewed when no more than this is left.
const LEFT_SECS: i64 = 86_400;

pub(super) struct Key {
    secret_key: SecretString,
    sdk_app_id: u64,
    identifier: String,
    clock: Clock,
    current: Mutex<Option<Made>>,
}

struct Made {
    usersig: SecretString,
    at: i64,
}

impl Key {
    pub fn new(secret_key: SecretString, sdk_app_id: u64, identifier: String, clock: Clock) -> Self {
        Key { secret_key, sdk_app_id, identifier, clock, current: Mutex::default() }
    }

    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The one in use, or a new one.
    pub fn usersig(&self) -> SecretString {
        let now = self.clock.now() / 1000;
        let mut current = self.current();
        // One made in what is the future by now is no good either: the clock was set back.
        let good = current.as_ref().filter(|made| (made.at..made.at + EXPIRE_SECS - LEFT_SECS).contains(&now));
        if let Some(made) = good {
            return made.usersig.clone();
        }
        let made = usersig::make(&self.secret_key, self.sdk_app_id, &self.identifier, now, EXPIRE_SECS);
        let usersig = SecretString::from(made);
        *current = Some(Made { usersig: usersig.clone(), at: now });
        usersig
    }

    /// Chat says this one has expired. Where many are told so at once, one new one is made.
    pub fn forget(&self, expired: &SecretString) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|made| made.usersig.expose_secret() == expired.expose_secret()) {
            *current = None;
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Made>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
