//! `--load`: callbacks at a fixed rate; a report on stdout; exit code 1 unless all were answered OK.

use std::time::Duration;

use anyhow::bail;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::output::{print, shortened};
use crate::config::{ConfigError, Every};
use crate::emulator::load::{self, Load, Report};
use crate::emulator::{Faults, Options};

const BOUNDS_MS: [u64; 9] = [1, 2, 5, 10, 20, 50, 100, 500, 2000];
const BAR: usize = 40;

#[derive(Args)]
#[group(skip)]
#[command(next_help_heading = "Load")]
pub(super) struct Arguments {
    /// Instead of listening, fire callbacks at --callback-url at a fixed rate, whatever it does, and report; exit code 1
    /// unless all were answered OK
    #[arg(long)]
    load: bool,
    /// Callbacks a second
    #[arg(long, value_name = "NUMBER", default_value_t = 100, requires = "load", value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// Accounts they are of
    #[arg(long, value_name = "NUMBER", default_value_t = 100, requires = "load", value_parser = clap::value_parser!(u32).range(1..))]
    accounts: u32,
    /// For how long: a number and s, m or h
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time, requires = "load")]
    duration: Duration,
}

fn time(text: &str) -> Result<Duration, &'static str> {
    Every::try_from(text.to_owned()).map(|Every(time)| time)
}

impl Arguments {
    pub fn is_asked_for(&self) -> bool {
        self.load
    }

    pub async fn run(&self, options: &Options) -> anyhow::Result<()> {
        if options.faults != Faults::default() || options.file.is_some() {
            return Err(ConfigError("--load knows neither faults nor --file: leave them out".to_owned()).into());
        }
        let Arguments { rate, accounts, duration, .. } = *self;
        let due = (u128::from(rate) * duration.as_millis() / 1000).try_into().unwrap_or(u64::MAX);
        let bar = ProgressBar::new(due)
            .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} callbacks, {per_sec}, {eta} left")?);
        let report = load::run(options, Load { rate, accounts, duration }, |done| bar.set_position(done)).await?;
        bar.finish_and_clear();
        print(&shown(&report))?;
        if !report.is_clean() {
            bail!("{} of {} callbacks were not answered OK", report.due - report.ok, report.due);
        }
        Ok(())
    }
}

/// How many of those answered took how long.
fn histogram(report: &Report) -> String {
    let within = report.histogram(&BOUNDS_MS.map(Duration::from_millis));
    let (mut text, mut before) = (String::new(), 0);
    let mut row = |bound: String, within: usize| {
        let bar = "#".repeat(((within - before) * BAR).div_ceil(report.answered()));
        text.push_str(format!("{bound:>7} ms  {:>8}  {bar}", within - before).trim_end());
        text.push('\n');
        before = within;
    };
    for (bound, within) in BOUNDS_MS.iter().zip(within) {
        row(format!("≤ {bound}"), within);
    }
    if let Some(last) = BOUNDS_MS.last() {
        row(format!("> {last}"), report.answered());
    }
    text
}

fn shown(report: &Report) -> String {
    let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
    let mut text = format!(
        "callbacks  {} due, {} OK, {} refused, {} timed out, {} failed\n",
        report.due, report.ok, report.refused, report.timed_out, report.failed,
    );
    if report.answered() > 0 {
        let [p50, p90, p99, max] = [0.5, 0.9, 0.99, 1.0].map(|share| ms(report.percentile(share)));
        text.push_str(&format!("latency    p50 {p50}, p90 {p90}, p99 {p99}, max {max}\n"));
        text.push_str(&histogram(report));
    }
    if let Some(example) = &report.example {
        text.push_str(&format!("not OK     for instance {}\n", shortened(example, 200)));
    }
    text
}
