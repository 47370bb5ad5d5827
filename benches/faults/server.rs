//! What is done to a Postgres: signals to the postmaster and to every process it started.

use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::postgres::Cluster;

const LIMIT: Duration = Duration::from_secs(10);

/// Ends all of it at once, as if the machine had stopped.
pub fn kill(cluster: &Cluster) -> anyhow::Result<()> {
    let processes = processes(cluster);
    signal(&processes, libc::SIGKILL);
    // The next server does not start while one of these is there.
    let begun = Instant::now();
    while processes[1..].iter().any(|pid| is_running(*pid)) {
        ensure!(begun.elapsed() < LIMIT, "a killed server process is still there");
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// A fast shutdown: connections are ended, everything is written.
pub fn stop(cluster: &Cluster) {
    signal(&[cluster.pid()], libc::SIGINT);
}

/// Holds all of it: connections stay, nothing is answered.
pub fn freeze(cluster: &Cluster) {
    signal(&processes(cluster), libc::SIGSTOP);
}

pub fn thaw(cluster: &Cluster) {
    signal(&processes(cluster), libc::SIGCONT);
}

/// Whether the postmaster has ended by itself.
pub fn has_ended(cluster: &Cluster) -> bool {
    !is_running(cluster.pid())
}

/// The postmaster first, so that it starts no more; then its children.
fn processes(cluster: &Cluster) -> Vec<u32> {
    let parent = cluster.pid();
    let children = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let children = children.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    std::iter::once(parent).chain(children.filter(|pid| state(*pid).is_some_and(|(_, of)| of == parent))).collect()
}

/// A process's state letter and its parent.
fn state(pid: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn is_running(pid: u32) -> bool {
    state(pid).is_some_and(|(letter, _)| letter != 'Z' && letter != 'X')
}

fn signal(processes: &[u32], signal: libc::c_int) {
    for pid in processes {
        // SAFETY: signals to a child we have not waited for, and to its children, which ends with it.
        unsafe { libc::kill(*pid as libc::pid_t, signal) };
    }
}
