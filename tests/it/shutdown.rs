//! Stopping: what was taken is answered and recorded, nothing new is taken, and the process ends when it should.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use crate::harness::db::{Database, eventually, on_both_stores};
use crate::harness::service::wire::Wire;
use crate::harness::service::{Launch, Service, callback, program};

/// A request whose head has arrived, as the program itself says by asking for the body; and that body.
async fn in_flight(service: &Service) -> (Wire<TcpStream>, Vec<u8>) {
    let body = callback::body("in flight", Some(callback::unique_time()), "T", 1.into());
    let headers = format!("Content-Length: {}\r\nExpect: 100-continue\r\n", body.len());
    let mut connection = service.connect().await;
    connection.send(service.callback().body("").bytes("POST", &headers)).await;
    assert_eq!(connection.head().await.status, 100, "the program waits for the body");
    (connection, body)
}

async fn refuses(service: &Service) {
    eventually("connections are refused", async || TcpStream::connect(service.public).await.is_err()).await;
}

on_both_stores! {
    async fn requests_in_flight_are_answered_and_recorded_and_the_exit_is_0(db: Database) {
        let mut service = Service::start(&db).await;
        let mut waiting = Vec::new();
        for _ in 0..20 {
            waiting.push(in_flight(&service).await);
        }
        service.terminate();
        service.says("stopping:").await;
        refuses(&service).await;
        for (connection, body) in &mut waiting {
            connection.send(body).await;
        }
        for (connection, _) in &mut waiting {
            let answer = connection.answer().await;
            answer.assert_ok("taken before the signal");
            assert!(connection.is_closed().await, "and then the connection is closed");
        }
        let status = service.ended().await;
        assert!(status.success(), "{status}: {}", service.stderr());
        assert_eq!(service.verified_entries(), 20, "all of them are recorded");
    }

    async fn callbacks_that_keep_coming_are_answered_ok_only_if_they_are_recorded(db: Database) {
        let mut service = Service::start(&db).await;
        let posts: Vec<_> = (0..8).map(|_| {
            let (http, url) = (service.http.clone(), format!("{}{}", service.url, service.callback().target()));
            tokio::spawn(async move {
                let mut answered = Vec::new();
                loop {
                    let time = callback::unique_time();
                    let body = callback::body("stream", Some(time), "T", time.into());
                    match http.post(&url).body(body).send().await {
                        Ok(response) if response.status() == 200 => answered.push(time),
                        _ => return answered,
                    }
                }
            })
        }).collect();
        eventually("the log grows", async || db.count("SELECT count(*) FROM callbacks").await > 20).await;
        service.terminate();
        let status = service.ended().await;
        assert!(status.success(), "{status}: {}", service.stderr());
        let recorded: std::collections::HashSet<String> = db.texts("SELECT value FROM profile_changes").await.into_iter().collect();
        for post in posts {
            for time in post.await.expect("the sender ends") {
                assert!(recorded.contains(&time.to_string()), "{time} was answered OK and is not in the log");
            }
        }
        assert_eq!(service.verified_entries(), recorded.len() as i64);
    }

    async fn idle_connections_do_not_delay_the_exit(db: Database) {
        let mut service = Launch::on(&db).toml("[shutdown]\ngrace_secs = 600").start().await;
        let mut used = service.connect().await;
        used.send(service.callback().request()).await;
        used.answer().await.assert_ok("a callback");
        let mut silent = service.connect().await;
        service.callback().post().await.assert_ok("another, on a connection the client keeps");
        let mut private = Wire::new(TcpStream::connect(service.private).await.expect("a connection"));
        private.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert_eq!(private.answer().await.status, 200);
        service.terminate();
        assert!(service.ended().await.success(), "long before the grace period is over");
        assert!(used.is_closed().await && silent.is_closed().await && private.is_closed().await);
    }

    async fn half_a_request_head_does_not_delay_the_exit(db: Database) {
        let mut service = Launch::on(&db).toml("[shutdown]\ngrace_secs = 600").start().await;
        let mut half = service.connect().await;
        half.send("POST / HT").await;
        let mut second = service.connect().await;
        second.send(service.callback().request()).await;
        second.answer().await.assert_ok("a callback");
        second.send("POST /?SdkAppid=1 HTTP/1.1\r\nHost: x\r\n").await;
        service.terminate();
        assert!(service.ended().await.success(), "long before the grace period is over: {}", service.stderr());
        assert!(half.is_closed().await && second.is_closed().await);
        assert_eq!(service.verified_entries(), 1);
    }

    async fn a_body_that_takes_longer_than_a_head_may_is_still_waited_for(db: Database) {
        let mut service = Launch::on(&db).toml("[shutdown]\ngrace_secs = 600").start().await;
        let (mut slow, body) = in_flight(&service).await;
        let mut half = service.connect().await;
        half.send("POST / HT").await;
        service.terminate();
        assert!(half.is_closed().await, "which is when the others' time is up");
        slow.send(&body).await;
        slow.answer().await.assert_ok("it was in service all the time");
        assert!(service.ended().await.success(), "{}", service.stderr());
        assert_eq!(service.verified_entries(), 1);
    }

    async fn sigint_stops_like_sigterm(db: Database) {
        let mut service = Service::start(&db).await;
        service.callback().post().await.assert_ok("a callback");
        service.interrupt();
        assert!(service.ended().await.success());
        assert_eq!(service.verified_entries(), 1);
    }

    async fn a_second_signal_ends_at_once_while_the_store_is_blocked(db: Database) {
        let budget = "[receiver]\nanswer_budget_ms = 600000\n[spool]\nmax_bytes = 1\n[shutdown]\ngrace_secs = 600";
        let mut service = Launch::on(&db).toml(budget).start().await;
        service.callback().post().await.assert_ok("before");
        let (mut pg, mut lite) = (None, None);
        if db.is_postgres() {
            let blocker = pg.insert(db.pg().await);
            sqlx::raw_sql("BEGIN; LOCK TABLE callbacks IN ACCESS EXCLUSIVE MODE").execute(blocker).await.expect("a lock");
        } else {
            let blocker = lite.insert(db.lite().await);
            sqlx::raw_sql("BEGIN IMMEDIATE").execute(blocker).await.expect("a lock");
        }
        let mut blocked = service.connect().await;
        blocked.send(service.callback().request()).await;
        service.says("append failed").await;
        service.terminate();
        service.says("stopping:").await;
        refuses(&service).await;
        let begun = Instant::now();
        service.terminate();
        let status = service.ended().await;
        assert!(!status.success() && status.code().is_some(), "it says that not everything ended well: {status}");
        assert!(begun.elapsed() < Duration::from_secs(10), "at once, not after the grace period");
        assert!(service.stderr().contains("ended at once by a second signal"), "{}", service.stderr());
        assert!(blocked.is_closed().await, "what was not recorded is not answered OK");
        drop((pg, lite));
        // What the database had in hand when the process ended, it may still take.
        assert!((1..=2).contains(&service.verified_entries()));
    }

    async fn after_the_grace_period_it_ends_with_a_failure_instead_of_hanging(db: Database) {
        let mut service = Launch::on(&db).toml("[shutdown]\ngrace_secs = 1").start().await;
        let (mut stuck, _) = in_flight(&service).await;
        service.terminate();
        let status = service.ended().await;
        assert_eq!(status.code(), Some(1), "{}", service.stderr());
        assert!(stuck.is_closed().await, "a body that never came is not answered");
        assert_eq!(service.verified_entries(), 0);
    }
}

#[tokio::test]
async fn a_signal_while_the_store_is_being_opened_ends_the_start_with_0() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("postgres://me@{}/log", silent.local_addr().expect("an address"));
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = program::command(folder.path())
        .args(["serve", "--sdk-app-id", "1", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .env("DATABASE_URL", url)
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program runs");
    let database = silent.accept().await.expect("it connects, and waits for an answer");
    // SAFETY: a signal to a child we started and have not waited for.
    assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGTERM) }, 0);
    assert_eq!(child.wait().expect("it ended").code(), Some(0), "and no complaint that the database does not answer");
    drop(database);
}
