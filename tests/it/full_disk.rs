//! A disk that is full for a while: callbacks are refused, nothing that was answered OK is lost, and it recovers by itself.

use crate::harness::db::{Database, eventually};
use crate::harness::service::Launch;

/// Bounds the size of any file the process writes; `None` lifts the bound. The system's answer is an error, as on a full disk.
fn bound_files(pid: libc::pid_t, bytes: Option<u64>) {
    let limit = libc::rlimit { rlim_cur: bytes.unwrap_or(libc::RLIM_INFINITY), rlim_max: libc::RLIM_INFINITY };
    // SAFETY: prlimit reads one struct of ours and writes none.
    let done = unsafe { libc::prlimit(pid, libc::RLIMIT_FSIZE, &limit, std::ptr::null_mut()) };
    assert_eq!(done, 0, "the limit is set: {}", std::io::Error::last_os_error());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_takes_callbacks_again_once_its_disk_has_room() {
    let db = Database::sqlite().await;
    let mut service = Launch::on(&db).toml("[receiver]\nanswer_budget_ms = 1000").start().await;
    service.callback().account("before").post().await.assert_ok("before");
    bound_files(service.pid(), Some(1));
    service.callback().account("meanwhile").post().await.assert_fail(503, "while the disk is full");
    let readiness = async || reqwest::get(format!("{}/readyz", service.private_url)).await.unwrap().status();
    assert_eq!(readiness().await, 503, "it says that it is not ready");
    bound_files(service.pid(), None);
    eventually("it is ready again", async || readiness().await == 200).await;
    service.callback().account("after").post().await.assert_ok("after");
    service.assert_unharmed("after the full disk").await;
    service.terminate();
    assert!(service.ended().await.success());
}
