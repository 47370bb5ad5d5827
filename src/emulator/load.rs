//! Load: callbacks at a fixed rate, whatever the receiver does, and what became of them. Times count from when a callback was
//! due, so that a receiver that stalls does not look fast.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::Client;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::SOMEWHERE;
use super::faults::Plan;
use super::fire::{Answer, Verdict, body, post};
use super::model::{Change, Item};
use super::options::Options;

/// Callbacks under way at a time; one more counts as failed.
const UNDER_WAY: usize = 2048;
/// The most callbacks of a run; every one's time is kept.
const MAX_CALLBACKS: u64 = 10_000_000;

/// What is fired.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Callbacks a second.
    pub rate: u32,
    /// Accounts they are of.
    pub accounts: u32,
    /// For how long.
    pub duration: Duration,
}

/// What became of it.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Callbacks that were due.
    pub due: u64,
    /// Answered 200, OK/0.
    pub ok: u64,
    /// Answered otherwise.
    pub refused: u64,
    /// No answer within 2 s.
    pub timed_out: u64,
    /// No connection, or too many under way.
    pub failed: u64,
    /// An answer or a failure that was not OK.
    pub example: Option<String>,
    /// Microseconds from when it was due, of those answered, ascending.
    micros: Vec<u32>,
}

impl Report {
    /// The time within which `share` of the answers came.
    pub fn percentile(&self, share: f64) -> Duration {
        let at = (self.micros.len() as f64 * share).ceil() as usize;
        Duration::from_micros(self.micros.get(at.saturating_sub(1)).copied().unwrap_or_default().into())
    }

    /// How many were answered, OK or not.
    pub fn answered(&self) -> usize {
        self.micros.len()
    }

    /// Whether every callback was answered OK.
    pub fn is_clean(&self) -> bool {
        self.ok == self.due
    }

    /// How many answers took at most this long, for each of these.
    pub fn histogram(&self, bounds: &[Duration]) -> Vec<usize> {
        bounds
            .iter()
            .map(|bound| self.micros.partition_point(|micros| u128::from(*micros) <= bound.as_micros()))
            .collect()
    }

    fn count(&mut self, answer: &Answer, took: Duration) {
        match answer.verdict {
            Verdict::Ok => self.ok += 1,
            Verdict::Refused => self.refused += 1,
            Verdict::TimedOut => self.timed_out += 1,
            Verdict::Failed => self.failed += 1,
        }
        if answer.verdict != Verdict::Ok && self.example.is_none() {
            self.example =
                Some(answer.status.map_or(answer.text.clone(), |status| format!("{status}: {}", answer.text)));
        }
        if answer.status.is_some() {
            self.micros.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        }
    }
}

/// Fires until it is over; `progress` hears how many were due so far.
pub async fn run(options: &Options, load: Load, progress: impl Fn(u64)) -> anyhow::Result<Report> {
    options.check()?;
    let target = Arc::new(options.target().context("--callback-url: say where the callbacks go")?);
    let due = (u128::from(load.rate) * load.duration.as_millis() / 1000).try_into().unwrap_or(u64::MAX);
    if due == 0 || due > MAX_CALLBACKS || load.accounts == 0 {
        bail!("--rate and --duration must come to 1 to {MAX_CALLBACKS} callbacks, of at least one account");
    }
    let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).http1_only().build()?;
    let (room, start) = (Arc::new(Semaphore::new(UNDER_WAY)), Instant::now());
    let first = options.clock.now();
    let (mut report, mut under_way) = (Report { due, ..Report::default() }, JoinSet::new());
    for number in 0..due {
        let at = start + Duration::from_secs_f64(number as f64 / f64::from(load.rate));
        sleep_until(at).await;
        progress(number + 1);
        while let Some(Ok((answer, took))) = under_way.try_join_next() {
            report.count(&answer, took);
        }
        let Ok(seat) = room.clone().try_acquire_owned() else {
            report.failed += 1;
            report.example.get_or_insert_with(|| format!("{UNDER_WAY} callbacks were under way"));
            continue;
        };
        let change = change(number, load.accounts, first);
        let url = target.url_for(&change, &Plan::default(), options.clock.now());
        let client = client.clone();
        under_way.spawn(async move {
            let answer = post(&client, &url, body(&change, false).into()).await;
            drop(seat);
            (answer, at.elapsed())
        });
    }
    while let Some(joined) = under_way.join_next().await {
        let (answer, took) = joined?;
        report.count(&answer, took);
    }
    report.micros.sort_unstable();
    Ok(report)
}

/// Different from all others of the run: `first` and the number make the EventTime.
fn change(number: u64, accounts: u32, first: i64) -> Change {
    let account = format!("load{}", number % u64::from(accounts));
    let nick = Item { tag: "Tag_Profile_IM_Nick".to_owned(), value: json!(format!("nick {number}")) };
    Change {
        operator: account.clone(),
        account,
        platform: "Android".to_owned(),
        client_ip: SOMEWHERE.to_owned(),
        event_time: first + i64::try_from(number / u64::from(accounts)).unwrap_or_default(),
        items: vec![nick],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_time_within_which_that_share_came() {
        let report = Report { micros: (1..=100).collect(), ..Report::default() };
        for (share, micros) in [(0.5, 50), (0.9, 90), (0.99, 99), (1.0, 100), (0.001, 1)] {
            assert_eq!(report.percentile(share), Duration::from_micros(micros));
        }
        assert_eq!(Report::default().percentile(0.5), Duration::ZERO);
        assert_eq!(report.histogram(&[Duration::from_micros(10), Duration::from_millis(1)]), [10, 100]);
    }
}
