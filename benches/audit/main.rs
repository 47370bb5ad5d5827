//! Asking the log: how long answers of the audit API take on a small log and on a large one, through real HTTP against the
//! real program, each read recorded in `access_log`. `cargo bench --bench audit` prints the table; `-- --help` tells the
//! options.

#![allow(clippy::disallowed_methods, reason = "real clocks are what is tested here")]

mod export;
mod log;
mod options;
mod paging;
mod questions;

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

use options::Options;
use postgres::Cluster;
use program::Program;
use questions::Log;
use report::Report;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let options = Options::parse()?;
    let mut report = Report::default();
    let (cluster, folder) = (Cluster::start(&filling::SETTINGS), tempfile::tempdir()?);
    let log = async |entries: u64| -> anyhow::Result<Log> {
        let url = filling::create(&cluster, &format!("log_{entries}")).await?;
        let span = log::fill(&url, entries).await?;
        Ok(Log { span, service: Program::start(&url, &folder.path().join(entries.to_string()))? })
    };
    let (small, large) = (log(options.small).await?, log(options.large).await?);
    questions::compare(&small, &large, &options, &mut report).await?;
    export::run(&large.service, &large.span, &mut report).await?;
    paging::run(&large.service, options.seconds, &mut report).await?;
    println!("{}", report.table());
    Ok(if report.broken() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
