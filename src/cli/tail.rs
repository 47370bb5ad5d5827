//! `tail`: changes as they are recorded, until Ctrl-C or until nobody reads them any more.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use clap::Args;

use super::filter::Filter;
use super::output::{shortened, value, visible};
use super::reader::store_to_read;
use crate::config::Loaded;
use crate::protocol::time::rfc3339;
use crate::store::{Change, ChangeFilter, Paging, Place, Tail};

/// How often the log is looked at.
const POLL: Duration = Duration::from_millis(500);
/// Changes read at a time.
const AT_ONCE: u32 = 500;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    filter: Filter,
    /// So many of the newest first
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=1000))]
    limit: u32,
    /// Go on after this change: its seq and ordinal, such as 1234.0
    #[arg(long, value_name = "SEQ.ORDINAL", conflicts_with = "limit")]
    after: Option<Place>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(loaded: Loaded, arguments: Arguments) -> anyhow::Result<()> {
    let asked = arguments.filter.asked();
    let store = store_to_read(&loaded, "changes.stream", arguments.filter.account(), &asked).await?;
    let filter = ChangeFilter::from(arguments.filter);
    let after = match arguments.after {
        Some(place) => place,
        None => {
            let end = store.end().await?;
            if arguments.limit > 0 {
                let newest = Paging { after: Some(end), ..Paging::newest(arguments.limit) };
                let mut before = store.changes(&filter, newest).await?.items;
                before.reverse();
                if !show(&before, arguments.json)? {
                    return Ok(());
                }
            }
            end
        }
    };
    let mut tail = Tail::new(filter, after);
    loop {
        let changes = tail.next(&store, AT_ONCE).await?;
        if changes.is_empty() {
            tokio::time::sleep(POLL).await;
        } else if !show(&changes, arguments.json)? {
            return Ok(());
        }
    }
}

/// Whether somebody reads them.
fn show(changes: &[Change], as_json: bool) -> anyhow::Result<bool> {
    let mut lines = String::new();
    for change in changes {
        match as_json {
            true => lines.push_str(&serde_json::to_string(change)?),
            false => lines.push_str(&line(change)),
        }
        lines.push('\n');
    }
    let mut out = std::io::stdout().lock();
    match out.write_all(lines.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        done => Ok(done.map(|()| true)?),
    }
}

fn line(change: &Change) -> String {
    let text = |text: &Option<String>| text.as_deref().map(visible).unwrap_or_default();
    let by = match &change.operator {
        Some(operator) if change.operator != change.account => format!(" by {}", visible(operator)),
        _ => String::new(),
    };
    let old = change.old.as_deref().map(|old| format!("{} ", shortened(old, 200))).unwrap_or_default();
    format!(
        "{}.{} {} {} {}{by} {} {old}→ {}",
        change.seq,
        change.ordinal,
        rfc3339(change.received_at.0),
        change.app,
        text(&change.account),
        visible(&change.tag),
        value(change.new.as_deref())
    )
}
