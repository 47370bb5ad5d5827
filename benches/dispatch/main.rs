//! What handlers take and give: catching up with a log, keeping up with it, what they cost the receiver, and what becomes of
//! them when processes die and backends are down. `cargo bench --bench dispatch` prints what was asked for beside what was
//! measured, and exits 1 where a promise about order or loss was broken; `-- --help` tells the options.
//!
//! Every figure comes from one run on one machine, load and database included.

#![allow(clippy::disallowed_methods, reason = "real clocks are what is tested here")]

mod beside;
mod catchup;
mod options;
mod outage;
mod owners;
mod records;
mod role;
mod steady;

#[path = "../faults/callbacks.rs"]
mod callbacks;
#[path = "../shared/filling.rs"]
mod filling;
#[allow(dead_code)]
#[path = "../faults/http.rs"]
mod http;
#[allow(dead_code)]
#[path = "../faults/load.rs"]
mod load;
#[path = "../../tests/support/postgres.rs"]
mod postgres;
#[allow(dead_code)]
#[path = "../faults/program.rs"]
mod program;
#[path = "../faults/report.rs"]
mod report;
#[allow(dead_code)]
#[path = "../../tests/it/harness/service/program.rs"]
mod shell;

use std::process::ExitCode;

use filling::Sample;
use options::{Options, Role};
use report::Report;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Fills a log with callbacks of so many accounts in turn.
async fn fill(url: &str, entries: u64, accounts: u64) -> anyhow::Result<()> {
    let now = filling::now()?;
    filling::fill(url, entries, |number| Sample::own(number, format!("user{}", number % accounts), now)).await
}

/// What every scenario gets.
pub struct Bench {
    options: Options,
    report: Report,
}

fn main() -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new()?;
    match options::parse()? {
        Role::Serve(folder, handlers, records) => runtime.block_on(role::serve(&folder, handlers, records)),
        Role::Handle(url, folder) => runtime.block_on(role::handle(&url, &folder)),
        Role::Measure(options) => runtime.block_on(measure(options)),
    }
}

async fn measure(options: Options) -> anyhow::Result<ExitCode> {
    let mut bench = Bench { options, report: Report::default() };
    for name in bench.options.only.clone() {
        match name.as_str() {
            "catchup" => catchup::run(&mut bench).await?,
            "steady" => steady::run(&mut bench).await?,
            "beside" => beside::run(&mut bench).await?,
            "owners" => owners::run(&mut bench).await?,
            _ => outage::run(&mut bench).await?,
        }
    }
    println!("{}", bench.report.table());
    Ok(if bench.report.broken() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
