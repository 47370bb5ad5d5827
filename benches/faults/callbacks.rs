//! Callbacks that can be told apart: each has a number, and what was acknowledged is remembered by it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rand::RngExt;
use rand::rngs::StdRng;

/// The app all of it is for.
pub const APP: u64 = 1_400_000_000;
/// How many callbacks back a repetition may come.
const REMEMBERED: usize = 1000;

/// Numbers the callbacks of this process, so that no two are alike.
static NEXT: AtomicU64 = AtomicU64::new(1);

#[derive(Clone, Copy)]
pub struct Callback {
    pub number: u64,
    event_time: Option<u128>,
}

impl Callback {
    /// One that was never sent; every third has no EventTime.
    pub fn next() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Callback { number, event_time: (!number.is_multiple_of(3)).then_some(now) }
    }

    /// Head and body, as Chat sends them.
    pub fn request(self) -> Vec<u8> {
        let Callback { number, event_time } = self;
        let account = number % 1000;
        let time = event_time.map(|time| format!("\"EventTime\":{time},")).unwrap_or_default();
        let body = format!(
            "{{\"CallbackCommand\":\"Profile.CallbackPortraitSet\",\"Operator_Account\":\"user{account}\",\"From_Account\":\"user{account}\",\
             {time}\"ProfileItem\":[{{\"Tag\":\"Tag_Profile_IM_Nick\",\"Value\":{number}}},\
             {{\"Tag\":\"Tag_Profile_Custom_Data\",\"Value\":\"your custom data\"}}]}}"
        );
        format!(
            "POST /?SdkAppid={APP}&CallbackCommand=Profile.CallbackPortraitSet&contenttype=json&ClientIP=203.0.113.7&OptPlatform=iOS HTTP/1.1\r\n\
             Host: localhost\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

/// Callbacks that may be sent again, because their EventTime lets them be recognised.
#[derive(Default)]
pub struct Repeatable(Mutex<VecDeque<Callback>>);

impl Repeatable {
    /// A new callback, or one in eight times one of the last that were sent, answered or not.
    pub fn choose(&self, random: &mut StdRng) -> Callback {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if random.random_ratio(1, 8) && !sent.is_empty() {
            return sent[random.random_range(0..sent.len())];
        }
        let callback = Callback::next();
        if callback.event_time.is_some() {
            sent.push_back(callback);
            if sent.len() > REMEMBERED {
                sent.pop_front();
            }
        }
        callback
    }
}
