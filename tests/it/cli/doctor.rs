//! `doctor`: says what would go wrong, and goes wrong itself with 1 only where a promise would break.

mod outward;

use std::path::Path;
use std::process::Output;

use rcgen::{CertificateParams, CertifiedKey, KeyPair};
use tempfile::tempdir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::db::{Database, on_both_stores};
use crate::harness::service::{APP, Launch, Service, program};
use crate::postgres::Cluster;
use crate::tls::{Files, certificate};

const ONE_APP: (&str, &str) = ("PORTRAITD_SDK_APP_ID", "1400000000");
const TOKEN: (&str, &str) = ("PORTRAITD_CALLBACK_TOKEN", "s3cret-token");

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The line that has `what` in it begins with `word`.
fn assert_line(output: &Output, word: &str, what: &str) {
    let said = said(output);
    let line = said.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{what:?} in {said}"));
    assert!(line.trim_start().starts_with(word), "{word}: {line}");
}

fn doctor(service: &Service, env: &[(&str, &str)], arguments: &[&str]) -> Output {
    let url = service.database_url().to_owned();
    let spool = service.path("portraitd-spool").display().to_string();
    let env: Vec<_> = [ONE_APP, ("DATABASE_URL", url.as_str()), ("PORTRAITD__SPOOL__DIR", spool.as_str())]
        .into_iter()
        .chain(env.iter().copied())
        .collect();
    program::run(service.folder(), &env, &[&["doctor"], arguments].concat())
}

on_both_stores! {
    async fn a_service_that_runs_has_nothing_that_fails(db: Database) {
        let service = Service::start(&db).await;
        let output = doctor(&service, &[], &[]);
        assert_eq!(program::code(&output), 0, "{}", said(&output));
        assert_line(&output, "ok", &format!("used by process {}", service.pid()));
        assert_line(&output, "ok", "MiB are free");
        assert_line(&output, "warn", "receiver.public_url is not set");
        assert_line(&output, "warn", "app 1400000000 has no token");
        if db.is_postgres() {
            for what in ["fsync = on", "full_page_writes = on", "it takes appends", "the database's clock is"] {
                assert_line(&output, "ok", what);
            }
            assert_line(&output, "warn", "role: a superuser");
        } else {
            assert_line(&output, "ok", "journal_mode = wal");
            assert_line(&output, "warn", "the spool and the SQLite file are on the same disk");
        }
    }

    async fn a_database_that_is_read_only_fails(db: Database) {
        if db.is_postgres() {
            let service = Service::start(&db).await;
            let name = db.texts("SELECT current_database()::text").await.remove(0);
            db.execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
            let output = doctor(&service, &[], &[]);
            assert_eq!(program::code(&output), 1, "{}", said(&output));
            assert_line(&output, "fail", "appends");
        }
    }
}

#[test]
fn without_a_log_it_says_what_makes_one_and_makes_none() {
    let folder = tempdir().expect("a folder");
    let output = program::run(folder.path(), &[ONE_APP], &["doctor"]);
    assert_eq!(program::code(&output), 1, "{}", said(&output));
    assert_line(&output, "fail", "there is no log at");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing was made");
    let output = program::run(folder.path(), &[("PORTRAITD__RECEIVER__LISTENN", "x")], &["doctor"]);
    assert_eq!(program::code(&output), 2, "a configuration that cannot be read");
}

#[tokio::test]
async fn a_sqlite_log_that_may_only_be_read_fails() {
    let db = Database::sqlite().await;
    drop(db.store().await);
    let (file, url) = (db.path(), db.url());
    let folder = file.parent().expect("a folder");
    let elsewhere = tempdir().expect("a folder");
    let fails = |what: &Path| {
        let env = [ONE_APP, ("DATABASE_URL", url.as_str())];
        let output = program::run_bound_by_rights(elsewhere.path(), &env, &["doctor"]);
        assert_eq!(program::code(&output), 1, "{}", said(&output));
        assert_line(&output, "fail", &format!("{} cannot be written to", what.display()));
    };
    program::set_mode(&file, 0o400);
    fails(&file);
    program::set_mode(&file, 0o600);
    program::set_mode(folder, 0o500);
    fails(folder);
    program::set_mode(folder, 0o700);
    let output = program::run_bound_by_rights(elsewhere.path(), &[ONE_APP, ("DATABASE_URL", &url)], &["doctor"]);
    assert_eq!(program::code(&output), 0, "{}", said(&output));
    assert_line(&output, "ok", &format!("{} can be written to", folder.display()));
}

#[tokio::test]
async fn a_spool_that_cannot_be_made_fails() {
    let db = Database::sqlite().await;
    drop(db.store().await);
    let folder = tempdir().expect("a folder");
    std::fs::write(folder.path().join("file"), "").expect("written");
    std::os::unix::fs::symlink("nowhere", folder.path().join("link")).expect("a link");
    for (dir, why) in [
        ("file", "file is not a folder"),
        ("file/spool", "file is not a folder"),
        ("link", "link is a link that leads nowhere"),
        ("link/a/b", "link is a link that leads nowhere"),
    ] {
        let env = [ONE_APP, ("DATABASE_URL", &db.url()), ("PORTRAITD__SPOOL__DIR", dir)];
        let output = program::run(folder.path(), &env, &["doctor"]);
        assert_eq!(program::code(&output), 1, "{dir}: {}", said(&output));
        assert_line(&output, "fail", why);
    }
    let env = [ONE_APP, ("DATABASE_URL", &db.url()), ("PORTRAITD__SPOOL__DIR", "new/spool")];
    assert_line(&program::run(folder.path(), &env, &["doctor"]), "ok", "new/spool can be made");
}

#[tokio::test]
async fn files_that_the_start_reads_are_read() {
    let db = Database::sqlite().await;
    drop(db.store().await);
    let (good, other) = (Files::new(&certificate()), Files::new(&certificate()));
    let folder = tempdir().expect("a folder");
    let (list, config) = (folder.path().join("allowlist"), folder.path().join("portraitd.toml"));
    let config_path = config.display().to_string();
    for (text, files, code, word) in
        [("127.0.0.1 # one\n::1", good.toml(), 0, "ok"), ("localhost", good.toml_with_key_of(&other), 1, "fail")]
    {
        std::fs::write(&list, text).expect("written");
        program::write_secret(&config, &format!("[receiver]\nallowlist = {list:?}\n{files}"));
        let env = [ONE_APP, ("DATABASE_URL", &db.url()), ("PORTRAITD_CONFIG", &config_path)];
        let output = program::run(folder.path(), &env, &["doctor"]);
        assert_eq!(program::code(&output), code, "{}", said(&output));
        for what in ["receiver.allowlist", "receiver.tls", "admin.tls"] {
            assert_line(&output, word, &format!("{what}:"));
        }
    }
}

#[tokio::test]
async fn a_server_without_fsync_fails() {
    let cluster = Cluster::start(&["fsync=off", "full_page_writes=off"]);
    let url = cluster.url("postgres");
    drop(portraitd::store::Store::open(&url, portraitd::store::Open::Migrate).await.expect("a log"));
    let folder = tempdir().expect("a folder");
    let output = program::run(folder.path(), &[ONE_APP, ("DATABASE_URL", &url)], &["doctor"]);
    assert_eq!(program::code(&output), 1, "{}", said(&output));
    assert_line(&output, "fail", "fsync = off");
    assert_line(&output, "fail", "full_page_writes = off");
}

#[tokio::test]
async fn a_url_that_the_console_would_refuse_fails() {
    let db = Database::sqlite().await;
    let service = Service::start(&db).await;
    let fails = |arguments: &[&str]| {
        let output = doctor(&service, &[("PORTRAITD__RECEIVER__PUBLIC_URL", arguments[0])], &arguments[1..]);
        assert_eq!(program::code(&output), 1, "{arguments:?}: {}", said(&output));
        assert_line(&output, "fail", "the console refuses");
    };
    fails(&["https://im_callbacks.example.com/"]);
    fails(&["https://im.example.com/?token=1"]);
    fails(&["https://im.example.com:4433/", "--current-url", "https://im.example.com/"]);
    let output = doctor(&service, &[("PORTRAITD__RECEIVER__PUBLIC_URL", "https://im.example.com/")], &[]);
    assert_eq!(program::code(&output), 0, "{}", said(&output));
    assert_line(&output, "ok", "the console takes it");
}

/// A certificate for localhost with this many days left.
fn lasting(days: i64) -> CertifiedKey<KeyPair> {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let now = std::time::SystemTime::now();
    let day = std::time::Duration::from_secs(86_400);
    params.not_before = (now - day * 30).into();
    params.not_after = match u32::try_from(days) {
        Ok(days) => (now + day * days).into(),
        Err(_) => (now - day).into(),
    };
    let signing_key = KeyPair::generate().expect("a key");
    CertifiedKey { cert: params.self_signed(&signing_key).expect("a certificate"), signing_key }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_consoles_check_through_the_public_url() {
    let db = Database::sqlite().await;
    for (pair, code, word, what) in [
        (lasting(90), 0, "ok", "the certificate chain is trusted"),
        (lasting(5), 0, "warn", "the certificate chain is trusted"),
        (lasting(-1), 1, "fail", "no answer"),
    ] {
        let files = Files::new(&pair);
        let service = Launch::on(&db).app(APP, &[TOKEN.1]).toml(&files.toml()).start().await;
        let url = format!("https://localhost:{}/", service.public.port());
        let ca = files.cert().display().to_string();
        let output = doctor(&service, &[TOKEN, ("SSL_CERT_FILE", &ca)], &["--url", &url]);
        assert_eq!(program::code(&output), code, "{}", said(&output));
        assert_line(&output, word, what);
        assert!(!said(&output).contains(TOKEN.1) && !program::stderr(&output).contains("Sign="), "{}", said(&output));
        if code == 0 {
            for good in
                ["answered 200, OK/0", "a wrong Sign is refused with 401", "answered within", "the clock at the URL"]
            {
                assert_line(&output, "ok", good);
            }
            assert_line(&output, "warn", "localhost is");
            let output = doctor(&service, &[("PORTRAITD_CALLBACK_TOKEN", "another")], &["--url", &url]);
            assert_line(&output, "fail", "no answer");
            let output =
                doctor(&service, &[("PORTRAITD_CALLBACK_TOKEN", "another"), ("SSL_CERT_FILE", &ca)], &["--url", &url]);
            assert_line(&output, "fail", "answered 401 Unauthorized, not 200: Sign is wrong");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_asks_without_this_machines_proxy() {
    let db = Database::sqlite().await;
    let service = Service::start(&db).await;
    let proxy = "http://127.0.0.1:1";
    let env = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].map(|name| (name, proxy));
    let output = doctor(&service, &env, &["--url", &service.url]);
    assert_line(&output, "ok", "answered 200, OK/0");
}

/// Where something answers with this status and a body without end, so many times.
async fn endless(status: &'static str, times: usize) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        for _ in 0..times {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await;
            while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_else_answers_at_the_url_is_told_from_portraitd() {
    let db = Database::sqlite().await;
    let service = Service::start(&db).await;
    let answers = [
        ("200 OK", "answered 200, but not OK/0", "a wrong Sign is answered 200 OK, not 401"),
        ("403 Forbidden", "answered 403 Forbidden, not 200", "a wrong Sign is answered 403 Forbidden, not 401"),
    ];
    for (status, first, second) in answers {
        let url = endless(status, usize::MAX).await;
        let output = doctor(&service, &[TOKEN], &["--url", &url]);
        assert_eq!(program::code(&output), 1, "{}", said(&output));
        assert_line(&output, "fail", first);
        assert_line(&output, "warn", second);
        assert_line(&output, "warn", "plain HTTP");
        assert_line(&output, "ok", "answered within");
    }
    let output = doctor(&service, &[TOKEN], &["--url", &endless("200 OK", 1).await]);
    assert_line(&output, "warn", "a wrong Sign is not answered");
    let output = doctor(&service, &[], &["--url", "http://no-such-host.invalid/"]);
    assert_line(&output, "fail", "has no address");
}
