//! `unreadable`: what came from an authentic sender and could not be recorded.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use comfy_table::{ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};
use serde::Serialize;

use super::output::{print, shortened, visible};
use super::reader::store_to_read;
use crate::config::Loaded;
use crate::protocol::time::rfc3339;
use crate::store::UnreadableRow;

#[derive(Args)]
pub(super) struct Arguments {
    /// At most so many bodies, newest first, 1 to 1000
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// One JSON object a line, bodies whole
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    id: i64,
    first_at: String,
    last_at: String,
    times: i64,
    app: Option<i64>,
    command: Option<&'a str>,
    reason: &'a str,
    auth: &'a str,
    client_ip: Option<&'a str>,
    platform: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

pub(super) async fn run(loaded: Loaded, arguments: Arguments) -> anyhow::Result<()> {
    let asked = [("limit", Some(arguments.limit.to_string()))];
    let store = store_to_read(&loaded, "unreadable.read", None, &asked).await?;
    let rows = store.unreadable(None, arguments.limit).await?;
    if arguments.json {
        let mut lines = String::new();
        for row in &rows {
            lines.push_str(&serde_json::to_string(&line(row))?);
            lines.push('\n');
        }
        return print(&lines);
    }
    if rows.is_empty() {
        eprintln!("nothing unreadable is kept");
        return Ok(());
    }
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["id", "last received (UTC)", "times", "app", "command", "why", "body"]);
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

fn line(row: &UnreadableRow) -> Line<'_> {
    let body = std::str::from_utf8(&row.body).ok();
    Line {
        id: row.id,
        first_at: rfc3339(row.first_at.0),
        last_at: rfc3339(row.last_at.0),
        times: row.times,
        app: row.sdk_app_id,
        command: row.command.as_deref(),
        reason: &row.reason,
        auth: &row.auth,
        client_ip: row.client_ip.as_deref(),
        platform: row.platform.as_deref(),
        body,
        body_base64: body.is_none().then(|| BASE64_STANDARD.encode(&row.body)),
    }
}
