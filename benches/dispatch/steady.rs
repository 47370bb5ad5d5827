//! From receipt to the handler at a steady load: with the handler in the process that receives, and in one that only reads.

use std::time::Duration;

use crate::Bench;
use crate::catchup::median;
use crate::filling::{self, SETTINGS};
use crate::http::Target;
use crate::load::{Open, p99};
use crate::postgres::Cluster;
use crate::records;
use crate::report::show;
use crate::role::Process;

const PER_SECOND: u64 = 1000;
const CONNECTIONS: usize = 64;
const WHERE: [&str; 2] = ["in the process that receives", "in another process, which polls"];
const ASKED: Duration = Duration::from_millis(50);

pub async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let seconds = bench.options.seconds;
    let title = format!("{PER_SECOND} callbacks/s for {seconds} s, p99 from receipt to the handler");
    eprintln!("{title}");
    let cluster = Cluster::start(&SETTINGS);
    let mut times: [Vec<f64>; 2] = Default::default();
    for round in 0..bench.options.rounds(3) {
        for here in [true, false] {
            let (folder, url) =
                (tempfile::tempdir()?, filling::create(&cluster, &format!("steady_{round}_{here}")).await?);
            let (_service, address) = Process::serve(&url, folder.path(), usize::from(here), true)?;
            let _other = (!here).then(|| Process::handle(&url, folder.path())).transpose()?;
            let file = folder.path().join(if here { "records-0" } else { "records" });
            let count = load(address, seconds).await?;
            anyhow::ensure!(records::wait_for(&[&file], count, Duration::from_secs(10)).await, "not all were handled");
            let p99 = p99(records::delays(&records::read(&file)));
            eprintln!("round {round}, {}: {}", if here { WHERE[0] } else { WHERE[1] }, show(p99));
            times[usize::from(!here)].push(p99.as_secs_f64());
        }
    }
    for (what, times) in WHERE.into_iter().zip(times) {
        bench.report.below(&title, what, ASKED, Duration::from_secs_f64(median(times)));
    }
    Ok(())
}

/// How many were recorded.
async fn load(address: std::net::SocketAddr, seconds: u64) -> anyhow::Result<usize> {
    let tally = Open::run(&Target::plain(address), PER_SECOND, CONNECTIONS, Duration::from_secs(seconds)).await?;
    anyhow::ensure!(tally.refused + tally.unanswered == 0, "something was not answered OK");
    Ok(tally.acknowledged.len())
}
