//! `prune`: drops the oldest entries, and leaves the anchor from which the rest can be verified.

use anyhow::{Context, bail};
use clap::Args;
use indicatif::ProgressBar;

use super::output::print;
use super::reader::whoami;
use super::{existing_store, store_to_operate};
use crate::clock::Clock;
use crate::config::{ConfigError, Loaded};
use crate::store::prune::{self, News, Part, Rules, before_days};
use crate::store::{Access, Store};

/// Drop what is old, whole parts of the log at a time
///
/// A part is a partition of a million entries (Postgres) or 100,000 entries (SQLite). It goes when all of it was received longer
/// ago than asked and the log goes on after it. Its last sequence and chain are kept in `anchors`, so that `verify` holds for
/// what is left. Callbacks may go on arriving, nobody who reads is cut off. What was interrupted is gone on with. In Postgres
/// this takes the owner of the tables.
#[derive(Args)]
pub(super) struct Arguments {
    /// Drop what was received longer ago [default: store.retention_days]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    older_than: Option<u32>,
    /// Only say what would be dropped
    #[arg(long)]
    dry_run: bool,
    /// Also what handlers have not handled yet: they will never see it
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(loaded: Loaded, arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { older_than, dry_run, force } = arguments;
    let Some(days) = older_than.or(loaded.config.store.retention_days) else {
        return Err(ConfigError("how old? Give --older-than DAYS, or set store.retention_days".to_owned()).into());
    };
    let rules = Rules { before: before_days(Clock::system().now(), days), force };
    if dry_run {
        return tell(&existing_store(&loaded).await?, rules).await;
    }
    let store = store_to_operate(&loaded).await?;
    if !store.may_prune().await? {
        bail!("only the owner of the tables may prune: run it with the owner's DATABASE_URL (docs/retention.md)");
    }
    let details = format!("older_than={days}{}", if force { "&force" } else { "" });
    let row = Access { who: &whoami(), action: "prune", target: "*", details: Some(&details) };
    store.record_access(row).await.context("nothing is dropped, because it could not be recorded in access_log")?;

    let (bar, mut parts) = (ProgressBar::new_spinner(), 0);
    let pruned = prune::run(&store, rules, |news| {
        match news {
            News::Step => bar.set_message("dropping"),
            News::Waiting => bar.set_message("waiting for those who still read what is to go"),
            News::Dropped(part) => {
                parts += 1;
                let line = format!("{part} dropped; anchor {} {}\n", part.last.seq, hex::encode(part.last.chain));
                let _ = bar.suspend(|| print(&line));
            }
        }
        bar.tick();
    })
    .await;
    bar.finish_and_clear();
    let held = pruned.context("not all is dropped; run it again, it goes on where it was")?;
    if held.is_none() && parts == 0 {
        eprintln!("there is no whole part of the log that is older than {days} days");
    }
    held.map_or(Ok(()), |(part, holders)| bail!("{}; --force drops it all the same", held_back(&part, &holders)))
}

async fn tell(store: &Store, rules: Rules) -> anyhow::Result<()> {
    let mut after = store.anchor().await?.map_or(0, |anchor| anchor.head.seq);
    while let Some(part) = store.oldest_part(after, rules.before).await? {
        let holders = if rules.force { Vec::new() } else { store.holders(part.last.seq).await? };
        if !holders.is_empty() {
            return print(&format!("{}\n", held_back(&part, &holders)));
        }
        print(&format!("{part} would be dropped\n"))?;
        after = part.last.seq;
    }
    Ok(())
}

fn held_back(part: &Part, holders: &[prune::Holder]) -> String {
    let who: Vec<String> = holders.iter().map(ToString::to_string).collect();
    format!("{part} not dropped: {}", who.join(", "))
}
