//! Why there was no answer, in a few words that hold nothing of the request.

use std::error::Error;
use std::iter::successors;

use super::resolver::PrivateAddresses;

/// What kind of failure, and its first cause.
pub(super) fn why(error: reqwest::Error) -> String {
    // The URL may hold a password.
    let error = error.without_url();
    let causes = || successors(error.source(), |&cause| cause.source());
    if let Some(private) = causes().find_map(|cause| cause.downcast_ref::<PrivateAddresses>()) {
        return format!("its name {private}");
    }
    let kind = if error.is_connect() { "it cannot be connected to" } else { "no answer" };
    match causes().last() {
        Some(cause) => format!("{kind}: {cause}"),
        None => kind.to_owned(),
    }
}
