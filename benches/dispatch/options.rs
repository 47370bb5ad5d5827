//! What to measure, or which part of a measurement this process is.

use std::path::PathBuf;

use anyhow::{bail, ensure};

const HELP: &str = "\
cargo bench --bench dispatch -- [OPTIONS]

  --only A,B    of catchup, steady, beside, owners, outage [all]
  --rounds N    rounds of each that has rounds, medians are shown [3 of catchup and steady, 5 of beside, 10 of owners]
  --entries N   the log that is caught up with [200000]
  --seconds N   how long a load lasts [20]
  --quick       one short round of each, to see that it works: its figures mean little
";

pub const SCENARIOS: [&str; 5] = ["catchup", "steady", "beside", "owners", "outage"];

pub struct Options {
    pub only: Vec<String>,
    pub entries: u64,
    pub seconds: u64,
    rounds: Option<usize>,
    quick: bool,
}

/// What this process is: the benchmark, or one that it starts.
pub enum Role {
    Measure(Options),
    /// The program with so many handlers, which leave their records in the folder or do nothing.
    Serve(PathBuf, usize, bool),
    /// A handler only, on the log at this URL.
    Handle(String, PathBuf),
}

impl Options {
    pub fn rounds(&self, full: usize) -> usize {
        self.rounds.unwrap_or(if self.quick { 1 } else { full })
    }
}

pub fn parse() -> anyhow::Result<Role> {
    let every = SCENARIOS.map(str::to_owned).to_vec();
    let mut options = Options { only: every, entries: 200_000, seconds: 20, rounds: None, quick: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| anyhow::anyhow!("{word} needs a value"));
        match word.as_str() {
            // What cargo itself adds.
            "--bench" => {}
            "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
            "--rounds" => options.rounds = Some(value()?.parse()?),
            "--entries" => options.entries = value()?.parse()?,
            "--seconds" => options.seconds = value()?.parse()?,
            "--quick" => (options.quick, options.entries, options.seconds) = (true, 20_000, 3),
            "--serve" => return Ok(Role::Serve(value()?.into(), value()?.parse()?, value()?.parse()?)),
            "--handle" => return Ok(Role::Handle(value()?, value()?.into())),
            "--help" | "-h" => {
                print!("{HELP}");
                std::process::exit(0);
            }
            other => bail!("unknown option {other}\n\n{HELP}"),
        }
    }
    for name in &options.only {
        ensure!(SCENARIOS.contains(&name.as_str()), "no scenario {name}\n\n{HELP}");
    }
    Ok(Role::Measure(options))
}
