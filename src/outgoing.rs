//! Requests of ours to others: a client that follows nobody anywhere, and why there was no answer.

use std::error::Error;
use std::iter::successors;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

/// A client to be, which says who we are.
pub fn client() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("portraitd/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
}

/// The innermost cause says most. The URL, which may hold a secret, is not repeated.
pub fn why(error: reqwest::Error) -> String {
    let error = error.without_url();
    let causes = successors(error.source(), |cause| (*cause).source());
    causes.last().map_or_else(|| error.to_string(), ToString::to_string)
}
