//! Many accounts in one call: split as the vendor wants it, put together again, one result for each.

use std::collections::HashMap;
use std::future::Future;

use futures_util::{StreamExt, stream};

use super::Error;

/// One entry for each account asked for, in that order.
pub type PerAccount<T> = Vec<(String, Result<T, Error>)>;

/// The vendor's limit on accounts in one request.
const AT_ONCE: usize = 100;
/// Requests under way at a time for one call.
const CONCURRENT: usize = 8;

/// What one request's answer says of each account.
pub(super) type Results<T> = HashMap<String, Result<T, Error>>;

/// Asks for a part of `all` at a time. Of a part that fails as a whole, each account has that error.
pub(super) async fn in_parts<A, T, F>(
    command: &'static str,
    all: &[A],
    account: fn(&A) -> &str,
    ask: impl Fn(Vec<A>) -> F,
) -> PerAccount<T>
where
    A: Clone,
    T: Clone,
    F: Future<Output = Result<Results<T>, Error>>,
{
    let parts = all.chunks(AT_ONCE).map(|part| {
        let asked = ask(part.to_vec());
        async move {
            let answered = asked.await;
            part.iter().map(|one| result(command, account(one), &answered)).collect::<Vec<_>>()
        }
    });
    // Boxed and collected first: the stream's items borrow `all`.
    let parts: Vec<_> = parts.collect();
    stream::iter(parts).buffered(CONCURRENT).concat().await
}

fn result<T: Clone>(
    command: &'static str,
    account: &str,
    answered: &Result<Results<T>, Error>,
) -> (String, Result<T, Error>) {
    let result = match answered {
        Ok(results) => results
            .get(account)
            .cloned()
            .unwrap_or_else(|| Err(Error::Answer { command, why: "it does not name the account".to_owned() })),
        Err(error) => Err(error.clone()),
    };
    (account.to_owned(), result)
}
