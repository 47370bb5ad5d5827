//! docs/postgres-roles.sql, as it is printed: what the service needs works, and what would alter the log is refused.

use std::process::{Command, Output};

use portraitd::emulator::{Emulator, Options, SECRET_KEY};
use portraitd::store::Recorded::{Known, New};
use portraitd::store::erasure::{Erased, Whom};
use portraitd::store::verify::{self, Verdict};
use portraitd::store::{ChangeFilter, Open, Paging, Store, StoreError};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions};
use tokio::sync::Mutex;

use crate::harness::db::Database;
use crate::harness::entries::{APP, NICK, RECEIVED, append, callbacks, unreadable};
use crate::harness::service::Launch;

const ROLES: &str = include_str!("../../docs/postgres-roles.sql");
const PASSWORD: &str = "of-these-tests-only";

const OWNER: &str = "portraitd_owner";
const SERVICE: &str = "portraitd_service";
const READER: &str = "portraitd_reader";
const AUDITOR: &str = "portraitd_auditor";

/// Roles belong to the whole server, so tests take turns with them.
async fn apply_roles(db: &Database) {
    static TURN: Mutex<()> = Mutex::const_new(());
    let _turn = TURN.lock().await;
    db.execute(ROLES).await;
    for role in [OWNER, SERVICE, READER, AUDITOR] {
        db.execute(&format!("ALTER ROLE {role} PASSWORD '{PASSWORD}'")).await;
    }
}

fn url(db: &Database, role: &str) -> String {
    db.url_as(role, PASSWORD)
}

/// A database set up as the file says: roles, migration by the owner, rights.
async fn set_up() -> Database {
    let db = Database::postgres().await;
    apply_roles(&db).await;
    drop(Store::open(&url(&db, OWNER), Open::Migrate).await.unwrap());
    apply_roles(&db).await;
    db
}

async fn connection(db: &Database, role: &str) -> PgConnection {
    use std::str::FromStr;
    PgConnectOptions::from_str(&url(db, role)).unwrap().connect().await.unwrap()
}

async fn assert_denied(db: &Database, role: &str, sql: &str) {
    let mut connection = connection(db, role).await;
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await;
    let error = done.expect_err(sql);
    let code = error.as_database_error().and_then(|e| e.code().map(|code| code.into_owned()));
    assert_eq!(code.as_deref(), Some("42501"), "{sql}: {error}");
}

async fn service(db: &Database) -> Store {
    Store::open(&url(db, SERVICE), Open::Migrate).await.unwrap()
}

fn program(db: &Database, arguments: &[&str]) -> Output {
    program_as(db, SERVICE, arguments)
}

fn program_as(db: &Database, role: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portraitd"));
    command.args(arguments).env_clear().env("DATABASE_URL", url(db, role)).output().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_role_can_do_all_the_service_does() {
    let db = set_up().await;
    let store = service(&db).await;
    store.check().await.unwrap();
    let entries = callbacks(3);
    assert_eq!(append(&store, &entries).await, [New(1), New(2), New(3)]);
    assert_eq!(append(&store, &entries).await, [Known; 3]);
    for body in [unreadable("[]"), unreadable("[]")] {
        store.keep_unreadable(&body).await.unwrap();
    }
    assert_eq!(store.unreadable(None, 10).await.unwrap()[0].times, 2);
    assert_eq!(store.bound_unreadable(0).await.unwrap(), 1);
    assert_eq!(store.prune_recent(-10).await.unwrap(), 3);
    assert_eq!(store.head().await.unwrap().seq, 3);
    let whom = Whom { app: APP, account: "id1".to_owned(), as_operator: true };
    assert_eq!(store.erase(&whom, RECEIVED).await.unwrap(), Erased { entries: 1, recorded_as: Some(4) });
    assert_eq!(store.erase_elsewhere(&whom).await.unwrap(), 0);
    assert_eq!(store.changes(&ChangeFilter::default(), Paging::newest(10)).await.unwrap().items.len(), 3);
    assert!(
        matches!(verify::run(&store, verify::Plan::default(), |_, _| ()).await.unwrap(), Verdict::Holds { head, .. } if head.seq == 4)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_role_attaches_partitions_that_belong_to_the_owner() {
    let db = set_up().await;
    let store = service(&db).await;
    append(&store, &callbacks(1)).await;
    db.execute(
        "INSERT INTO callbacks SELECT 1999999, received_at, event_time, effective_time, sdk_app_id, kind, auth, account,
                operator, client_ip, platform, receipt_id, salt, digest, chain, body FROM callbacks WHERE seq = 1",
    )
    .await;
    assert_eq!(store.extend().await.unwrap(), 4_000_000);
    assert_eq!(append(&store, &callbacks(2)).await, [New(2_000_000), New(2_000_001)]);
    let owners = db.texts("SELECT DISTINCT tableowner::text FROM pg_tables WHERE tablename ~ '_00000[0-9]$'").await;
    assert_eq!(owners, [OWNER]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_reads_and_verifies_as_the_service_role() {
    let db = set_up().await;
    append(&service(&db).await, &callbacks(2)).await;
    for (arguments, expected) in
        [(&["changes", "--json"][..], "nick 1"), (&["verify"], "2 entries hold"), (&["unreadable"], "")]
    {
        let output = program(&db, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains(expected), "{arguments:?}: {output:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_role_handles_and_steers_but_does_not_alter_who_operated() {
    let db = set_up().await;
    let launch = Launch::on(&db).env("DATABASE_URL", &url(&db, SERVICE));
    let service = launch.toml("[[handlers]]\nname = \"trace\"\nkind = \"log\"").start().await;
    service.callback().post().await.assert_ok("a callback");
    service.says("profile change").await;
    for arguments in [
        &["handlers", "pause", "trace"][..],
        &["handlers", "rewind", "trace", "--to", "1"],
        &["handlers", "resume", "trace"],
        &["handlers"],
        &["handlers", "dead-letters", "trace"],
    ] {
        let output = program(&db, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    service.says_times("profile change", 2).await;
    let recorded = db.texts("SELECT action FROM access_log ORDER BY id").await;
    assert_eq!(recorded, ["handlers.pause", "handlers.rewind", "handlers.resume", "handlers.read"]);
    for sql in [
        "UPDATE access_log SET who = 'somebody'",
        "DELETE FROM access_log",
        "TRUNCATE access_log",
        "ALTER TABLE access_log DISABLE TRIGGER append_only",
        "INSERT INTO access_log (who, action, target, at) VALUES ('x', 'x', 'x', '2020-01-01')",
        "INSERT INTO access_log (who, action, target, id) OVERRIDING SYSTEM VALUE VALUES ('x', 'x', 'x', 99)",
        "DELETE FROM subscriptions",
        "DROP TABLE deliveries",
        "CREATE OR REPLACE FUNCTION portraitd_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    ] {
        assert_denied(&db, SERVICE, sql).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_role_reconciles() {
    let db = set_up().await;
    append(&service(&db).await, &callbacks(2)).await;
    let vendor = Emulator::start(Options::default()).await.unwrap();
    let set = |account: &str, nick: &str| {
        vendor.with_model(|model| model.import(account).profile.insert(NICK.to_owned(), nick.into()));
    };
    set("id0", "missed");
    set("id1", "nick 1");
    let tencent = format!("[tencent]\nbase_url = {:?}\nsecret_key = {SECRET_KEY:?}\n", vendor.base_url());
    let launch = Launch::on(&db).env("DATABASE_URL", &url(&db, SERVICE));
    let serving = launch.toml(&format!("{tencent}[reconcile]\nevery = \"1s\"\ngrace = \"1s\"\n")).start().await;
    serving.says("of id0 was missed").await;
    serving.says_times("is reconciled", 2).await;
    drop(serving);
    set("id1", "again");
    let mut command = Command::new(env!("CARGO_BIN_EXE_portraitd"));
    command.args(["reconcile", "--all", "--grace", "0"]).env_clear();
    command.env("DATABASE_URL", url(&db, SERVICE)).env("PORTRAITD_SDK_APP_ID", APP.to_string());
    command.env("PORTRAITD_SECRET_KEY", SECRET_KEY).env("PORTRAITD__TENCENT__BASE_URL", vendor.base_url());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("2 accounts looked at: 1 changes missed"), "{output:?}");
    assert_eq!(db.count("SELECT count(*) FROM callbacks WHERE kind = 'reconcile'").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_role_cannot_alter_the_log_nor_what_guards_it() {
    let db = set_up().await;
    append(&service(&db).await, &callbacks(2)).await;
    for table in ["callbacks", "profile_changes", "callbacks_000000", "profile_changes_000000"] {
        assert_denied(&db, SERVICE, &format!("UPDATE {table} SET seq = seq")).await;
        let erasing = "SELECT set_config('portraitd.erasing', 'on', false)";
        assert_denied(&db, SERVICE, &format!("{erasing}; UPDATE {table} SET seq = seq")).await;
        assert_denied(&db, SERVICE, &format!("DELETE FROM {table}")).await;
        assert_denied(&db, SERVICE, &format!("TRUNCATE {table}")).await;
        assert_denied(&db, SERVICE, &format!("DROP TABLE {table}")).await;
        assert_denied(&db, SERVICE, &format!("ALTER TABLE {table} DISABLE TRIGGER append_only")).await;
        assert_denied(&db, SERVICE, &format!("DROP TRIGGER append_only ON {table}")).await;
        assert_denied(&db, SERVICE, &format!("CREATE RULE r AS ON INSERT TO {table} DO INSTEAD NOTHING")).await;
        assert_denied(&db, SERVICE, &format!("GRANT UPDATE ON {table} TO {SERVICE}; UPDATE {table} SET seq = seq"))
            .await;
    }
    for sql in [
        "SELECT * FROM callbacks_000000",
        "INSERT INTO callbacks_000000 SELECT * FROM callbacks",
        "ALTER TABLE callbacks DETACH PARTITION callbacks_000000",
        "INSERT INTO callbacks SELECT * FROM callbacks ON CONFLICT (seq) DO UPDATE SET account = 'x'",
        "MERGE INTO callbacks t USING (SELECT 1) s ON t.seq = 1 WHEN MATCHED THEN DELETE",
        "SET session_replication_role = replica",
        "SET ROLE portraitd_owner",
        "CREATE TABLE mine (x int)",
        "CREATE TEMPORARY TABLE mine (x int)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION portraitd_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "DROP FUNCTION portraitd_extend()",
        "UPDATE recent SET recorded_at = now()",
        "UPDATE _sqlx_migrations SET success = false",
        "DROP VIEW profile_history",
    ] {
        assert_denied(&db, SERVICE, sql).await;
    }
    let verdict = verify::run(&service(&db).await, verify::Plan::default(), |_, _| ()).await.unwrap();
    assert!(matches!(verdict, Verdict::Holds { head, .. } if head.seq == 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_owner_prunes() {
    let db = set_up().await;
    append(&service(&db).await, &callbacks(3)).await;
    let prune = ["prune", "--older-than", "30"];
    let output = program(&db, &prune);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("only the owner"), "{output:?}");
    for (role, arguments) in [(SERVICE, &["prune", "--older-than", "30", "--dry-run"][..]), (OWNER, &prune)] {
        let output = program_as(&db, role, arguments);
        assert!(output.status.success(), "{role}: {output:?}");
    }
    for sql in [
        "DELETE FROM anchors",
        "INSERT INTO pruning (up_to) VALUES (9)",
        "CREATE OR REPLACE VIEW span AS SELECT 1::bigint AS entries",
    ] {
        assert_denied(&db, SERVICE, sql).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_may_not_prune_says_so_and_goes_on() {
    let db = set_up().await;
    let launch = Launch::on(&db).env("DATABASE_URL", &url(&db, SERVICE)).toml("[store]\nretention_days = 30");
    let serving = launch.start().await;
    serving.says("only the owner of the tables may drop what is older: run `portraitd prune`").await;
    serving.callback().post().await.assert_ok("a callback");
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_portraitd"));
    doctor.arg("doctor").env_clear().env("DATABASE_URL", url(&db, SERVICE));
    doctor.env("PORTRAITD_SDK_APP_ID", APP.to_string()).env("PORTRAITD__STORE__RETENTION_DAYS", "30");
    let output = doctor.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("store.retention_days: only the owner of the tables"), "{output:?}");
}

/// The function that attaches partitions runs with the owner's rights; a caller's own types must not get in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_cannot_slip_anything_of_its_own_into_the_owners_function() {
    let db = set_up().await;
    // Even where temporary objects are allowed, as they are by default.
    let name = db.texts("SELECT current_database()::text").await.remove(0);
    db.execute(&format!("GRANT TEMPORARY ON DATABASE {name} TO {SERVICE}")).await;
    // Something for the function to do.
    for parent in ["callbacks", "profile_changes"] {
        db.execute(&format!("DROP TABLE {parent}_000002")).await;
    }
    let mut connection = connection(&db, SERVICE).await;
    sqlx::raw_sql(
        "CREATE FUNCTION pg_temp.strike(pg_catalog.text) RETURNS boolean LANGUAGE plpgsql AS
             'BEGIN IF current_user = ''portraitd_owner'' THEN GRANT DELETE ON callbacks TO portraitd_service; END IF; RETURN true; END';
         CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (pg_temp.strike(VALUE));
         CREATE DOMAIN pg_temp.oid AS pg_catalog.oid; CREATE DOMAIN pg_temp.regclass AS pg_catalog.regclass;
         SELECT portraitd_extend();",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    assert_eq!(
        db.count(&format!("SELECT count(*) WHERE has_table_privilege('{SERVICE}', 'callbacks', 'DELETE')")).await,
        0
    );
    assert_eq!(
        db.count("SELECT count(*) FROM pg_class WHERE relname = 'callbacks_000002' AND relispartition").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_role_does_not_migrate_and_says_so() {
    let db = Database::postgres().await;
    apply_roles(&db).await;
    let error = Store::open(&url(&db, SERVICE), Open::Migrate).await.err().expect("nothing is there yet");
    assert!(matches!(error, StoreError::Migrate { .. }), "{error:?}");
    assert_eq!(db.count("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_looks_and_is_recorded_and_does_nothing_else() {
    let db = set_up().await;
    let store = service(&db).await;
    append(&store, &callbacks(2)).await;
    store.keep_unreadable(&unreadable("[]")).await.unwrap();
    for (arguments, shown) in [
        (&["changes", "--json"][..], "nick 1"),
        (&["changes", "--since", "2020-01-01", "--json"], "nick 1"),
        (&["unreadable", "--json"], "[]"),
        (&["handlers"], ""),
        (&["verify"], "2 entries hold"),
    ] {
        let output = program_as(&db, READER, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains(shown), "{arguments:?}: {output:?}");
    }
    let recorded = db.texts("SELECT action FROM access_log ORDER BY id").await;
    assert_eq!(recorded, ["changes.read", "changes.read", "unreadable.read"]);
    for sql in [
        "SELECT who FROM access_log",
        "INSERT INTO access_log (who, action, target, at) VALUES ('x', 'x', 'x', '2020-01-01')",
        "DELETE FROM access_log",
        "INSERT INTO callbacks (seq) VALUES (9)",
        "DELETE FROM unreadable",
        "UPDATE subscriptions SET paused = true",
        "SELECT portraitd_extend()",
        "CREATE TABLE mine (x int)",
    ] {
        assert_denied(&db, READER, sql).await;
    }
    assert!(!program_as(&db, READER, &["handlers", "pause", "trace"]).status.success());
    db.execute(&format!("REVOKE INSERT (who, action, target, details) ON access_log FROM {READER}")).await;
    for command in ["changes", "unreadable"] {
        let output = program_as(&db, READER, &[command]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{command}: {said}");
        assert!(said.contains("INSERT on access_log") && said.contains("permission denied"), "{command}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_auditor_reads_the_history_and_nothing_else() {
    let db = set_up().await;
    append(&service(&db).await, &callbacks(2)).await;
    let mut auditor = connection(&db, AUDITOR).await;
    let news: Vec<String> =
        sqlx::query_scalar("SELECT new FROM profile_history ORDER BY seq").fetch_all(&mut auditor).await.unwrap();
    assert_eq!(news, ["\"nick 0\"", "\"nick 1\""]);
    for sql in [
        "SELECT body FROM callbacks",
        "SELECT * FROM profile_changes",
        "SELECT body FROM unreadable",
        "INSERT INTO callbacks (seq) VALUES (9)",
        "SELECT old FROM callbacks c JOIN profile_history h USING (seq)",
        "SELECT portraitd_extend()",
        "CREATE TABLE mine (x int)",
    ] {
        assert_denied(&db, AUDITOR, sql).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_may_be_run_again_at_any_time() {
    let db = set_up().await;
    let rights = "SELECT relname || ' ' || coalesce(relacl::text, '') FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1";
    let before = db.texts(rights).await;
    apply_roles(&db).await;
    assert_eq!(db.texts(rights).await, before);
    append(&service(&db).await, &callbacks(1)).await;
}
