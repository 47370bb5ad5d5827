//! `spool`: what waits on this machine's disk for the store, and draining it without a service.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use super::output::print;
use super::store_to_operate;
use crate::config::Loaded;
use crate::journal::spool::{Status, look};
use crate::journal::{Spool, drain};
use crate::protocol::time::rfc3339;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show what waits in the spool, also while a service uses it
    Status(Place),
    /// Record what waits in the spool of a service that does not run any more, then exit
    ///
    /// A running service drains its spool by itself. This is for the spool of one that will not come back.
    Drain(Place),
}

#[derive(Args)]
struct Place {
    /// The spool's folder [default: spool.dir]
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

pub(super) async fn run(loaded: Loaded, arguments: Arguments) -> anyhow::Result<()> {
    let place = |place: Place| {
        let dir = place.dir.unwrap_or_else(|| loaded.config.spool.dir.clone());
        std::path::absolute(&dir).unwrap_or(dir)
    };
    match arguments.command {
        Command::Status(dir) => status(&place(dir)),
        Command::Drain(dir) => drain_all(&loaded, place(dir)).await,
    }
}

fn status(dir: &std::path::Path) -> anyhow::Result<()> {
    if !dir.is_dir() {
        bail!("there is no spool at {}", dir.display());
    }
    let Status { callbacks, unreadable, bytes, damaged, newer, oldest, newest, owner } = look(dir)?;
    let time = |at: Option<i64>| at.map_or_else(|| "-".to_owned(), rfc3339);
    let owner = owner.map_or_else(|| "nobody".to_owned(), |pid| format!("process {pid}"));
    print(&format!(
        "folder      {}\ncallbacks   {callbacks}\nunreadable  {unreadable}\nbytes       {bytes}\ndamaged     {damaged}\nunknown     {newer}\n\
         oldest      {}\nnewest      {}\nused by     {owner}\n",
        dir.display(),
        time(oldest),
        time(newest),
    ))
}

async fn drain_all(loaded: &Loaded, dir: PathBuf) -> anyhow::Result<()> {
    if !dir.is_dir() {
        bail!("there is no spool at {}", dir.display());
    }
    let spool = Spool::open(&dir, loaded.config.spool.max_bytes)?;
    let total = spool.records();
    let store = Arc::new(store_to_operate(loaded).await?);
    let bar = ProgressBar::new(total).with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}")?);
    let drained = drain(spool, store.clone(), Arc::default(), |records| bar.set_position(records)).await;
    bar.finish_and_clear();
    let drained = drained.with_context(|| format!("not all of {} is recorded; run it again", dir.display()))?;
    eprintln!("{drained} records of {} are in {}", dir.display(), store.location());
    Ok(())
}
