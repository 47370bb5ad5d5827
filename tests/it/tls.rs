//! HTTPS in the program itself: certificates are read again when their files change, connections stay.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertifiedKey, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::harness::db::Database;
use crate::harness::service::wire::Wire;
use crate::harness::service::{Launch, Service, program};

/// Each of them reads the files for itself, and says so.
const LISTENERS: usize = 2;

/// A certificate, its key, and the files they are in.
pub struct Files {
    folder: TempDir,
}

impl Files {
    pub fn new(pair: &CertifiedKey<KeyPair>) -> Self {
        let files = Files { folder: tempfile::tempdir().expect("a temporary folder") };
        files.put(pair.cert.pem().as_bytes(), pair.signing_key.serialize_pem().as_bytes());
        files
    }

    pub fn cert(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// Replaces both files, each in one step, as certificate tools do.
    fn put(&self, cert: &[u8], key: &[u8]) {
        replace(&self.key(), key);
        replace(&self.cert(), cert);
    }

    pub fn toml(&self) -> String {
        self.toml_with_key_of(self)
    }

    pub fn toml_with_key_of(&self, other: &Files) -> String {
        let tls = format!("cert = {:?}\nkey = {:?}", self.cert(), other.key());
        format!("[receiver.tls]\n{tls}\n[admin.tls]\n{tls}")
    }
}

fn replace(path: &Path, bytes: &[u8]) {
    let new = path.with_extension("new");
    std::fs::write(&new, bytes).expect("the file can be written");
    std::fs::rename(new, path).expect("the file can be replaced");
}

pub fn certificate() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("a certificate")
}

/// A connection that trusts these certificates and no others.
pub async fn connect(
    address: std::net::SocketAddr,
    trusted: &[&CertifiedKey<KeyPair>],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    for pair in trusted {
        roots.add(pair.cert.der().clone()).expect("a certificate");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, TcpStream::connect(address).await?).await
}

/// The certificate a new connection is shown.
async fn shown(service: &Service, trusted: &[&CertifiedKey<KeyPair>]) -> CertificateDer<'static> {
    let stream = connect(service.public, trusted).await.expect("a connection");
    stream.get_ref().1.peer_certificates().expect("a certificate")[0].clone().into_owned()
}

async fn serving(pair: &CertifiedKey<KeyPair>) -> (Database, Files, Service) {
    let db = Database::sqlite().await;
    let files = Files::new(pair);
    let service = Launch::on(&db).toml(&files.toml()).start().await;
    (db, files, service)
}

#[tokio::test]
async fn both_listeners_speak_https_and_nothing_else() {
    let pair = certificate();
    let (_db, _files, service) = serving(&pair).await;
    assert!(service.url.starts_with("https://") && service.private_url.starts_with("https://"), "the banner says so");
    let mut public = Wire::new(connect(service.public, &[&pair]).await.expect("TLS"));
    public.send(service.callback().request()).await;
    public.answer().await.assert_ok("a callback over HTTPS");
    let mut private = Wire::new(connect(service.private, &[&pair]).await.expect("TLS"));
    private.send("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(private.answer().await.status, 200);
    let mut plain = service.connect().await;
    plain.send(service.callback().request()).await;
    // Whatever it says to plain HTTP, it is not an answer.
    plain.finish().await;
    let mut said = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut plain.stream, &mut said).await;
    assert!(!said.starts_with(b"HTTP/"), "{:?}", String::from_utf8_lossy(&said));
    assert_eq!(service.verified_entries(), 1);
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_certificate_does_not_connect() {
    let pair = certificate();
    let (_db, _files, service) = serving(&pair).await;
    assert!(connect(service.public, &[&certificate()]).await.is_err());
    assert!(connect(service.public, &[&pair]).await.is_ok());
}

#[tokio::test]
async fn a_replaced_certificate_is_served_to_new_connections_while_open_ones_continue() {
    let (old, new) = (certificate(), certificate());
    let (_db, files, service) = serving(&old).await;
    let mut open = Wire::new(connect(service.public, &[&old]).await.expect("TLS"));
    open.send(service.callback().request()).await;
    open.answer().await.assert_ok("before");

    files.put(new.cert.pem().as_bytes(), new.signing_key.serialize_pem().as_bytes());
    service.says_times("read again", LISTENERS).await;
    assert_eq!(shown(&service, &[&old, &new]).await, *new.cert.der(), "a new connection is shown the new one");
    assert!(connect(service.public, &[&old]).await.is_err(), "the old one is gone");
    assert!(connect(service.private, &[&new]).await.is_ok(), "and so with the private listener");

    open.send(service.callback().request()).await;
    open.answer().await.assert_ok("after, on the connection from before");
    assert_eq!(service.verified_entries(), 2);
}

#[tokio::test]
async fn a_broken_replacement_keeps_the_last_good_certificate_and_a_good_one_later_is_taken() {
    let (old, new) = (certificate(), certificate());
    let (_db, files, service) = serving(&old).await;
    let trusted = [&old, &new];

    replace(&files.cert(), b"garbage");
    let line = service.says_times("cannot be used", LISTENERS).await;
    assert!(line.contains("cert.pem") && line.contains("last good one stays"), "{line}");
    assert_eq!(shown(&service, &trusted).await, *old.cert.der(), "after garbage");

    replace(&files.cert(), new.cert.pem().as_bytes());
    let line = service.says_times("not the key of", LISTENERS).await;
    assert!(line.contains("key.pem"), "{line}");
    assert_eq!(shown(&service, &trusted).await, *old.cert.der(), "after a certificate without its key");

    replace(&files.key(), new.signing_key.serialize_pem().as_bytes());
    service.says_times("read again", LISTENERS).await;
    assert_eq!(shown(&service, &trusted).await, *new.cert.der(), "after the key came as well");
}

#[tokio::test]
async fn files_that_are_gone_keep_the_last_good_certificate() {
    let (old, new) = (certificate(), certificate());
    let (_db, files, service) = serving(&old).await;
    std::fs::remove_file(files.cert()).expect("removed");
    std::fs::remove_file(files.key()).expect("removed");
    let line = service.says_times("cannot be used", LISTENERS).await;
    assert!(
        line.contains("cannot read") && line.contains("cert.pem") && line.contains("last good one stays"),
        "{line}"
    );
    assert_eq!(shown(&service, &[&old, &new]).await, *old.cert.der());
    files.put(new.cert.pem().as_bytes(), new.signing_key.serialize_pem().as_bytes());
    service.says_times("read again", LISTENERS).await;
    assert_eq!(shown(&service, &[&old, &new]).await, *new.cert.der());

    std::fs::rename(files.cert(), files.cert().with_extension("away")).expect("moved");
    service.says_times("cannot be used", 2 * LISTENERS).await;
    std::fs::rename(files.cert().with_extension("away"), files.cert()).expect("moved back");
    service.says_times("can be used again", LISTENERS).await;
    assert_eq!(
        service.stderr().matches("cannot be used").count(),
        2 * LISTENERS,
        "once each time:\n{}",
        service.stderr()
    );
}

/// What is wrong, how it comes to be, and the file that is to blame.
type Spoilt = (&'static str, fn(&Files), &'static str);

#[tokio::test]
async fn a_file_that_cannot_be_used_at_the_start_is_named_exits_2_and_leaves_no_log_behind() {
    let pair = certificate();
    let db = Database::sqlite().await;
    let cases: [Spoilt; 6] = [
        ("no certificate", |files| std::fs::remove_file(files.cert()).expect("removed"), "cert.pem"),
        ("no key", |files| std::fs::remove_file(files.key()).expect("removed"), "key.pem"),
        ("garbage as certificate", |files| replace(&files.cert(), b"garbage"), "cert.pem"),
        ("garbage as key", |files| replace(&files.key(), b"garbage"), "key.pem"),
        ("an empty certificate", |files| replace(&files.cert(), b""), "cert.pem"),
        (
            "another's key",
            |files| replace(&files.key(), certificate().signing_key.serialize_pem().as_bytes()),
            "key.pem",
        ),
    ];
    for (case, spoil, named) in cases {
        let files = Files::new(&pair);
        spoil(&files);
        let (status, said) = Launch::on(&db).toml(&files.toml()).fail().await;
        assert_eq!(status.code(), Some(2), "{case}: {said}");
        let path = files.folder.path().join(named);
        assert!(said.contains(&path.display().to_string()) && said.contains("receiver.tls"), "{case}: {said}");
        assert!(!said.contains("PRIVATE KEY"), "{case}: {said}");
        assert!(!db.path().exists(), "{case}: a log was made");
    }
}

#[tokio::test]
async fn the_health_check_asks_over_https_where_the_listener_does() {
    let pair = certificate();
    let (_db, files, service) = serving(&pair).await;
    let config = service.path("check.toml");
    std::fs::write(&config, format!("{}\n[[apps]]\nsdk_app_id = 1\n", files.toml())).expect("written");
    let env = [
        ("PORTRAITD_CONFIG", config.to_str().expect("a path")),
        ("PORTRAITD__ADMIN__LISTEN", &service.private.to_string()),
    ];
    let output = program::run(service.folder(), &env, &["healthcheck", "--ready"]);
    assert_eq!(program::code(&output), 0, "{}", program::stderr(&output));
}
