//! The program as somebody at a shell runs it: its own folder, nothing in the environment but what a test puts there.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The program, in `folder`, with an empty environment; it ends with the thread that starts it.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portraitd"));
    command.env_clear().current_dir(folder);
    end_with_us(&mut command);
    // SAFETY: the call is async-signal-safe and touches only the child.
    unsafe {
        command.pre_exec(|| {
            // A file that may not grow is an error to the program, as on a full disk, and not its end.
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            Ok(())
        });
    }
    command
}

/// It is killed when the thread that starts it ends.
pub fn end_with_us(command: &mut Command) {
    // SAFETY: the call is async-signal-safe and touches only the child.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
}

/// How many file descriptors it may have.
pub fn limit_descriptors(command: &mut Command, count: libc::rlim_t) {
    let limit = libc::rlimit { rlim_cur: count, rlim_max: count };
    // SAFETY: the call is async-signal-safe and touches only the child.
    unsafe {
        command.pre_exec(move || match libc::setrlimit(libc::RLIMIT_NOFILE, &limit) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
}

/// Runs it to its end as somebody to whom the rights on files apply, also where the tests are run as root.
pub fn run_bound_by_rights(folder: &Path, env: &[(&str, &str)], arguments: &[&str]) -> Output {
    const CAP_DAC_OVERRIDE: libc::c_ulong = 1;
    let mut command = command(folder);
    // SAFETY: the call is async-signal-safe and touches only the child. Whoever may not drop it does not have it.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_CAPBSET_DROP, CAP_DAC_OVERRIDE);
            Ok(())
        });
    }
    command.envs(env.iter().copied()).args(arguments).output().expect("the program runs")
}

/// Runs it to its end.
pub fn run(folder: &Path, env: &[(&str, &str)], arguments: &[&str]) -> Output {
    command(folder).envs(env.iter().copied()).args(arguments).output().expect("the program runs")
}

/// A file that only its owner may read.
pub fn write_secret(path: &Path, text: &str) {
    std::fs::write(path, text).expect("the file can be written");
    set_mode(path, 0o600);
}

/// Who may do what with a file.
pub fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("the mode can be set");
}

/// Exit code.
pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("ended by a signal: {}", stderr(output)))
}

/// Standard output of a run that did what it should.
pub fn stdout(output: &Output) -> String {
    assert_eq!(code(output), 0, "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// Standard error.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Standard output as one JSON value a line.
pub fn lines(output: &Output) -> Vec<Value> {
    stdout(output).lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}
