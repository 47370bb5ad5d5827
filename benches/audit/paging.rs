//! Two readers page through the list while callbacks arrive: one back from the newest, one forward to the end.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use crate::load::Open;
use crate::program::Program;
use crate::report::Report;

const PER_SECOND: u64 = 2000;
const CONNECTIONS: usize = 64;
const LIMIT: u64 = 200;

type Place = (i64, i64);

pub async fn run(service: &Program, seconds: u64, report: &mut Report) -> anyhow::Result<()> {
    let title = format!("two readers page while {PER_SECOND} callbacks/s arrive for {seconds} s");
    eprintln!("{title}");
    let begin = newest(service).await?;
    let time = Duration::from_secs(seconds);
    let (load, sending) = Open::start(&service.target(), PER_SECOND, CONNECTIONS, time * 3);
    let stop = async {
        tokio::time::sleep(time).await;
        load.stop();
        sending.await
    };
    let (forward, backward, sent) = tokio::join!(forward(service, begin, time), backward(service, time), stop);
    let (forward, backward, sent) = (forward?, backward?, sent?.acknowledged.len());
    // What arrived while they read, as it is in the log: two items a callback.
    let last = newest(service).await?;
    let expected = 2 * usize::try_from(last.0 - begin.0)?;
    report.figure(&title, "changes that arrived", expected);
    report.none(&title, "callbacks acknowledged and not in the log", sent.saturating_sub(expected / 2));
    report.none(&title, "seen twice by the reader that goes forward", forward.len() - set(&forward).len());
    report.none(&title, "missed by it", expected.saturating_sub(set(&forward).len()));
    report.figure(&title, "changes the reader that goes back has read", backward.len());
    report.none(&title, "seen twice by it", backward.len() - set(&backward).len());
    report.none(&title, "missed by it", missed(&backward));
    Ok(())
}

fn set(places: &[Place]) -> HashSet<Place> {
    places.iter().copied().collect()
}

/// Sequences left out between the first and the last that were seen: every entry has items.
fn missed(places: &[Place]) -> usize {
    let seqs: HashSet<i64> = places.iter().map(|place| place.0).collect();
    let span = seqs.iter().max().zip(seqs.iter().min()).map_or(0, |(high, low)| high - low + 1);
    usize::try_from(span).unwrap_or(0) - seqs.len()
}

async fn newest(service: &Program) -> anyhow::Result<Place> {
    let (places, _) = page(service, "limit=1").await?;
    places.first().copied().context("the log is empty")
}

async fn page(service: &Program, query: &str) -> anyhow::Result<(Vec<Place>, Option<String>)> {
    let url = format!("http://{}/api/v1/changes?{query}", service.private);
    let text = reqwest::Client::builder().no_proxy().build()?.get(url).send().await?.error_for_status()?.text().await?;
    let page: Value = serde_json::from_str(&text)?;
    let place = |item: &Value| Some((item["seq"].as_i64()?, item["ordinal"].as_i64()?));
    let places = page["items"].as_array().context("items")?.iter().filter_map(place).collect();
    Ok((places, page["next_cursor"].as_str().map(str::to_owned)))
}

/// Until nothing has come for a while.
async fn forward(service: &Program, begin: Place, time: Duration) -> anyhow::Result<Vec<Place>> {
    let (mut seen, mut cursor) = (Vec::new(), format!("{}.{}", begin.0, begin.1));
    let begun = tokio::time::Instant::now();
    loop {
        let (places, next) = page(service, &format!("order=asc&limit={LIMIT}&cursor={cursor}")).await?;
        if let Some((seq, ordinal)) = places.last() {
            cursor = format!("{seq}.{ordinal}");
        } else if begun.elapsed() > time + Duration::from_secs(2) {
            return Ok(seen);
        }
        cursor = next.unwrap_or(cursor);
        seen.extend(places);
    }
}

/// As far as it gets in that time.
async fn backward(service: &Program, time: Duration) -> anyhow::Result<Vec<Place>> {
    let (mut seen, mut query) = (Vec::new(), format!("limit={LIMIT}"));
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < time {
        let (places, next) = page(service, &query).await?;
        seen.extend(places);
        let Some(next) = next else { break };
        query = format!("limit={LIMIT}&cursor={next}");
    }
    Ok(seen)
}
