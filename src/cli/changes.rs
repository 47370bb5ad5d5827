//! `changes`: who changed what, from what, to what, when.

use clap::Args;

use super::filter::Filter;
use super::output::{self, lines, print, shortened, value, visible};
use super::reader::store_to_read;
use crate::config::Loaded;
use crate::protocol::time::rfc3339;
use crate::store::{Change, ChangeFilter, Paging, Store};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    filter: Filter,
    /// At most so many changes, 1 to 1000
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(loaded: Loaded, arguments: Arguments) -> anyhow::Result<()> {
    let asked = [arguments.filter.asked(), vec![("limit", Some(arguments.limit.to_string()))]].concat();
    let store = store_to_read(&loaded, "changes.read", arguments.filter.account(), &asked).await?;
    let filter = ChangeFilter::from(arguments.filter);
    let changes = newest(&store, &filter, arguments.limit).await?;
    if arguments.json {
        return print(&lines(&changes)?);
    }
    if changes.is_empty() {
        eprintln!("no changes match");
        return Ok(());
    }
    if changes.len() == usize::try_from(arguments.limit).unwrap_or(usize::MAX) {
        eprintln!("the newest {} changes; --limit shows more", arguments.limit);
    }
    print(&table(&changes))
}

/// A page may be short: until there are as many, or no more.
async fn newest(store: &Store, filter: &ChangeFilter, limit: u32) -> anyhow::Result<Vec<Change>> {
    let mut changes = Vec::new();
    let mut after = None;
    loop {
        let left = limit - u32::try_from(changes.len()).unwrap_or(limit);
        let page = store.changes(filter, Paging { after, ..Paging::newest(left) }).await?;
        changes.extend(page.items);
        after = page.next;
        if after.is_none() || changes.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
            return Ok(changes);
        }
    }
}

fn table(changes: &[Change]) -> String {
    let mut table = output::table(["seq", "received (UTC)", "app", "account", "by", "platform", "tag", "old", "→ new"]);
    for change in changes {
        let text = |text: &Option<String>| text.as_deref().map(visible).unwrap_or_default();
        table.add_row([
            format!("{}.{}", change.seq, change.ordinal),
            rfc3339(change.received_at.0),
            change.app.to_string(),
            text(&change.account),
            if change.account.is_some() && change.operator == change.account {
                "self".to_owned()
            } else {
                text(&change.operator)
            },
            text(&change.platform),
            visible(&change.tag),
            change.old.as_deref().map(|old| shortened(old, 200)).unwrap_or_default(),
            value(change.new.as_deref()),
        ]);
    }
    format!("{table}\n")
}
