//! Proof for somebody outside: what they need to check entries themselves, and heads that are noted where whoever administers
//! the database cannot write. `docs/proof.md` says what to do with them.

mod anchors;
mod entry;
mod export;
mod file;
mod head;
mod url;
mod watch;

pub use anchors::Anchors;
pub use entry::{Entry, Link};
pub use export::{Broken, Export};
pub use head::Noted;
pub use watch::watch;

use std::time::Duration;

/// When what failed is tried again, unless its turn comes sooner.
const AGAIN: Duration = Duration::from_secs(60);
