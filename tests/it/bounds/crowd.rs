//! A crowd that says nothing, or says it slowly: what it costs, and that callbacks do not notice.

use futures_util::future::join_all;

use crate::harness::db::{Database, eventually};
use crate::harness::service::Launch;
use crate::harness::service::wire::Wire;
use crate::tls::{Files, certificate, connect};

/// As many of each kind.
const CROWD: usize = 200;
/// With 2,000 of each the program then stays below 128 MiB.
const MOST_KIB_EACH: i64 = 24;

/// Resident memory, KiB.
fn memory(pid: libc::pid_t) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_over_tls_costs_little_and_callbacks_pass_through_it() {
    let (pair, db) = (certificate(), Database::sqlite().await);
    let files = Files::new(&pair);
    let service = Launch::on(&db).toml(&files.toml()).start().await;
    let open = async || Wire::new(connect(service.public, &[&pair]).await.expect("TLS"));
    let mut chat = open().await;
    for _ in 0..50 {
        chat.send(service.callback().request()).await;
        chat.answer().await.assert_ok("before the crowd");
    }
    let before = memory(service.pid());

    let silent = join_all((0..CROWD).map(|_| open())).await;
    let trickling = join_all((0..CROWD).map(async |_| {
        let mut connection = open().await;
        for piece in ["POST /?Sdk", "Appid=1 HT", "TP/1.1\r\nX:"] {
            connection.send(piece).await;
        }
        connection
    }))
    .await;
    let connections = 1.0 + (silent.len() + trickling.len()) as f64;
    let there = async || service.metric("portraitd_connections", "public").await == connections;
    eventually("all of them are there", there).await;
    let each = (memory(service.pid()) - before) / (2 * CROWD as i64);
    assert!(each <= MOST_KIB_EACH, "{each} KiB a connection");

    for _ in 0..50 {
        chat.send(service.callback().request()).await;
        chat.answer().await.assert_ok("on the connection from before");
        let mut another = open().await;
        another.send(service.callback().request()).await;
        another.answer().await.assert_ok("on one of now");
    }
    assert_eq!(service.metric("portraitd_connections_evicted_total", "").await, 0.0);
    drop((silent, trickling));
    assert_eq!(service.verified_entries(), 150);
}
