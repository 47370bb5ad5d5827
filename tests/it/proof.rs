//! Proof for somebody outside: heads that are noted elsewhere, one entry through the API, and an export that another program
//! checks.

mod api;
mod export;
mod heads;
mod watch;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// `examples/verify.py` on this export.
fn verify_py(export: &[u8], heads: Option<&Path>) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/verify.py");
    let mut command = Command::new("python3");
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(heads) = heads {
        command.arg("--head").arg(heads);
    }
    let mut child = command.spawn().expect("python3 runs");
    child.stdin.take().expect("a pipe").write_all(export).expect("it reads");
    child.wait_with_output().expect("it ends")
}
