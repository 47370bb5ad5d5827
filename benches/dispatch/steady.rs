//! From receipt to the handler at a steady load: with the handler in the process that receives, and in one that only reads.

use std::time::Duration;

use crate::http::Target;
use crate::load::{Open, p99};
use crate::postgres::Cluster;
use crate::records;
use crate::role::Process;
use crate::{Bench, SETTINGS, log};

const PER_SECOND: u64 = 1000;
const CONNECTIONS: usize = 64;
const ASKED: Duration = Duration::from_millis(50);

pub async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let seconds = bench.options.seconds;
    let title = format!("{PER_SECOND} callbacks/s for {seconds} s, p99 from receipt to the handler");
    eprintln!("{title}");
    let cluster = Cluster::start(&SETTINGS);
    for (name, what) in [("same", "in the process that receives"), ("other", "in another process, which polls")] {
        let (folder, url) = (tempfile::tempdir()?, log::create(&cluster, name).await?);
        let here = usize::from(name == "same");
        let (_service, address) = Process::serve(&url, folder.path(), here)?;
        let _other = (here == 0).then(|| Process::handle(&url, folder.path())).transpose()?;
        let file = folder.path().join(if here == 1 { "records-0" } else { "records" });
        let count = load(address, seconds).await?;
        anyhow::ensure!(records::wait_for(&[&file], count, Duration::from_secs(10)).await, "not all were handled");
        let delays = records::delays(&records::read(&file));
        bench.report.below(&title, what, ASKED, p99(delays));
    }
    Ok(())
}

/// How many were recorded.
async fn load(address: std::net::SocketAddr, seconds: u64) -> anyhow::Result<usize> {
    let tally = Open::run(&Target::plain(address), PER_SECOND, CONNECTIONS, Duration::from_secs(seconds)).await?;
    anyhow::ensure!(tally.refused + tally.unanswered == 0, "something was not answered OK");
    Ok(tally.acknowledged.len())
}
