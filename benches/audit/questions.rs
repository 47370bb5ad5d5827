//! What people ask, each kind many times with other names and times, over one kept connection.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use portraitd::protocol::time::rfc3339;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;

use crate::load::p99;
use crate::log::{self, OPERATORS, Span};
use crate::options::Options;
use crate::program::Program;
use crate::report::{Report, show};

const KINDS: [&str; 8] = [
    "the newest changes",
    "one account",
    "one account and tag",
    "one operator",
    "an hour",
    "an hour long ago, of one tag",
    "a profile at a time",
    "a tag that nobody has (a short page)",
];
const ASKED: Duration = Duration::from_millis(25);

/// A kind of question: the p99 of its first page, and of the page after that.
pub struct Times(Vec<(Duration, Option<Duration>)>);

pub async fn ask(service: &Program, span: &Span, count: usize) -> anyhow::Result<Times> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut random = StdRng::seed_from_u64(7);
    let mut all = Vec::new();
    for kind in KINDS {
        let (mut first, mut next) = (Vec::new(), Vec::new());
        for round in 0..count + count / 10 {
            let question = question(kind, span, &mut random);
            let (answer, took) = get(&client, service, &question).await?;
            let Some(cursor) = answer["next_cursor"].as_str() else {
                first.extend((round >= count / 10).then_some(took));
                continue;
            };
            let (_, took_next) = get(&client, service, &format!("{question}&cursor={cursor}")).await?;
            // The first tenth warms up.
            if round >= count / 10 {
                first.push(took);
                next.push(took_next);
            }
        }
        let next = (!next.is_empty()).then(|| p99(next));
        eprintln!("{} callbacks, {kind}: {}", span.entries, show(p99(first.clone())));
        all.push((p99(first), next));
    }
    Ok(Times(all))
}

fn question(kind: &str, span: &Span, random: &mut StdRng) -> String {
    let number = random.random_range(0..span.entries);
    let account = format!("user{:07}", log::account(number, span));
    let at = span.begin + random.random_range(0..i64::try_from(span.entries).unwrap_or(1)) * 1000;
    let hour = format!("since={}&until={}", rfc3339(at), rfc3339(at + 3_600_000));
    match kind {
        "the newest changes" => "/api/v1/changes?limit=50".to_owned(),
        "one account" => format!("/api/v1/changes?account={account}&limit=4"),
        "one account and tag" => format!("/api/v1/changes?account={account}&tag=Tag_Profile_IM_Nick&limit=1"),
        "one operator" => format!("/api/v1/changes?operator=support{:02}", random.random_range(0..OPERATORS)),
        "an hour" => format!("/api/v1/changes?{hour}"),
        "an hour long ago, of one tag" => format!("/api/v1/changes?{hour}&tag=Tag_Profile_IM_Gender&limit=20"),
        "a profile at a time" => format!("/api/v1/accounts/{account}/profile?at={}", rfc3339(at)),
        _ => "/api/v1/changes?tag=Tag_Profile_Custom_Nobody".to_owned(),
    }
}

async fn get(client: &reqwest::Client, service: &Program, question: &str) -> anyhow::Result<(Value, Duration)> {
    let begun = Instant::now();
    let answer = client.get(format!("http://{}{question}", service.private)).send().await?;
    let (status, text) = (answer.status(), answer.text().await?);
    let took = begun.elapsed();
    ensure!(status == 200 || status == 404, "{question}: {status}: {text}");
    Ok((serde_json::from_str(&text).context("JSON")?, took))
}

pub fn compare(small: &Times, large: &Times, options: &Options, report: &mut Report) {
    for (kind, (small, large)) in KINDS.iter().zip(small.0.iter().zip(&large.0)) {
        let title = format!("{kind}, {} changes", options.large * 4);
        let pages = [("p99 of the first page", Some(small.0), Some(large.0)), ("p99 of the next", small.1, large.1)];
        for (what, small, large) in pages {
            let (Some(small), Some(large)) = (small, large) else { continue };
            report.below(&title, what, ASKED, large);
            let ratio = large.as_secs_f64() / small.as_secs_f64();
            let asked = format!("<= 1.50 × that of {} changes", options.small * 4);
            report.promise(&title, "", &asked, format!("{ratio:.2} × {}", show(small)), ratio <= 1.5);
        }
    }
}
