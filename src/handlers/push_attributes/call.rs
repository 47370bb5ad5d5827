//! One batch as the vendor's calls, and what they say of each account.

use std::collections::HashMap;
use std::future::Future;
use std::slice;

use futures_util::future::join_all;

use super::queue::User;
use super::verdict::is_final;
use crate::tencent::{Client, Error, PerAccount};

/// Sets and removes what the batch asks for. Whoever is not among the failures is done.
pub(super) async fn failures(client: &Client, batch: &[User]) -> HashMap<String, Error> {
    let users = || batch.iter().map(|user| (&user.account, &user.asked));
    let set: Vec<_> = users().filter(|(_, asked)| !asked.set.is_empty()).collect();
    let set = set.into_iter().map(|(account, asked)| (account.clone(), asked.set.clone())).collect();
    let remove: Vec<_> = users().filter(|(_, asked)| !asked.remove.is_empty()).collect();
    let remove = remove.into_iter().map(|(account, asked)| (account.clone(), asked.remove.clone())).collect();
    let (set, removed) = tokio::join!(
        each(set, |users| async move { client.set_attr(&users).await }),
        each(remove, |users| async move { client.remove_attr(&users).await }),
    );
    let mut failures = HashMap::new();
    for (account, result) in set.into_iter().chain(removed) {
        let Err(error) = result else { continue };
        // What may still work is tried again before the other is given up.
        if failures.get(&account).is_none_or(is_final) {
            failures.insert(account, error);
        }
    }
    failures
}

/// A request may be refused as a whole for what one account has in it. Then each is sent alone, so that only that one fails.
async fn each<A, F>(users: Vec<(String, A)>, call: impl Fn(Vec<(String, A)>) -> F) -> PerAccount<()>
where
    A: Clone,
    F: Future<Output = Result<PerAccount<()>, Error>>,
{
    if users.is_empty() {
        return Vec::new();
    }
    let results = of_each(&users, call(users.clone()).await);
    if users.len() == 1 || !is_refused_as_one(&results) {
        return results;
    }
    let call = &call;
    let alone =
        users.into_iter().map(|user| async move { of_each(slice::from_ref(&user), call(vec![user.clone()]).await) });
    join_all(alone).await.concat()
}

/// Where nothing was sent, each account has the error.
fn of_each<A>(users: &[(String, A)], called: Result<PerAccount<()>, Error>) -> PerAccount<()> {
    called.unwrap_or_else(|error| users.iter().map(|(account, _)| (account.clone(), Err(error.clone()))).collect())
}

/// Whether all have failed for good with the same words.
fn is_refused_as_one(results: &PerAccount<()>) -> bool {
    let mut errors = results.iter().map(|(_, result)| result.as_ref().err());
    let first = errors.next().flatten();
    first.is_some_and(is_final) && errors.all(|error| error == first)
}
