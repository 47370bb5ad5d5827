//! `unreadable`: what came from an authentic sender and could not be recorded.

use clap::Args;

use super::output::{lines, print, shortened, table, visible};
use super::reader::store_to_read;
use crate::config::Loaded;
use crate::protocol::time::rfc3339;

#[derive(Args)]
pub(super) struct Arguments {
    /// At most so many bodies, newest first, 1 to 1000
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// One JSON object a line, bodies whole
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(loaded: Loaded, arguments: Arguments) -> anyhow::Result<()> {
    let asked = [("limit", Some(arguments.limit.to_string()))];
    let store = store_to_read(&loaded, "unreadable.read", None, &asked).await?;
    let rows = store.unreadable(None, arguments.limit).await?;
    if arguments.json {
        return print(&lines(&rows)?);
    }
    if rows.is_empty() {
        eprintln!("nothing unreadable is kept");
        return Ok(());
    }
    let mut table = table(["id", "last received (UTC)", "times", "app", "command", "why", "body"]);
    for row in &rows {
        table.add_row([
            row.id.to_string(),
            rfc3339(row.last_at.0),
            row.times.to_string(),
            row.sdk_app_id.map(|app| app.to_string()).unwrap_or_default(),
            row.command.as_deref().map(visible).unwrap_or_default(),
            visible(&row.reason),
            shortened(&String::from_utf8_lossy(&row.body), 200),
        ]);
    }
    print(&format!("{table}\n"))
}
