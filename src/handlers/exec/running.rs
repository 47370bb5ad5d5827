//! A program under way. When this is dropped its whole process group is killed.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin};
use tokio::sync::oneshot;

use super::said::Said;

/// How long after its exit the rest of its last words may take. Whoever it left behind may hold its standard error open.
const REST: Duration = Duration::from_millis(100);

pub(super) struct Running(Child);

impl Running {
    pub fn new(child: Child) -> Self {
        Running(child)
    }

    /// Gives it its input and waits for its exit; how it exited, and what it said last.
    pub async fn finish(&mut self, input: &[u8]) -> io::Result<(ExitStatus, Said)> {
        let (stdin, stderr) = (self.0.stdin.take(), self.0.stderr.take());
        let mut said = Said::default();
        let (exit, exited) = oneshot::channel::<()>();
        let waiting = async {
            let status = self.0.wait().await;
            drop(exit);
            status
        };
        let talking = async {
            tokio::select! {
                _ = async { tokio::join!(feed(stdin, input), said.listen(stderr)) } => {}
                () = async { let _ = exited.await; tokio::time::sleep(REST).await } => {}
            }
        };
        let (status, ()) = tokio::join!(waiting, talking);
        Ok((status?, said))
    }
}

/// A program need not read its input.
async fn feed(stdin: Option<ChildStdin>, input: &[u8]) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its number stays its own until it was waited for, and from then on there is none here.
        let group = self.0.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
