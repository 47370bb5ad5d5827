//! Help, wrong usage, the banner, health.

use tempfile::tempdir;

use crate::harness::db::{Database, on_both_stores};
use crate::harness::service::{APP, Launch, Service, program};

const SUBCOMMANDS: [&str; 21] = [
    "serve",
    "migrate",
    "config",
    "doctor",
    "healthcheck",
    "changes",
    "tail",
    "export",
    "unreadable",
    "handlers",
    "spool",
    "verify",
    "erase",
    "prune",
    "profile",
    "push-attrs",
    "usersig",
    "allowlist",
    "reconcile",
    "emulator",
    "demo",
];

#[test]
fn every_subcommand_explains_itself_on_stdout() {
    let folder = tempdir().expect("a folder");
    let general = program::stdout(&program::run(folder.path(), &[], &["--help"]));
    for name in SUBCOMMANDS {
        let output = program::run(folder.path(), &[], &[name, "--help"]);
        let help = program::stdout(&output);
        assert!(help.contains("Usage:") && help.contains("--config"), "{name}: {help}");
        assert_eq!(program::stderr(&output), "", "{name}");
        assert!(general.contains(name), "{name} is in the general help");
    }
    for code in ["0", "1", "2"] {
        assert!(general.contains(code), "exit codes are explained: {general}");
    }
    let version = program::stdout(&program::run(folder.path(), &[], &["--version"]));
    assert_eq!(version.trim(), format!("portraitd {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_exits_2_and_says_so_on_stderr_only() {
    let folder = tempdir().expect("a folder");
    let cases: [&[&str]; 18] = [
        &[],
        &["nonsense"],
        &["serve", "--nonsense"],
        &["changes", "--limit", "0"],
        &["changes", "--limit", "1001"],
        &["changes", "--limit", "x"],
        &["changes", "--since", "yesterday"],
        &["changes", "--app", "x"],
        &["verify", "extra"],
        &["serve", "--sdk-app-id", "x"],
        &["serve", "--sdk-app-id", "-1"],
        &["profile", "set", "alice"],
        &["profile", "set", "alice", "nick"],
        &["profile", "get"],
        &["push-attrs", "set", "sex=female"],
        &["push-attrs", "names", "ten=sex"],
        &["usersig", "alice", "--expire", "0"],
        &["usersig", "alice"],
    ];
    for arguments in cases {
        let output = program::run(folder.path(), &[], arguments);
        assert_eq!(program::code(&output), 2, "{arguments:?}: {}", program::stderr(&output));
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing was made");
}

#[test]
fn the_health_check_fails_where_nobody_answers() {
    let folder = tempdir().expect("a folder");
    // Bound, never accepting anything but a connection: nobody else can get this port meanwhile.
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("an address").to_string();
    drop(socket);
    let output = program::run(folder.path(), &[("PORTRAITD__ADMIN__LISTEN", &address)], &["healthcheck"]);
    assert_eq!(program::code(&output), 1);
    assert!(output.stdout.is_empty() && program::stderr(&output).contains(&address), "{}", program::stderr(&output));
}

on_both_stores! {
    async fn the_health_check_asks_the_configured_private_listener(db: Database) {
        let service = Service::start(&db).await;
        let address = service.private.to_string();
        for arguments in [&["healthcheck"][..], &["healthcheck", "--ready"]] {
            let output = program::run(service.folder(), &[("PORTRAITD__ADMIN__LISTEN", &address)], arguments);
            assert_eq!(program::code(&output), 0, "{}", program::stderr(&output));
            assert!(output.stdout.is_empty(), "nothing on stdout");
        }
        let output = program::run(service.folder(), &[], &["healthcheck", "--url", &service.private_url]);
        assert_eq!(program::code(&output), 0, "{}", program::stderr(&output));
        let output = program::run(service.folder(), &[], &["healthcheck", "--url", &format!("{}/nowhere", service.private_url)]);
        assert_eq!(program::code(&output), 1, "what answers otherwise is not healthy");
    }

    async fn the_banner_says_where_it_listens_where_its_data_is_and_how_to_set_what_to_paste(db: Database) {
        let service = Launch::on(&db).app(1, &["secret-token"]).app(2, &[]).start().await;
        let banner = service.stderr();
        for expected in [service.url.as_str(), &service.private_url, "receiver.public_url", "1, 2"] {
            assert!(banner.contains(expected), "{expected} in {banner}");
        }
        let data = service.says("  data  ").await;
        let expected = if db.is_postgres() { "postgres://".to_owned() } else { db.path().display().to_string() };
        assert!(data.contains(&expected), "{data}");
        assert!(!banner.contains("secret-token"), "{banner}");
        let warning = service.says("app 2 has no token").await;
        assert!(warning.contains("PORTRAITD_CALLBACK_TOKEN"), "{warning}");
    }

    async fn the_banner_shows_public_url_as_what_to_paste(db: Database) {
        let url = "https://callbacks.example.com/chat";
        let service = Launch::on(&db).toml(&format!("[receiver]\npublic_url = {url:?}")).start().await;
        assert!(service.says("  console  ").await.contains(url));
    }

    async fn serve_prints_nothing_to_stdout_and_never_a_body_a_sign_or_a_token(db: Database) {
        let mut service = Launch::on(&db).app(APP, &["secret-token"]).env("PORTRAITD__LOG__FILTER", "debug").start().await;
        service.callback().signed("secret-token").sets("T", "very private".into()).post().await.assert_ok("recorded");
        service.callback().signed("secret-token").body("very private").post().await.assert_fail(400, "unreadable");
        let (sign, time) = crate::harness::service::sign_now("secret-token");
        service.callback().with("Sign", &sign).with("RequestTime", &time).body("{}").post().await.assert_ok("the check");
        service.terminate();
        assert!(service.ended().await.success(), "{}", service.stderr());
        assert_eq!(service.stdout(), "");
        for secret in ["very private", "secret-token", sign.as_str()] {
            assert!(!service.stderr().contains(secret), "{secret} in {}", service.stderr());
        }
    }

    async fn migrate_makes_the_log_and_may_be_repeated(db: Database) {
        let folder = tempdir().expect("a folder");
        let url = db.url();
        let env = [("DATABASE_URL", url.as_str())];
        for _ in 0..2 {
            let output = program::run(folder.path(), &env, &["migrate"]);
            assert_eq!(program::code(&output), 0, "{}", program::stderr(&output));
            assert!(output.stdout.is_empty() && program::stderr(&output).contains("up to date"), "{}", program::stderr(&output));
        }
        let said = program::stdout(&program::run(folder.path(), &env, &["verify"]));
        assert!(said.starts_with("0 entries hold"), "{said}");
    }
}
