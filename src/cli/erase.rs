//! `erase`: forgets one person, and says where else copies may be.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::ProgressBar;

use super::output::print;
use super::reader::whoami;
use super::store_to_operate;
use crate::clock::Clock;
use crate::config::Loaded;
use crate::journal::spool::look;
use crate::store::erasure::{self, Whom};
use crate::store::{Access, Store};

/// How long callbacks that wait in the spool are waited for.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(200);

/// Forget one person: what they changed, and who they are in it
///
/// Of each entry of the account, account, operator, address, platform, values and body become null for ever. What stays is that
/// there was an entry, when, and which tags it named. An entry of kind `erasure` is added that names them, so that `verify`
/// still holds. Callbacks may go on arriving; what of them names the account after this ends is recorded. It may be run again
/// at any time, and goes on where it was interrupted.
#[derive(Args)]
pub(super) struct Arguments {
    /// SDKAppID
    #[arg(long, value_name = "SDKAPPID")]
    app: i64,
    /// From_Account
    #[arg(long)]
    account: String,
    /// Also what the account left in entries of others as their operator: its name, address, platform, and the body; their
    /// values stay
    #[arg(long)]
    as_operator: bool,
}

pub(super) async fn run(loaded: Loaded, arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { app, account, as_operator } = arguments;
    if account.is_empty() || account.contains('\0') {
        bail!("--account: no account is named so");
    }
    let (whom, clock) = (Whom { app, account, as_operator }, Clock::system());
    let store = store_to_operate(&loaded).await?;
    // Who was erased is not written down again.
    let row = Access { who: &whoami(), action: "erase", target: "*", details: None };
    store.record_access(row).await.context("nothing is erased, because it could not be recorded in access_log")?;

    let begun = clock.now();
    let mut entries = erase(&store, &whom, &clock).await?;
    let dir = &loaded.config.spool.dir;
    let is_drained = drained(dir, begun).await?;
    entries += erase(&store, &whom, &clock).await?;
    let unreadable = store.erase_elsewhere(&whom).await?;
    print(&format!("{entries} entries erased, {unreadable} unreadable bodies dropped\n"))?;
    if !is_drained {
        bail!(
            "callbacks wait in the spool at {}, and may name the account: run this again once they are recorded (portraitd spool status)",
            dir.display()
        );
    }
    eprintln!(
        "Copies may remain where portraitd does not reach: backups and archived write-ahead logs of the database, spools of other \
         replicas, exports, and whatever handlers handed on. access_log still says who looked at the account."
    );
    Ok(())
}

/// How many entries were erased.
async fn erase(store: &Store, whom: &Whom, clock: &Clock) -> anyhow::Result<u64> {
    let bar = ProgressBar::new_spinner();
    let erased = erasure::run(
        store,
        whom,
        || clock.now(),
        |so_far| {
            bar.set_message(format!("{} entries erased", so_far.entries));
            bar.tick();
        },
    )
    .await
    .context("not everything is erased; run it again (in Postgres it takes the right to call portraitd_erase)");
    bar.finish_and_clear();
    erased
}

/// Whether nothing waits in this machine's spool that arrived before.
async fn drained(dir: &Path, begun: i64) -> anyhow::Result<bool> {
    let give_up = Instant::now() + PATIENCE;
    while dir.is_dir() {
        let waiting = look(dir)?;
        if waiting.oldest.is_none_or(|oldest| oldest > begun) {
            break;
        }
        // Without a service nobody drains it.
        if waiting.owner.is_none() || Instant::now() >= give_up {
            return Ok(false);
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(true)
}
