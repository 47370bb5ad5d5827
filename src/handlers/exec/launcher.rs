//! Starts programs so that none outlives this process.
//!
//! The kernel's death signal follows the thread that started the program, not the process. A runtime's threads come and go;
//! this one stays as long as the handler. Forking a large process also takes a while, and holds up nothing else here.

use std::io;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, Sender, channel};

use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};
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
        die_with(getpid(), &mut command);
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
        // Who does not wait any more drops it, and that ends it.
        let _ = started.send(command.spawn().map(Running::new));
    }
}

/// Has the kernel kill the program when the thread that starts it is gone.
#[expect(unsafe_code, reason = "there is no safe way to ask for the death signal between fork and exec")]
fn die_with(parent: Pid, command: &mut Command) {
    let ask = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // It may have died before it was asked for.
        if getppid() == Some(parent) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed: these are two system calls, without a lock or
    // an allocation, and concern nothing but the child.
    unsafe { command.pre_exec(ask) };
}
