//! `doctor`: looks at everything a service depends on and says what would break, before it breaks. Changes nothing.

mod files;
mod findings;
mod outward;
mod place;
mod probe;
mod rules;

use anyhow::bail;
use clap::Args;
use secrecy::ExposeSecret;

use crate::clock::Clock;
use crate::config::Loaded;
use crate::store::{Open, Store, StoreError};
use findings::Findings;

/// Look for what would go wrong: configuration, store, clock, spool, handlers, Tencent's API, callback URL
///
/// Prints a line for each thing it looked at: ok, warn (deserves a thought) or fail (breaks a promise), with what to do.
/// Changes nothing. Exits 1 if anything failed. Each app's secret key is tried with one question to Tencent's API.
///
/// With --url it plays the console's check through the public URL, as Chat would: DNS, certificate, Sign, answer, time.
#[derive(Args)]
pub(super) struct Arguments {
    /// Also ask through this URL, or without a value through receiver.public_url
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    url: Option<String>,
    /// The URL that the console has now, if it is to be replaced: it refuses some changes of port
    #[arg(long, value_name = "URL")]
    current_url: Option<String>,
}

pub(super) async fn run(loaded: Loaded, arguments: Arguments) -> anyhow::Result<()> {
    let config = &loaded.config;
    let mut findings = Findings::default();
    findings.section("configuration");
    for warning in &loaded.warnings {
        findings.warn(warning.clone(), "");
    }
    match &loaded.unfit_to_serve {
        Some(why) => findings.fail("apps", why),
        None => findings.ok(format!("{} apps", config.apps.len())),
    }
    files::look(config, &mut findings);

    findings.section("store");
    let window = i64::from(config.receiver.sign_window_secs) * 1000;
    let store_url = config.store.url.expose_secret();
    match look_at_store(store_url, config.store.retention_days, &mut findings).await {
        Ok(Some(theirs)) => findings.clock("the database's clock", theirs, Clock::system().now(), window),
        Ok(None) => {}
        Err(error) => findings.fail("store", &format!("{error}; without it callbacks go to the spool")),
    }

    findings.section("spool");
    place::look_at_spool(&config.spool, store_url, &mut findings);

    outward::look(config, &mut findings).await;

    findings.section("callback URL");
    let asked = arguments.url.clone().filter(|url| !url.is_empty());
    let Some(url) = asked.or_else(|| config.receiver.public_url.clone()) else {
        findings.warn("receiver.public_url is not set", "set it to what the console has, then --url can try it");
        if arguments.url.is_some() {
            findings.fail("--url", "there is no URL to try: give one, or set receiver.public_url");
        }
        return summary(&findings);
    };
    rules::check(&url, arguments.current_url.as_deref(), &mut findings);
    if arguments.url.is_some() {
        probe::run(&url, &config.apps, window, &mut findings).await;
    }
    summary(&findings)
}

async fn look_at_store(url: &str, retention: Option<u32>, findings: &mut Findings) -> Result<Option<i64>, StoreError> {
    // Opened all the same, SQLite would leave files behind that may not be written to either.
    if let Some(file) = place::sqlite_file(url)
        && !place::look_at_sqlite(&file, findings)
    {
        return Ok(None);
    }
    let store = Store::open(url, Open::Existing).await?;
    findings.ok(store.location());
    let (conditions, now) = store.conditions().await?;
    for condition in conditions {
        findings.condition(condition);
    }
    if retention.is_some() && !store.may_prune().await? {
        let why =
            "only the owner of the tables may drop what is older: run `portraitd prune` with the owner's DATABASE_URL";
        findings.fail("store.retention_days", why);
    }
    // A reader's SQLite connection may not write, so that only Postgres is asked.
    if now.is_some() {
        match store.check().await {
            Ok(()) => findings.ok("it takes appends"),
            Err(error) => findings.fail("appends", &error.to_string()),
        }
    }
    Ok(now)
}

fn summary(findings: &Findings) -> anyhow::Result<()> {
    super::output::print(&findings.text())?;
    if findings.failed() > 0 {
        bail!("{} of {} checks failed", findings.failed(), findings.count());
    }
    Ok(())
}
