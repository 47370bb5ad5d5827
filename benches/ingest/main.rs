//! How fast callbacks are taken: real HTTP over loopback, keep-alive, all callbacks different, four items each, the answer
//! waited for, fsync on. `cargo bench --bench ingest` prints the table that the README shows; `-- --help` tells the options.
//!
//! Every figure comes from one run on one machine, load generator and database included, so that only ratios mean much.
//! The load is closed-loop: each connection sends its next callback when it has the answer to the last.

#![allow(clippy::disallowed_methods, reason = "real clocks are what is tested here")]

mod load;
mod options;
mod report;
mod servers;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[allow(dead_code)]
#[path = "../shared/filling.rs"]
mod filling;
#[path = "../../tests/support/postgres.rs"]
mod postgres;

use std::path::Path;
use std::time::Duration;

use filling::Sample;
use load::Load;
use options::{Options, Role};
use postgres::Cluster;
use report::Report;
use servers::{Server, System};

/// How long a filled log is written to before it is measured.
const SETTLING: Duration = Duration::from_secs(20);

fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match options::parse()? {
        Role::Serve(system, url) => servers::serve(system, &url),
        Role::Load(address, options) => {
            for &connections in &options.connections {
                println!(
                    "{connections} connections: {}",
                    Load { address, connections }.run(Duration::from_secs(options.seconds))?
                );
            }
            Ok(())
        }
        Role::Measure(options) => measure(&options),
    }
}

fn measure(options: &Options) -> anyhow::Result<()> {
    let cluster = Cluster::start(&filling::SETTINGS);
    servers::settle_in(&cluster)?;
    let folder = tempfile::tempdir()?;
    let mut report = Report::default();

    let filled = if options.entries > 0 { fill(&cluster, folder.path(), options)? } else { Vec::new() };
    for round in 1..=options.rounds {
        for &system in &options.systems {
            for &connections in &options.connections {
                let title =
                    format!("round {round} of {}: {}, {connections} connections", options.rounds, system.title());
                eprintln!("{title}, empty log");
                let name = format!("empty_{round}_{connections}_{}", system.name());
                let url = system.fresh_store(&cluster, folder.path(), &name)?;
                run(system, &url, connections, 0, options, &mut report)?;
                system.drop_store(&cluster, &url)?;

                // At once, so that both see the same machine: a busy neighbour comes and goes.
                if let Some((_, url)) = filled.iter().find(|(other, _)| *other == system) {
                    eprintln!("{title}, {} entries", options.entries);
                    run(system, url, connections, options.entries, options, &mut report)?;
                }
            }
        }
    }
    println!("{}", report.table(options));
    Ok(())
}

/// Logs that hold entries already, one a system, in the state of a server that has run on them for a while: right after a
/// checkpoint the first change of each page goes into the WAL whole, and that is not what is to be measured.
fn fill(cluster: &Cluster, folder: &Path, options: &Options) -> anyhow::Result<Vec<(System, String)>> {
    let wanted = |system: &System| *system != System::NoStore && (*system != System::Sqlite || options.sqlite_filled);
    let mut filled: Vec<(System, String)> = Vec::new();
    for system in options.systems.iter().copied().filter(wanted) {
        let name = format!("filled_{}", system.name());
        let original = filled.iter().find(|(other, _)| *other != System::Sqlite && system != System::Sqlite);
        let url = match original {
            Some((_, original)) => system.copied_store(cluster, original, &name)?,
            None => {
                eprintln!("filling a log with {} entries", options.entries);
                let url = system.fresh_store(cluster, folder, &name)?;
                // A second apart, up to two hours ago.
                let begin = filling::now()? - 7_200_000 - i64::try_from(options.entries)? * 1000;
                let sample = |number| {
                    Sample::own(
                        number,
                        format!("user{:07}", load::account(number)),
                        begin + i64::try_from(number).unwrap_or(0) * 1000,
                    )
                };
                servers::block_on(filling::fill(&url, options.entries, sample))??;
                url
            }
        };
        filled.push((system, url));
    }
    for (system, url) in &filled {
        eprintln!("settling in: {}, {} entries", system.title(), options.entries);
        // The same for all: the yardstick, being slower, would settle in less.
        let server = Server::start(if *system == System::Sqlite { *system } else { System::Postgres }, url)?;
        Load { address: server.address, connections: 256 }.run(SETTLING)?;
        server.stop()?;
        system.settled(url)?;
    }
    Ok(filled)
}

fn run(
    system: System,
    url: &str,
    connections: usize,
    entries: u64,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let server = Server::start(system, url)?;
    let load = Load { address: server.address, connections };
    load.run(Duration::from_secs(options.warm_up_secs))?;
    let outcome = load.run(Duration::from_secs(options.seconds))?;
    let resident = server.peak_memory_kib();
    eprintln!("    {outcome}, ready after {} ms, resident {} MiB", server.ready_ms, resident / 1024);
    report.add(system, connections, entries, outcome, resident, server.ready_ms);
    server.stop()
}
