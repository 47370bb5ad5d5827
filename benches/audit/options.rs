//! What to measure.

use anyhow::bail;

const HELP: &str = "\
cargo bench --bench audit -- [OPTIONS]

  --small N      callbacks of the small log, four items each [25000]
  --large N      callbacks of the large log [2500000]
  --questions N  of each kind [300]
  --seconds N    how long callbacks arrive while readers page [20]
  --quick        a large log of 50000, 50 questions, 5 seconds: its figures mean little
";

pub struct Options {
    pub small: u64,
    pub large: u64,
    pub questions: usize,
    pub seconds: u64,
}

impl Options {
    pub fn parse() -> anyhow::Result<Self> {
        let mut options = Options { small: 25_000, large: 2_500_000, questions: 300, seconds: 20 };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| anyhow::anyhow!("{word} needs a value"));
            match word.as_str() {
                // What cargo itself adds.
                "--bench" => {}
                "--small" => options.small = value()?.parse()?,
                "--large" => options.large = value()?.parse()?,
                "--questions" => options.questions = value()?.parse()?,
                "--seconds" => options.seconds = value()?.parse()?,
                "--quick" => options = Options { small: 5000, large: 50_000, questions: 50, seconds: 5 },
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
