//! A Postgres of our own: a fresh cluster in a temporary folder, from server binaries on PATH or in Debian's versioned
//! folders, on a free loopback port, with fsync on. It ends with whoever started it, also when that is killed.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

/// A running server.
pub struct Cluster {
    child: Child,
    folder: PathBuf,
    port: u16,
    owner: Option<(u32, u32)>,
    settings: Vec<String>,
}

impl Cluster {
    /// Makes and starts a cluster; `settings` are `name=value`. Panics with what is missing.
    pub fn start(settings: &[&str]) -> Self {
        remove_leftovers();
        Self::start_in(&std::env::temp_dir(), settings)
    }

    /// The same in a folder of its own below `parent`.
    pub fn start_in(parent: &Path, settings: &[&str]) -> Self {
        let folder = parent.join(format!("{PREFIX}{}-{}", std::process::id(), free_port()));
        std::fs::create_dir(&folder).expect("a temporary folder");
        let owner = server_user();
        if let Some((uid, gid)) = owner {
            std::os::unix::fs::chown(&folder, Some(uid), Some(gid)).expect("the folder belongs to the server's user");
        }
        let made = as_user(Command::new(binary("initdb")), owner)
            .current_dir(&folder)
            .args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(folder.join("data"))
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));
        let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let port = free_port();
        let child = launch(&folder, port, owner, &settings);
        Cluster { child, folder, port, owner, settings }
    }

    /// Waits until the server has ended, however it was made to, and starts it again on the same data and port.
    #[allow(dead_code)]
    pub fn restart(&mut self) {
        let _ = self.child.wait();
        self.child = launch(&self.folder, self.port, self.owner, &self.settings);
    }

    /// A URL of one of its databases; `postgres` is there from the start.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The postmaster.
    #[allow(dead_code)]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it keeps its data.
    #[allow(dead_code)]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // SAFETY: a signal to a child we started and have not waited for.
        unsafe { libc::kill(self.child.id() as libc::pid_t, libc::SIGINT) };
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

const PREFIX: &str = "portraitd-postgres-";

/// Starts the server from a thread that lives as long as this process: the death signal is tied to the thread.
#[expect(
    clippy::zombie_processes,
    reason = "Cluster waits for it when it is dropped; a process that ends before takes it along"
)]
fn launch(folder: &Path, port: u16, owner: Option<(u32, u32)>, settings: &[String]) -> Child {
    let mut command = as_user(Command::new(binary("postgres")), owner);
    command
        .current_dir(folder)
        .arg("-D")
        .arg(folder.join("data"))
        .arg("-k")
        .arg(folder)
        .args(["-p", &port.to_string()]);
    command.args(["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=300"]);
    for setting in settings {
        command.args(["-c", setting]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    // SAFETY: prctl is async-signal-safe and touches only the child.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGINT);
            Ok(())
        });
    }
    let (ready, started) = mpsc::channel();
    std::thread::spawn(move || {
        let mut child = command.spawn().expect("postgres runs");
        let mut lines = BufReader::new(child.stderr.take().expect("its log")).lines();
        let mut said = String::new();
        let is_ready = lines.by_ref().map_while(Result::ok).any(|line| {
            said.push_str(&line);
            said.push('\n');
            line.contains("ready to accept connections")
        });
        if !is_ready {
            let _ = child.wait();
        }
        ready.send(if is_ready { Ok(child) } else { Err(said) }).expect("somebody waits for the server");
        lines.for_each(drop);
        loop {
            std::thread::park();
        }
    });
    started.recv().expect("the server starts").unwrap_or_else(|said| panic!("postgres did not start:\n{said}"))
}

/// A server program: on PATH, or the newest in Debian's versioned folders.
fn binary(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    let debian = || {
        let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
            .ok()?
            .flatten()
            .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
            .collect();
        versions.sort();
        versions.into_iter().rev().map(|(_, folder)| folder.join("bin").join(name)).find(|file| file.is_file())
    };
    on_path.or_else(debian).unwrap_or_else(|| {
        panic!("no {name} on PATH or in /usr/lib/postgresql: install Debian's postgresql (./scripts/test does), or set TEST_DATABASE_URL")
    })
}

/// initdb refuses root: then the server runs as `postgres`, or else `nobody`.
fn server_user() -> Option<(u32, u32)> {
    // SAFETY: geteuid has no preconditions.
    if unsafe { libc::geteuid() } != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("/etc/passwd");
    let find = |name: &str| {
        let fields: Vec<&str> = users.lines().find(|line| line.split(':').next() == Some(name))?.split(':').collect();
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    Some(find("postgres").or_else(|| find("nobody")).expect("a user to run Postgres as"))
}

fn as_user(mut command: Command, user: Option<(u32, u32)>) -> Command {
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port()
}

/// Folders of processes that were killed before they could tidy up.
fn remove_leftovers() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(pid) =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next()?.parse::<u32>().ok())
        else {
            continue;
        };
        if !Path::new(&format!("/proc/{pid}")).exists() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
