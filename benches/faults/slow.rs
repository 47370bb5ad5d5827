//! Thousands of connections that never get anywhere: they trickle a head byte by byte, or finish TLS and say nothing. Whoever
//! sends as they should must not feel it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::Bench;
use crate::http::Target;
use crate::load::Open;
use crate::log::Log;
use crate::postgres::Cluster;
use crate::program::Program;
use crate::report::show;

const PER_SECOND: u64 = 500;
const CONNECTIONS: usize = 32;
const MEMORY_MIB: u64 = 128;
const READY: Duration = Duration::from_secs(30);
/// How long all of them may take to connect.
const GATHERING: Duration = Duration::from_secs(60);
/// Each that says nothing is thrown out, and comes back, while the honest ones' answers are timed.
const LONGER_THAN_SILENCE: Duration = Duration::from_secs(50);
/// Between two bytes of a head.
const TRICKLE: Duration = Duration::from_secs(2);

pub async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    may_open_many_files()?;
    for tls in [false, true] {
        senders(bench, tls).await?;
    }
    Ok(())
}

async fn senders(bench: &mut Bench, tls: bool) -> anyhow::Result<()> {
    let (rounds, count) = (bench.options.rounds(3, 1), if bench.options.quick { 200 } else { 2000 });
    let time = if bench.options.quick { Duration::from_secs(2) } else { LONGER_THAN_SILENCE };
    let what = if tls { "finish TLS and say nothing" } else { "trickle the head of a request" };
    let title = format!("{count} connections that {what}, {PER_SECOND} honest callbacks/s");
    eprintln!("{title}");
    let (cluster, folder) = (Cluster::start(&[]), tempfile::tempdir()?);
    let log = Log::on(&cluster, "slow").await?;
    let (program, target) = if tls {
        with_tls(&log.url, folder.path())?
    } else {
        let program = Program::start(&log.url, folder.path())?;
        let target = program.target();
        (program, target)
    };
    program.drained(READY).await.context("portraitd is ready")?;
    Open::run(&target, PER_SECOND, CONNECTIONS, Duration::from_secs(1)).await?;

    let (mut without, mut with, mut not_ok) = (Vec::new(), Vec::new(), 0);
    for _ in 0..rounds {
        for (slow, times) in [(false, &mut without), (true, &mut with)] {
            let senders = if slow { Some(Slow::gather(&target, count, tls).await?) } else { None };
            let tally = Open::run(&target, PER_SECOND, CONNECTIONS, time).await?;
            not_ok += tally.refused + tally.unanswered;
            times.push(tally.p99());
            drop(senders);
        }
        eprintln!("    p99 without {:?}, with {:?}", without.last(), with.last());
    }
    let (without, with) = (median(without), median(with));
    let times = with.as_secs_f64() / without.as_secs_f64();
    let memory = program.peak_memory_kib() / 1024;
    let report = &mut bench.report;
    report.none(&title, "honest callbacks not answered OK", not_ok);
    report.figure(&title, "honest p99 without / with them", format!("{} / {}", show(without), show(with)));
    report.promise(&title, "honest p99, times that without them", "< 2", format!("{times:.2}"), times < 2.0);
    let (asked, measured) = (format!("≤ {MEMORY_MIB} MiB"), format!("{memory} MiB"));
    report.promise(&title, "peak resident memory", &asked, measured, memory <= MEMORY_MIB);
    Ok(())
}

fn with_tls(url: &str, folder: &Path) -> anyhow::Result<(Program, Target)> {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&cert, pair.cert.pem())?;
    std::fs::write(&key, pair.signing_key.serialize_pem())?;
    let files = [("CERT", &cert), ("KEY", &key)];
    let env = files.map(|(name, file)| (format!("PORTRAITD__RECEIVER__TLS__{name}"), file.display().to_string()));
    let env: Vec<_> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let program = Program::start_with(url, folder, &env)?;
    let target = Target::tls(program.target().address, pair.cert.der().clone())?;
    Ok((program, target))
}

/// Slow senders, on a thread of their own, so that what they compute is not in the way of what is measured; they give up
/// when this is dropped.
struct Slow {
    _stop: oneshot::Sender<()>,
}

impl Slow {
    /// Waits until all are connected. One that is thrown out comes back.
    async fn gather(target: &Target, count: usize, silent: bool) -> anyhow::Result<Self> {
        let connected = Arc::new(AtomicUsize::new(0));
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (target, all) = (target.clone(), connected.clone());
        std::thread::spawn(move || {
            runtime.block_on(async move {
                let mut running = JoinSet::new();
                for _ in 0..count {
                    running.spawn(again_and_again(target.clone(), all.clone(), silent));
                }
                let _ = stopped.await;
            });
        });
        let begun = Instant::now();
        while connected.load(Ordering::Relaxed) < count {
            ensure!(begun.elapsed() < GATHERING, "only {connected:?} of {count} slow senders could connect");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Slow { _stop: stop })
    }
}

async fn again_and_again(target: Target, connected: Arc<AtomicUsize>, silent: bool) {
    loop {
        if let Ok(mut stream) = target.connect().await {
            connected.fetch_add(1, Ordering::Relaxed);
            let _ = if silent { stream.read_u8().await.map(drop) } else { trickle(&mut stream).await };
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn trickle(stream: &mut (impl AsyncWriteExt + Unpin)) -> std::io::Result<()> {
    for byte in b"POST / HTTP/1.1\r\nX: ".iter().chain(std::iter::repeat(&b'x')) {
        stream.write_all(&[*byte]).await?;
        tokio::time::sleep(TRICKLE).await;
    }
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Raises the limit of open files as far as it goes, for this process and what it starts.
fn may_open_many_files() -> anyhow::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls are given a struct of ours.
    let done = unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &limit)
    };
    ensure!(done == 0 && limit.rlim_cur >= 8192, "this needs 8192 open files, {} are allowed", limit.rlim_cur);
    Ok(())
}
