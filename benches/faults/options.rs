//! What to do, and how often.

use anyhow::{bail, ensure};

const HELP: &str = "\
cargo bench --bench faults -- [OPTIONS]

  --only A,B   of kills, outages, replica, slow, flood [all]
  --rounds N   rounds of each that has rounds [100 kills a store, 20 kills of Postgres, 20 outages, 20 freezes, 3 slow]
  --quick      one or two short rounds of each, to see that it works: its figures mean nothing
  --seed N     repeats the random choices of the run that printed it [random]
";

pub const SCENARIOS: [&str; 5] = ["kills", "outages", "replica", "slow", "flood"];

pub struct Options {
    pub only: Vec<String>,
    rounds: Option<usize>,
    pub quick: bool,
    pub seed: u64,
}

impl Options {
    pub fn parse() -> anyhow::Result<Self> {
        let every = SCENARIOS.map(str::to_owned).to_vec();
        let mut options = Options { only: every, rounds: None, quick: false, seed: rand::random() };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| anyhow::anyhow!("{word} needs a value"));
            match word.as_str() {
                // What cargo itself adds.
                "--bench" => {}
                "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
                "--rounds" => options.rounds = Some(value()?.parse()?),
                "--seed" => options.seed = value()?.parse()?,
                "--quick" => options.quick = true,
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
        Ok(options)
    }

    /// How many rounds: as told, or `quick` or `full`.
    pub fn rounds(&self, full: usize, quick: usize) -> usize {
        self.rounds.unwrap_or(if self.quick { quick } else { full })
    }
}
