//! What becomes of callbacks when things break: the real program, real servers, real signals, on loopback. Prints what was asked
//! for beside what was measured, and exits 1 where a promise was broken: `cargo bench --bench faults`; `-- --help` tells the
//! options.

#![allow(clippy::disallowed_methods, reason = "real clocks are what is tested here")]

mod callbacks;
mod disk;
mod flood;
mod http;
mod kills;
mod load;
mod log;
mod options;
mod outages;
mod program;
mod replica;
mod report;
mod server;
mod slow;

#[path = "../../tests/support/postgres.rs"]
mod postgres;
#[allow(dead_code)]
#[path = "../../tests/it/harness/proxy.rs"]
mod proxy;
#[allow(dead_code)]
#[path = "../../tests/it/harness/service/program.rs"]
mod shell;

use std::process::ExitCode;

use options::Options;
use rand::SeedableRng;
use rand::rngs::StdRng;
use report::Report;

/// What every scenario gets.
pub struct Bench {
    options: Options,
    report: Report,
}

impl Bench {
    /// Randomness that does not depend on which scenarios ran before.
    fn random(&self) -> StdRng {
        StdRng::seed_from_u64(self.options.seed)
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let options = Options::parse()?;
    // Before there are threads: they would keep the mounts they have.
    disk::own_mounts();
    tokio::runtime::Runtime::new()?.block_on(measure(options))
}

/// On the main thread, because what it starts ends with the thread that started it.
async fn measure(options: Options) -> anyhow::Result<ExitCode> {
    let mut bench = Bench { options, report: Report::default() };
    eprintln!("seed {}", bench.options.seed);
    let mut unfinished = 0;
    for name in bench.options.only.clone() {
        let done = match name.as_str() {
            "kills" => kills::run(&mut bench).await,
            "outages" => outages::run(&mut bench).await,
            "replica" => replica::run(&mut bench).await,
            "slow" => slow::run(&mut bench).await,
            _ => flood::run(&mut bench).await,
        };
        if let Err(error) = done {
            eprintln!("{name} could not be finished: {error:#}");
            unfinished += 1;
        }
    }
    println!("{}", bench.report.table());
    let broken = bench.report.broken();
    println!("{broken} promises broken, {unfinished} scenarios not finished, seed {}.", bench.options.seed);
    Ok(if broken + unfinished == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
