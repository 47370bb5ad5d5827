//! `migrate`: what `serve` does to the tables at its start, alone.

use secrecy::ExposeSecret;

use crate::config::Loaded;
use crate::store::{Open, Store};

pub(super) async fn run(loaded: Loaded) -> anyhow::Result<()> {
    let store = Store::open(loaded.config.store.url.expose_secret(), Open::Migrate).await?;
    store.extend().await?;
    eprintln!("{} is up to date", store.location());
    Ok(())
}
