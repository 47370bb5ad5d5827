//! File descriptors: each connection needs one.

use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For everything that is not a connection with a seat: on each listener 256 refusals and 16 that are leaving, 64 requests to
/// a backend, the store, the files, the listeners themselves. At most half of what there is.
const SPARE: usize = 2 * (256 + 16) + 64 + 64;
/// The private listener's part where there are too few.
const PRIVATE_PART: usize = 8;

/// Raises this process's limit as far as it may. Where that is not enough for the connections, there will be fewer.
pub fn allow(public: &mut usize, private: &mut usize) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!("the limit on file descriptors cannot be raised: {error}");
    }
    let allowed = getrlimit(Resource::Nofile).current.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let fewer = share(allowed, *public, *private);
    if fewer != (*public, *private) {
        tracing::warn!(
            "this process may have {allowed} file descriptors, which allows {} connections instead of \
             receiver.max_connections = {public} and {} instead of admin.max_connections = {private}; \
             raise its limit (ulimit -Hn)",
            fewer.0,
            fewer.1
        );
        (*public, *private) = fewer;
    }
}

/// How many connections each listener may have with so many descriptors.
fn share(allowed: usize, public: usize, private: usize) -> (usize, usize) {
    let room = allowed - SPARE.min(allowed / 2);
    if public.saturating_add(private) <= room {
        return (public, private);
    }
    let private = private.min(room / PRIVATE_PART).max(1);
    (public.min(room.saturating_sub(private)).max(1), private)
}

/// Whether accepting failed because there are none left.
pub(super) fn exhausted(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_and_everything_else_together_stay_within_what_is_allowed() {
        assert_eq!(share(usize::MAX, 4096, 256), (4096, 256));
        assert_eq!(share(4096 + 256 + SPARE, 4096, 256), (4096, 256));
        assert_eq!(share(4096 + 255 + SPARE, 4096, 256), (4095, 256));
        assert_eq!(share(1024, 4096, 256), (448, 64));
        assert_eq!(share(1024, 4096, 1), (511, 1));
        assert_eq!(share(1, 4096, 256), (1, 1));
    }
}
