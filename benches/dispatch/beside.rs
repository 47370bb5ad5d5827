//! What handlers cost the receiver: the answers' p99 at a fixed rate, with three handlers attached and without.

use std::time::Duration;

use crate::Bench;
use crate::catchup::median;
use crate::filling::{self, SETTINGS};
use crate::http::Target;
use crate::load::Open;
use crate::postgres::Cluster;
use crate::report::show;
use crate::role::Process;

const PER_SECOND: u64 = 2000;
const CONNECTIONS: usize = 64;
const WARM_UP: Duration = Duration::from_secs(2);

pub async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let (rounds, time) = (bench.options.rounds(5), Duration::from_secs(bench.options.seconds));
    let cluster = Cluster::start(&SETTINGS);
    let mut times: [Vec<f64>; 2] = Default::default();
    for round in 1..=rounds {
        // In turn, so that both see the same machine: a busy neighbour comes and goes.
        for (at, handlers) in [(0, 0), (1, 3)] {
            let (folder, url) =
                (tempfile::tempdir()?, filling::create(&cluster, &format!("beside_{round}_{at}")).await?);
            let (_service, address) = Process::serve(&url, folder.path(), handlers, false)?;
            let target = Target::plain(address);
            Open::run(&target, PER_SECOND, CONNECTIONS, WARM_UP).await?;
            let tally = Open::run(&target, PER_SECOND, CONNECTIONS, time).await?;
            eprintln!("round {round} of {rounds}, {handlers} handlers: p99 {}", show(tally.p99()));
            times[at].push(tally.p99().as_secs_f64());
        }
    }
    let [without, with] = times.map(median);
    let title = format!("{PER_SECOND} callbacks/s, p99 of the answers");
    bench.report.figure(&title, "without handlers", show(Duration::from_secs_f64(without)));
    bench.report.figure(&title, "with three", show(Duration::from_secs_f64(with)));
    let ratio = with / without;
    bench.report.promise(&title, "with three against without", "<= 1.20×", format!("{ratio:.2}×"), ratio <= 1.2);
    Ok(())
}
