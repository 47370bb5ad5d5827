//! A handler that does nothing but leave a record of each call, and what the records say.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portraitd::{Context, Outcome, ProfileChange, ProfileHandler, async_trait};

/// One call.
pub struct Record {
    /// Microseconds.
    pub handled_at: i64,
    /// Milliseconds.
    pub received_at: i64,
    pub epoch: i64,
    pub seq: i64,
    pub account: String,
}

/// Writes a line a call, at once: nothing is lost by a SIGKILL.
pub struct Recorder(File);

impl Recorder {
    pub fn new(path: &Path) -> std::io::Result<Self> {
        Ok(Recorder(OpenOptions::new().create(true).append(true).open(path)?))
    }
}

#[async_trait]
impl ProfileHandler for Recorder {
    async fn handle(&self, change: &ProfileChange, cx: &Context) -> Outcome {
        let ProfileChange { received_at, seq, account, .. } = change;
        let line = format!("{} {received_at} {} {seq} {account}\n", micros(), cx.epoch());
        match (&self.0).write_all(line.as_bytes()) {
            Ok(()) => Outcome::Done,
            Err(error) => cx.retry(error),
        }
    }
}

pub fn micros() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}

/// The records of a file, whole lines only; none where it is not there.
pub fn read(path: &Path) -> Vec<Record> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().filter_map(record).collect()
}

fn record(line: &str) -> Option<Record> {
    let mut words = line.split(' ');
    let mut number = || words.next()?.parse().ok();
    let (handled_at, received_at, epoch, seq) = (number()?, number()?, number()?, number()?);
    Some(Record { handled_at, received_at, epoch, seq, account: words.next()?.to_owned() })
}

/// Waits until the files hold so many records, not longer than the limit.
pub async fn wait_for(paths: &[&Path], count: usize, limit: Duration) -> bool {
    let until = tokio::time::Instant::now() + limit;
    loop {
        let lines = |path: &&Path| std::fs::read(path).unwrap_or_default().iter().filter(|b| **b == b'\n').count();
        if paths.iter().map(lines).sum::<usize>() >= count {
            return true;
        }
        if tokio::time::Instant::now() > until {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// From receipt to the handler's call, by the same machine's clock.
pub fn delays(records: &[Record]) -> Vec<Duration> {
    let delay = |record: &Record| record.handled_at - record.received_at * 1000;
    records.iter().map(|record| Duration::from_micros(u64::try_from(delay(record)).unwrap_or(0))).collect()
}
