//! The keys as types. `config/default.toml` says what they mean; a test holds the two together.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de};

use super::duration::Every;
use super::handlers::{Dispatch, Handler};
use super::network::networks;
use super::other_commands::OtherCommands;
use super::secret::{secrets, words};
use crate::tencent::Region;

/// Everything `serve` needs to know.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `[[apps]]`
    pub apps: Vec<App>,
    /// `[receiver]`
    pub receiver: Receiver,
    /// `[admin]`
    pub admin: Admin,
    /// `[store]`
    pub store: StoreConfig,
    /// `[spool]`
    pub spool: Spool,
    /// `[dispatch]`
    pub dispatch: Dispatch,
    /// `[[handlers]]`
    pub handlers: Vec<Handler>,
    /// `[proof]`
    pub proof: Proof,
    /// `[tencent]`
    pub tencent: Tencent,
    /// `[log]`
    pub log: Log,
    /// `[shutdown]`
    pub shutdown: Shutdown,
}

/// One app whose callbacks are taken.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// The SDKAppID the console shows.
    pub sdk_app_id: u64,
    /// Callback authentication tokens; empty means unsigned.
    #[serde(default, deserialize_with = "secrets")]
    pub tokens: Vec<SecretString>,
    /// What its UserSigs are made with.
    pub secret_key: Option<SecretString>,
}

/// The public listener.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Receiver {
    pub listen: SocketAddr,
    pub path: String,
    pub public_url: Option<String>,
    pub max_body_bytes: usize,
    pub other_commands: OtherCommands,
    pub sign_window_secs: u32,
    pub allow_unsigned: bool,
    pub allowlist: Option<PathBuf>,
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    pub auth_failures_per_minute: u32,
    pub store_budget_ms: u64,
    pub answer_budget_ms: u64,
    pub max_connections: usize,
    pub max_inflight_bytes: usize,
    pub tls: Option<Tls>,
}

/// PEM files of one listener.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Certificate chain, leaf first.
    pub cert: PathBuf,
    /// Private key of the leaf.
    pub key: PathBuf,
}

/// The private listener.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Admin {
    pub listen: SocketAddr,
    #[serde(deserialize_with = "words")]
    pub hosts: Vec<String>,
    pub max_connections: usize,
    pub tokens: Vec<AdminToken>,
    pub tls: Option<Tls>,
}

/// Somebody who may use the private listener.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminToken {
    /// Who it is, for people.
    pub name: String,
    /// SHA-256 of the token, lower-case hex.
    pub sha256: String,
    /// What it lets in to.
    pub scopes: Vec<Scope>,
}

/// What a token lets in to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Scope {
    Read,
    Operate,
    Metrics,
}

/// Where the log is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct StoreConfig {
    pub url: SecretString,
    pub retention_days: Option<u32>,
    pub dedupe_window_secs: u32,
    pub unreadable_max_bytes: u64,
}

/// Where callbacks wait while the store is away.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Spool {
    pub dir: PathBuf,
    pub max_bytes: u64,
}

/// Where heads are noted for somebody outside, and how often the log is verified.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Proof {
    pub head_file: Option<PathBuf>,
    pub head_url: Option<SecretString>,
    pub every: Every,
    pub verify_every: Option<Every>,
}

/// How the vendor's API is called.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Tencent {
    #[serde(deserialize_with = "region")]
    pub region: Region,
    pub base_url: Option<String>,
    pub identifier: String,
    pub secret_key: Option<SecretString>,
}

fn region<'de, D: Deserializer<'de>>(from: D) -> Result<Region, D::Error> {
    String::deserialize(from)?.parse().map_err(de::Error::custom)
}

/// The program's own log.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Log {
    pub filter: String,
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum LogFormat {
    Text,
    Json,
}

/// How the program ends.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Shutdown {
    pub grace_secs: u64,
}
