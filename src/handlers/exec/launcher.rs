//! Starts programs so that none outlives this process.
//!
//! The kernel's death signal follows the thread that started the program, not the process. A runtime's threads come and go;
//! this one stays as long as the handler. Forking a large process also takes a while, and holds up nothing else here.

use std::io;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, Sender, channel};

use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
use tokio::process::Command;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::running::Running;

struct Order {
    command: Command,
    runtime: Handle,
    started: oneshot::Sender<io::Result<Running>>,
}

pub(super) struct Launcher {
    orders: Sender<Order>,
}

impl Launcher {
    pub fn new() -> io::Result<Self> {
        let (orders, taken) = channel();
        std::thread::Builder::new().name("exec".to_owned()).spawn(|| launch_all(taken))?;
        Ok(Launcher { orders })
    }

    /// The program, running in a process group of its own, its standard input and error in our hands.
    pub async fn start(&self, mut command: Command) -> io::Result<Running> {
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        let (started, running) = oneshot::channel();
        let is_gone = || io::Error::other("the thread that starts programs has ended");
        let order = Order { command, runtime: Handle::current(), started };
        self.orders.send(order).map_err(|_| is_gone())?;
        running.await.map_err(|_| is_gone())?
    }
}

fn launch_all(orders: Receiver<Order>) {
    for Order { mut command, runtime, started } in orders {
        if started.is_closed() {
            continue;
        }
        let _in = runtime.enter();
        end_with_us(&mut command);
        // Who does not wait any more drops it, and that ends it.
        let _ = started.send(command.spawn().map(Running::new));
    }
}

/// The kernel kills the program when the thread that started it ends. If that has happened before it was asked to, the
/// program does not begin.
#[expect(unsafe_code, reason = "there is no safe way to do something between fork and exec")]
fn end_with_us(command: &mut Command) {
    let us = getpid();
    let tie = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        if getppid() == Some(us) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    };
    // SAFETY: between fork and exec it makes two system calls and nothing else, which are async-signal-safe; it allocates nothing.
    unsafe { command.pre_exec(tie) };
}
