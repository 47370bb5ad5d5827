//! `reconcile`: what Tencent says of profiles against what the log says, and what no callback told is recorded.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::signal::ctrl_c;

use super::output::{print, visible};
use super::reader::whoami;
use super::store_to_operate;
use super::tencent::App;
use super::time::time;
use crate::clock::Clock;
use crate::config::{ConfigError, Loaded};
use crate::journal::spool::look;
use crate::protocol::time::Millis;
use crate::reconcile::{Difference, News, Run, Settings, Summary, Which};
use crate::store::mark::{Due, Mark, Round};
use crate::store::{Access, Store};

/// Compare profiles with Tencent's, and record the changes whose callbacks never came
///
/// The first sight of a value is recorded as kind `baseline`; a value that the log had otherwise as kind `reconcile`, a missed
/// change. Handlers get both. What differs is looked at again after --grace, because its callback may be under way: what a
/// callback explains is not missed. Callbacks may go on arriving. It may be run again at any time; --all goes on where it was
/// interrupted. It takes the app's secret key (tencent.secret_key, PORTRAITD_SECRET_KEY). docs/reconciling.md tells the rules.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    app: App,
    #[command(flatten)]
    whom: Whom,
    /// With --all: from the beginning, also where the last run was interrupted
    #[arg(long)]
    anew: bool,
    /// Record nothing, only say what differs
    #[arg(long)]
    dry_run: bool,
    /// How long a callback may be under way, in seconds [default: reconcile.grace]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=86_400))]
    grace: Option<u64>,
    /// One JSON object for each difference that is told, and one for the summary
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Whom {
    /// This account (From_Account), also if the log does not know it, or not any more; may be repeated
    #[arg(long)]
    account: Vec<String>,
    /// All accounts that the log knows
    #[arg(long)]
    all: bool,
    /// Accounts with entries received at or after this time: RFC 3339, or a date (UTC)
    #[arg(long, value_parser = time)]
    since: Option<Millis>,
}

pub(super) async fn run(loaded: Loaded, arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { app, whom, anew, dry_run, grace, json } = arguments;
    let client = app.client(&loaded)?;
    let app = client.sdk_app_id();
    let mark = Mark { app: i64::try_from(app).unwrap_or_default(), name: "command" };
    let mut accounts = whom.account;
    accounts.sort_unstable();
    accounts.dedup();
    if accounts.iter().any(|account| account.is_empty() || account.contains('\0')) {
        return Err(ConfigError("--account: no account is named so".to_owned()).into());
    }
    if anew && !whom.all {
        return Err(ConfigError("--anew goes with --all: nothing else is gone on with".to_owned()).into());
    }
    let named = accounts.len() as u64;
    let target = if accounts.len() == 1 { accounts[0].clone() } else { "*".to_owned() };
    let config = &loaded.config.reconcile;
    let grace = grace.map_or(config.grace.0, Duration::from_secs);
    let settings = Settings { tags: config.tags.clone(), grace, dry_run };

    let store = store_to_operate(&loaded).await?;
    record(&store, &target, app, dry_run).await?;
    let (which, after) = match whom.since {
        Some(since) => (Which::Since(since), String::new()),
        None if !whom.all => (Which::Named(accounts), String::new()),
        None if dry_run => (Which::All(None), String::new()),
        None => begin(&store, mark, anew).await?,
    };
    let mut teller = Teller { bar: bar(named), looked: 0, app, dry_run, json };
    let mut tell = |news: News<'_>| teller.tell(&news);
    let (clock, dir) = (Clock::system(), loaded.config.spool.dir.clone());
    let is_spooled = move || is_spooled(&dir);
    let run = Run {
        store: &store,
        client: &client,
        clock: &clock,
        settings: &settings,
        is_spooled: &is_spooled,
        tell: &mut tell,
    };
    let done = tokio::select! {
        done = run.reconcile(&which, &after) => done.map_err(anyhow::Error::from),
        _ = ctrl_c() => Err(anyhow!("interrupted")),
    };
    teller.bar.finish_and_clear();
    let summary = done.with_context(|| {
        let again = match which {
            Which::All(Some(_)) => "run it again, it goes on where it was",
            _ => "run it again",
        };
        format!("not all accounts are reconciled, {} were looked at; {again}", teller.looked)
    })?;
    if let Which::All(Some(round)) = which {
        store.end_mark(round).await?;
    }
    print(&told(&summary, dry_run, json)?)?;
    match summary.failed {
        0 => Ok(()),
        failed => bail!("{failed} accounts could not be reconciled; run it again for them"),
    }
}

async fn record(store: &Store, target: &str, app: u64, dry_run: bool) -> anyhow::Result<()> {
    let details = format!("app={app}{}", if dry_run { "&dry_run" } else { "" });
    let row = Access { who: &whoami(), action: "reconcile", target, details: Some(&details) };
    store.record_access(row).await.context("nothing is reconciled, because it could not be recorded in access_log")
}

/// All accounts, and after which it begins.
async fn begin(store: &Store, mark: Mark, anew: bool) -> anyhow::Result<(Which, String)> {
    let (mut round, mut after) = begun(store, mark).await?;
    if !after.is_empty() && anew {
        store.end_mark(round).await?;
        (round, after) = begun(store, mark).await?;
    }
    if !after.is_empty() {
        eprintln!("going on after {after:?}, where the last run was interrupted (--anew begins at the first account)");
    }
    Ok((Which::All(Some(round)), after))
}

async fn begun(store: &Store, mark: Mark) -> anyhow::Result<(Round, String)> {
    store
        .begin_mark(mark, Due::NOW)
        .await?
        .context("how far it has come could not be noted in reconciliations; try again")
}

/// A folder that is not there, or cannot be looked into, is none of this machine's.
fn is_spooled(dir: &Path) -> bool {
    dir.is_dir() && look(dir).is_ok_and(|waiting| waiting.oldest.is_some())
}

fn bar(named: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    match (named, ProgressStyle::with_template("{wide_bar} {pos}/{len} accounts, {msg}")) {
        (1.., Ok(style)) => ProgressBar::new(named).with_style(style),
        _ => ProgressBar::new_spinner(),
    }
}

/// Tells what there is to tell: differences on stdout, all else on stderr.
struct Teller {
    bar: ProgressBar,
    looked: u64,
    app: u64,
    dry_run: bool,
    json: bool,
}

impl Teller {
    fn tell(&mut self, news: &News<'_>) {
        if let News::Looked(accounts) = news {
            self.looked = *accounts;
        }
        match news {
            News::Looked(accounts) if self.bar.length().is_some() => self.bar.set_position(*accounts),
            News::Looked(accounts) => {
                self.bar.set_message(format!("{accounts} accounts looked at"));
                self.bar.tick();
            }
            News::Found { account, differences } => {
                for difference in differences.iter().filter(|difference| self.dry_run || difference.is_missed()) {
                    let line = self.line(account, difference);
                    // Whoever reads no more still has what is recorded.
                    let _ = self.bar.suspend(|| print(&line));
                }
            }
            News::Unsettled { account } => {
                self.say(&format!("{}: goes on changing, nothing more is recorded of it", visible(account)))
            }
            News::Unknown { account } => self.say(&format!("{}: Tencent has no such account", visible(account))),
            News::Failed { account, error } => self.say(&format!("{}: {error}", visible(account))),
            News::LeftOut { tag, why } => self.say(&format!("{} is not asked for: {why}", visible(tag))),
            News::WaitingForSpool => {
                self.say("waiting for callbacks in the spool to be recorded (portraitd spool status)")
            }
        }
    }

    fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    fn line(&self, account: &str, difference: &Difference) -> String {
        let Difference { tag, value, known } = difference;
        let kind = if known.is_some() { "reconcile" } else { "baseline" };
        if self.json {
            let raw = |json: &str| RawValue::from_string(json.to_owned()).ok();
            let log = known.as_ref().and_then(|known| raw(&known.value));
            let line = json!({"app": self.app, "account": account, "tag": tag, "kind": kind, "recorded": !self.dry_run,
                "log": log, "tencent": raw(value)});
            return format!("{line}\n");
        }
        let (account, tag, value) = (visible(account), visible(tag), visible(value));
        match known {
            Some(known) => format!("{account}  {tag}: the log has {}, Tencent has {value}\n", visible(&known.value)),
            None => format!("{account}  {tag}: the log has none, Tencent has {value}\n"),
        }
    }
}

fn told(summary: &Summary, dry_run: bool, json: bool) -> anyhow::Result<String> {
    if json {
        return Ok(format!("{}\n", serde_json::to_string(summary)?));
    }
    let Summary { accounts, baselines, missed, unsettled, unknown, failed } = summary;
    Ok(format!(
        "{accounts} accounts looked at: {missed} changes missed, {baselines} values seen for the first time, {unsettled} accounts \
         unsettled, {unknown} unknown to Tencent, {failed} failed{}\n",
        if dry_run { "; nothing is recorded (--dry-run)" } else { "" }
    ))
}
