//! What the commands share that call the vendor's API: which app, `name=value`, and what failed.

use std::collections::HashSet;

use anyhow::bail;
use clap::Args;

use super::output::{self, print, visible};
use crate::app::client_of;
use crate::config::Loaded;
use crate::tencent::{Client, Error, Limit, PerAccount};

#[derive(Args)]
pub(super) struct App {
    /// SDKAppID; only needed where several apps are configured
    #[arg(long, value_name = "SDKAPPID")]
    pub app: Option<u64>,
}

impl App {
    pub fn client(&self, loaded: &Loaded) -> anyhow::Result<Client> {
        Ok(client_of(&loaded.config, self.app)?)
    }
}

/// `name=value`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("not of the form NAME=VALUE")?;
    if name.is_empty() {
        return Err("no name before =".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// Which of the two was meant, nobody knows.
pub(super) fn once(names: impl IntoIterator<Item = impl ToString>) -> Result<(), Error> {
    let mut seen = HashSet::new();
    match names.into_iter().map(|name| name.to_string()).find(|name| !seen.insert(name.clone())) {
        Some(what) => Err(Limit { what, rule: "is given twice".to_owned() }.into()),
        None => Ok(()),
    }
}

/// Shows what worked; names the accounts that failed, and fails if there are any.
pub(super) fn show<T>(
    results: PerAccount<T>,
    shown: impl FnOnce(Vec<(String, T)>) -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    let (total, mut worked) = (results.len(), Vec::new());
    for (account, result) in results {
        match result {
            Ok(value) => worked.push((account, value)),
            Err(error) => eprintln!("{}: {error}", visible(&account)),
        }
    }
    let failed = total - worked.len();
    print(&shown(worked)?)?;
    if failed > 0 {
        bail!("{failed} of {total} accounts failed");
    }
    Ok(())
}

/// Rows for people; nothing where there is none.
pub(super) fn rows<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = output::table(header);
    table.add_rows(rows);
    if table.is_empty() { String::new() } else { format!("{table}\n") }
}
