//! What to measure.

use anyhow::bail;

const HELP: &str = "\
cargo bench --bench proof -- [OPTIONS]

  --entries N    callbacks of the log on Postgres, four items each; on SQLite a quarter of it [1000000]
  --erased N     accounts that are erased, of five entries each [1000]
  --seconds N    how long the answers are timed before [15]
  --quick        20000 entries, 100 accounts, 3 seconds: its figures mean little
";

pub struct Options {
    pub entries: u64,
    pub erased: u64,
    pub seconds: u64,
}

impl Options {
    pub fn parse() -> anyhow::Result<Self> {
        let mut options = Options { entries: 1_000_000, erased: 1000, seconds: 15 };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| anyhow::anyhow!("{word} needs a value"));
            match word.as_str() {
                // What cargo itself adds.
                "--bench" => {}
                "--entries" => options.entries = value()?.parse()?,
                "--erased" => options.erased = value()?.parse()?,
                "--seconds" => options.seconds = value()?.parse()?,
                "--quick" => options = Options { entries: 20_000, erased: 100, seconds: 3 },
                "--help" | "-h" => {
                    print!("{HELP}");
                    std::process::exit(0);
                }
                other => bail!("unknown option {other}\n\n{HELP}"),
            }
        }
        Ok(options)
    }
}
