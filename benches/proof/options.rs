//! What to measure.

use anyhow::bail;

const HELP: &str = "\
cargo bench --bench proof -- [OPTIONS]

  --entries N    callbacks of the log of which people are erased; half of it is verified, a quarter on SQLite [1000000]
  --erased N     accounts that are erased, of five entries each [1000]
  --seconds N    how long the answers are timed before, and while somebody reads what is to be pruned [15]
  --only WHAT    verify, erase or prune [all of them]
  --quick        20000 entries, 100 accounts, 3 seconds: its figures mean little
";

pub struct Options {
    pub entries: u64,
    pub erased: u64,
    pub seconds: u64,
    pub only: Option<String>,
}

impl Options {
    pub fn parse() -> anyhow::Result<Self> {
        let mut options = Options { entries: 1_000_000, erased: 1000, seconds: 15, only: None };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| anyhow::anyhow!("{word} needs a value"));
            match word.as_str() {
                // What cargo itself adds.
                "--bench" => {}
                "--entries" => options.entries = value()?.parse()?,
                "--erased" => options.erased = value()?.parse()?,
                "--seconds" => options.seconds = value()?.parse()?,
                "--only" => options.only = Some(value()?),
                "--quick" => (options.entries, options.erased, options.seconds) = (20_000, 100, 3),
                "--help" | "-h" => {
                    print!("{HELP}");
                    std::process::exit(0);
                }
                other => bail!("unknown option {other}\n\n{HELP}"),
            }
        }
        match options.only.as_deref() {
            None | Some("verify" | "erase" | "prune") => Ok(options),
            Some(other) => bail!("there is nothing to measure named {other}\n\n{HELP}"),
        }
    }

    pub fn wants(&self, what: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == what)
    }
}
