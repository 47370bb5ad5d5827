//! File descriptors: each connection needs one.

use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For everything that is not a connection: the store, the files, the listeners themselves.
const SPARE: usize = 128;

/// Raises this process's limit as far as it may, and says so where that is not enough for `connections`.
pub fn allow(connections: usize) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!("the limit on file descriptors cannot be raised: {error}");
    }
    let allowed = getrlimit(Resource::Nofile).current.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    if connections.saturating_add(SPARE) > allowed {
        tracing::warn!(
            "{connections} connections are configured, but this process may have {allowed} file descriptors; \
             raise its limit (ulimit -n) or lower receiver.max_connections"
        );
    }
}

/// Whether accepting failed because there are none left.
pub(super) fn exhausted(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}
