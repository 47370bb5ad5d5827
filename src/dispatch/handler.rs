//! What an app implements to react to profile changes.

use std::fmt::Display;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::change::ProfileChange;

/// Reacts to profile changes.
///
/// # What is promised
///
/// - **At least once.** Every callback in the log after the handler's beginning is given to it until it answers
///   [`Outcome::Done`] or [`Outcome::Reject`], or the retries are at their end. After a crash, or when the answer could not be
///   written down, the same callback comes again: [`ProfileChange::receipt_id`] is the idempotency key.
/// - **In the order of the log for each account.** While one callback fails, later ones of its account wait behind it; other
///   accounts go on, several at a time. A dead letter that an operator has tried again is out of order.
/// - **Not twice at once**, unless a process stalls past its lease: then another one takes over, and [`Context::epoch`] is
///   higher there. Whoever writes to a system that can compare may refuse the lower one.
///
/// # What counts as a failure
///
/// [`Outcome::Retry`], a panic, and no answer by [`Context::deadline`]. It is tried again after the configured waits
/// (`dispatch.retry_secs`); after the last one it becomes a dead letter. When nothing gets through for many accounts, the
/// handler is *stalled*: it stands still, probes one callback at a time, and counts no attempts.
///
/// ```
/// use portraitd::{Context, Outcome, ProfileChange, ProfileHandler, Wants, async_trait};
///
/// struct Greeter;
///
/// #[async_trait]
/// impl ProfileHandler for Greeter {
///     fn wants(&self) -> Wants {
///         Wants::everything().tags(["Tag_Profile_IM_Nick"])
///     }
///
///     async fn handle(&self, change: &ProfileChange, _: &Context) -> Outcome {
///         let Some(nick) = change.item("Tag_Profile_IM_Nick") else { return Outcome::Done };
///         println!("{} is {} now", change.account, nick.raw());
///         Outcome::Done
///     }
/// }
///
/// // Tried without a server:
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let body = r#"{"From_Account":"id1","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"Ann"}]}"#;
/// let change = ProfileChange::from_body(1400000000, body)?;
/// assert_eq!(Greeter.handle(&change, &Context::detached()).await, Outcome::Done);
/// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[async_trait::async_trait]
pub trait ProfileHandler: Send + Sync + 'static {
    /// Which callbacks, and whether with previous values. Asked once, at the start.
    fn wants(&self) -> Wants {
        Wants::everything()
    }

    /// Handles one callback.
    async fn handle(&self, change: &ProfileChange, cx: &Context) -> Outcome;
}

/// What is to become of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is handled.
    Done,
    /// It failed; again later.
    Retry,
    /// It failed; again, but not before this time has passed.
    RetryAfter(Duration),
    /// It will never work: straight to the dead letters.
    Reject,
}

/// Which callbacks a handler is given. What it does not want is passed over before it is called.
#[derive(Debug, Clone, Default)]
pub struct Wants {
    tags: Option<Vec<String>>,
    apps: Option<Vec<i64>>,
    previous: bool,
    superseded: bool,
}

impl Wants {
    /// Every callback, without previous values.
    pub fn everything() -> Self {
        Wants::default()
    }

    /// Only callbacks in which one of these tags changed; `Tag_Profile_Custom_*` stands for all that begin so. The callback
    /// is given whole, with all its items.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// Only callbacks of these apps (SDKAppID).
    pub fn apps(mut self, apps: impl IntoIterator<Item = i64>) -> Self {
        self.apps = Some(apps.into_iter().collect());
        self
    }

    /// With the value that each item had before. This costs a lookup for each callback.
    pub fn previous_values(mut self) -> Self {
        self.previous = true;
        self
    }

    /// With [`ItemChange::is_superseded`](super::ItemChange::is_superseded), for who wants the latest values only: an item that
    /// is superseded may be skipped, because the newer value comes later or came before. It costs a lookup for each callback
    /// that is superseded.
    pub fn superseded_items(mut self) -> Self {
        self.superseded = true;
        self
    }

    pub(super) fn asks_for_previous(&self) -> bool {
        self.previous
    }

    pub(super) fn asks_for_superseded(&self) -> bool {
        self.superseded
    }

    /// Whether it asks what is superseded, and something in this callback that it wants is not known to be.
    pub(super) fn hopes_for(&self, change: &ProfileChange) -> bool {
        self.superseded && change.items.iter().any(|item| !item.is_superseded() && self.includes_tag(&item.tag))
    }

    fn includes_tag(&self, tag: &str) -> bool {
        let fits = |wanted: &String| match wanted.strip_suffix('*') {
            Some(begin) => tag.starts_with(begin),
            None => wanted == tag,
        };
        self.tags.as_ref().is_none_or(|tags| tags.iter().any(fits))
    }

    /// Whether this callback is among them.
    pub fn include(&self, change: &ProfileChange) -> bool {
        self.apps.as_ref().is_none_or(|apps| apps.contains(&change.app))
            && (self.tags.is_none() || change.items.iter().any(|item| self.includes_tag(&item.tag)))
    }
}

/// What a handler knows of the attempt it is making.
#[derive(Debug)]
pub struct Context {
    handler: String,
    attempt: u32,
    deadline: Instant,
    calls_off: CancellationToken,
    /// Made when it is asked for.
    cancellation: OnceLock<CancellationToken>,
    epoch: i64,
    why: Mutex<Option<String>>,
}

/// Longer explanations are cut.
const MAX_WHY: usize = 1000;

impl Context {
    pub(super) fn new(handler: &str, attempt: u32, limit: Duration, calls_off: CancellationToken, epoch: i64) -> Self {
        Context {
            handler: handler.to_owned(),
            attempt,
            deadline: Instant::now() + limit,
            calls_off,
            cancellation: OnceLock::new(),
            epoch,
            why: Mutex::default(),
        }
    }

    /// A first attempt that belongs to no service, to try a handler.
    pub fn detached() -> Self {
        Context::new("detached", 1, Duration::from_secs(30), CancellationToken::new(), 0)
    }

    /// The handler's name.
    pub fn handler(&self) -> &str {
        &self.handler
    }

    /// Which attempt this is, from 1. Attempts while the handler is stalled do not count.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// When the attempt is given up (`dispatch.timeout_secs`).
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Cancelled when the service stops or the handler belongs to another process: the attempt is then called off, and does
    /// not count. The future is dropped; this is for work that goes on outside of it.
    pub fn cancellation(&self) -> &CancellationToken {
        self.cancellation.get_or_init(|| self.calls_off.child_token())
    }

    /// Whoever let work go on elsewhere is told that it is over.
    pub(super) fn is_over(&self) {
        if let Some(cancellation) = self.cancellation.get() {
            cancellation.cancel();
        }
    }

    /// Counts the handler's owners. It rises whenever another process takes over.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// [`Outcome::Retry`], and why: operators see it with the callback. Put nothing personal into it.
    pub fn retry(&self, why: impl Display) -> Outcome {
        self.because(why);
        Outcome::Retry
    }

    /// [`Outcome::Reject`], and why.
    pub fn reject(&self, why: impl Display) -> Outcome {
        self.because(why);
        Outcome::Reject
    }

    /// Why this attempt fails, for whatever outcome is answered.
    pub fn because(&self, why: impl Display) {
        let text: String = why.to_string().chars().filter(|c| *c != '\0').take(MAX_WHY).collect();
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    pub(super) fn why(&self) -> Option<String> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_is_given_what_it_wants_and_nothing_else() {
        let body = r#"{"From_Account":"a","ProfileItem":[{"Tag":"Tag_Profile_Custom_Pet","Value":"cat"}]}"#;
        let change = ProfileChange::from_body(7, body).unwrap();
        assert!(Wants::everything().include(&change));
        assert!(Wants::everything().tags(["Tag_Profile_Custom_*"]).apps([7]).include(&change));
        assert!(Wants::everything().tags(["Tag_Profile_IM_Nick", "Tag_Profile_Custom_Pet"]).include(&change));
        assert!(!Wants::everything().tags(["Tag_Profile_Custom_P"]).include(&change));
        assert!(!Wants::everything().apps([8]).include(&change));
        assert!(!Wants::everything().tags(Vec::<String>::new()).include(&change));
    }

    #[test]
    fn an_explanation_is_cut_and_holds_nothing_the_store_cannot() {
        let cx = Context::detached();
        assert_eq!(cx.retry(format!("a\0b{}", "x".repeat(5000))), Outcome::Retry);
        let why = cx.why().unwrap();
        assert!(why.starts_with("abx") && why.len() == MAX_WHY);
    }
}
