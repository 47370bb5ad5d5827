//! `allowlist`: where Tencent's callbacks come from, for `receiver.allowlist`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use clap::Args;

use super::output::print;
use super::tencent::App;
use crate::config::{ConfigError, Loaded};

/// Ask Tencent which addresses callbacks come from
///
/// The list changes: run this from cron. With --write it replaces the file that receiver.allowlist names, in one step; a running
/// service reads it within a second. A list that could not be had, or is empty, leaves the file as it is.
///
/// Examples:
///   portraitd allowlist
///   portraitd allowlist --nettype 6 --write
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// Which: 5 for callbacks to servers in China and Hong Kong, 6 for those elsewhere [default: both]
    #[arg(long, value_parser = clap::value_parser!(u8).range(5..=6))]
    nettype: Option<u8>,
    /// Write it to the file of receiver.allowlist
    #[arg(long)]
    write: bool,
    #[command(flatten)]
    app: App,
}

pub(super) async fn run(loaded: Loaded, arguments: Arguments) -> anyhow::Result<()> {
    let file = loaded.config.receiver.allowlist.as_deref();
    if arguments.write && file.is_none() {
        return Err(ConfigError("receiver.allowlist: names no file to write to".to_owned()).into());
    }
    let client = arguments.app.client(&loaded)?;
    let mut networks = BTreeSet::new();
    for nettype in arguments.nettype.map_or(vec![5, 6], |nettype| vec![nettype]) {
        networks.extend(client.ip_list(nettype).await?);
    }
    if networks.is_empty() {
        bail!("Tencent names no address");
    }
    let list: String = networks.iter().map(|network| format!("{network}\n")).collect();
    match file.filter(|_| arguments.write) {
        Some(file) => {
            replace(file, &list).with_context(|| format!("cannot write {}", file.display()))?;
            eprintln!("{}: {} entries", file.display(), networks.len());
            Ok(())
        }
        None => print(&list),
    }
}

/// In one step: nobody reads half a list.
fn replace(path: &Path, list: &str) -> std::io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let mut part = File::create(&name)?;
    part.write_all(format!("# Tencent's callback addresses, by `portraitd allowlist`\n{list}").as_bytes())?;
    part.sync_all()?;
    if let Ok(before) = path.metadata() {
        part.set_permissions(before.permissions())?;
    }
    std::fs::rename(&name, path)
}
