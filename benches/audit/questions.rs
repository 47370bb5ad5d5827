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

/// A log, and the program that answers for it.
pub struct Log {
    pub span: Span,
    pub service: Program,
}

/// How long one kind of question took, and the page after that.
#[derive(Default)]
struct Times {
    first: Vec<Duration>,
    next: Vec<Duration>,
}

/// Asks both logs in turn, so that both see the same machine: a busy neighbour comes and goes.
pub async fn compare(small: &Log, large: &Log, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut random = StdRng::seed_from_u64(7);
    // Until every kept connection has planned every statement.
    for _ in 0..options.questions / 10 {
        for kind in KINDS {
            for log in [small, large] {
                ask(&client, log, kind, &mut random, &mut Times::default()).await?;
            }
        }
    }
    for kind in KINDS {
        let mut times: [Times; 2] = Default::default();
        for _ in 0..options.questions {
            for (log, times) in [small, large].into_iter().zip(&mut times) {
                ask(&client, log, kind, &mut random, times).await?;
            }
        }
        let title = format!("{kind}, {} changes", options.large * 4);
        let [small, large] = times;
        let pages = [
            (["p99 of the first page", "its median"], small.first, large.first),
            (["p99 of the next page", "its median"], small.next, large.next),
        ];
        for (names, small, large) in pages {
            if !large.is_empty() {
                judge(&title, names, [small, large], options, report);
            }
        }
    }
    Ok(())
}

fn judge(
    title: &str,
    [high, middle]: [&'static str; 2],
    [small, large]: [Vec<Duration>; 2],
    options: &Options,
    report: &mut Report,
) {
    let ratio = |of: fn(Vec<Duration>) -> Duration| {
        let (small, large) = (of(small.clone()), of(large.clone()));
        (large.as_secs_f64() / small.as_secs_f64(), format!("{} against {}", show(large), show(small)))
    };
    eprintln!("{title}: {high} {}, {middle} {}", ratio(p99).1, ratio(median).1);
    report.below(title, high, ASKED, p99(large.clone()));
    let (times, figures) = ratio(p99);
    let asked = format!("<= 1.50 × that of {} changes", options.small * 4);
    report.promise(title, "", &asked, format!("{times:.2} × ({figures})"), times <= 1.5);
    let (times, figures) = ratio(median);
    report.figure(title, middle, format!("{times:.2} × ({figures})"));
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

async fn ask(
    client: &reqwest::Client,
    Log { span, service }: &Log,
    kind: &str,
    random: &mut StdRng,
    times: &mut Times,
) -> anyhow::Result<()> {
    let question = question(kind, span, random);
    let (answer, took) = get(client, service, &question).await?;
    times.first.push(took);
    if let Some(cursor) = answer["next_cursor"].as_str() {
        times.next.push(get(client, service, &format!("{question}&cursor={cursor}")).await?.1);
    }
    Ok(())
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
