//! What to measure.

use std::net::SocketAddr;

use anyhow::bail;

use crate::servers::System;

const HELP: &str = "\
cargo bench --bench ingest -- [OPTIONS]

  --rounds N        repetitions of every row, the median is shown [3]
  --seconds N       seconds a measurement takes [8]
  --warm-up N       seconds before it that do not count [2]
  --connections A,B connections at once [64,256]
  --entries N       also measure on a log of N entries; 0: only on an empty one [5000000]
  --sqlite-filled   fill a SQLite log as well (takes some minutes more)
  --systems A,B     of postgres, sqlite, no-store, yardstick [all]
  --load ADDRESS    only send to a running server, such as 127.0.0.1:8080
  --quick           a look in a minute: --rounds 1 --seconds 3 --warm-up 1 --entries 0
";

pub struct Options {
    pub rounds: u32,
    pub seconds: u64,
    pub warm_up_secs: u64,
    pub connections: Vec<usize>,
    pub entries: u64,
    pub sqlite_filled: bool,
    pub systems: Vec<System>,
}

/// What this process is: the benchmark, or one of the servers it starts.
pub enum Role {
    Measure(Options),
    Serve(System, String),
    Load(SocketAddr, Options),
}

pub fn parse() -> anyhow::Result<Role> {
    let mut options = Options {
        rounds: 3,
        seconds: 8,
        warm_up_secs: 2,
        connections: vec![64, 256],
        entries: 5_000_000,
        sqlite_filled: false,
        systems: System::ALL.to_vec(),
    };
    let mut load = None;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| anyhow::anyhow!("{word} needs a value"));
        match word.as_str() {
            // What cargo itself adds.
            "--bench" => {}
            "--rounds" => options.rounds = value()?.parse()?,
            "--seconds" => options.seconds = value()?.parse()?,
            "--warm-up" => options.warm_up_secs = value()?.parse()?,
            "--connections" => options.connections = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "--entries" => options.entries = value()?.parse()?,
            "--sqlite-filled" => options.sqlite_filled = true,
            "--systems" => options.systems = value()?.split(',').map(System::named).collect::<Result<_, _>>()?,
            "--load" => load = Some(value()?.parse()?),
            "--quick" => {
                (options.rounds, options.seconds, options.warm_up_secs, options.entries) = (1, 3, 1, 0);
            }
            "--serve" => return Ok(Role::Serve(System::named(&value()?)?, value()?)),
            "--help" | "-h" => {
                print!("{HELP}");
                std::process::exit(0);
            }
            other => bail!("unknown option {other}\n\n{HELP}"),
        }
    }
    Ok(match load {
        Some(address) => Role::Load(address, options),
        None => Role::Measure(options),
    })
}
