//! What types alone do not say: combinations that would not do what their author meant.

use std::collections::HashSet;

use secrecy::ExposeSecret;

use super::{Config, ConfigError, handlers, secret};

/// What one body may be at most, whatever the configuration says: it is held in memory, and so are those that wait.
const MAX_BODY_BYTES: usize = 16 << 20;
/// Chat's own repetitions come within seconds; a shorter window would record them twice.
const MIN_DEDUPE_WINDOW_SECS: u32 = 60;

/// Refuses what cannot work; returns what works but deserves a warning.
pub(super) fn check(config: &Config) -> Result<Vec<String>, ConfigError> {
    apps(config)?;
    receiver(config)?;
    admin(config)?;
    store(config)?;
    spool(config)?;
    proof(config)?;
    tencent(config)?;
    handlers::check(config)?;
    Ok(warnings(config))
}

fn refuse<T>(message: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError(message.into()))
}

fn apps(config: &Config) -> Result<(), ConfigError> {
    let mut seen = HashSet::new();
    for app in &config.apps {
        if app.sdk_app_id == 0 || i64::try_from(app.sdk_app_id).is_err() {
            return refuse(format!("apps: {} is not an SDKAppID", app.sdk_app_id));
        }
        if !seen.insert(app.sdk_app_id) {
            return refuse(format!("apps: {} is listed twice; put all its tokens into one entry", app.sdk_app_id));
        }
        if app.tokens.iter().any(|t| !(1..=128).contains(&t.expose_secret().len())) {
            return refuse(format!(
                "apps: a token of {} is empty or longer than the vendor's 128 characters",
                app.sdk_app_id
            ));
        }
    }
    Ok(())
}

fn receiver(config: &Config) -> Result<(), ConfigError> {
    let receiver = &config.receiver;
    if !receiver.path.starts_with('/') || receiver.path.contains(['?', '#', ' ']) {
        return refuse(format!("receiver.path: {:?} must begin with / and hold no ?, # or space", receiver.path));
    }
    if receiver.path == "/healthz" {
        return refuse("receiver.path: /healthz is taken by the health check");
    }
    if receiver.max_body_bytes == 0 || receiver.answer_budget_ms == 0 || receiver.store_budget_ms == 0 {
        return refuse(
            "receiver.max_body_bytes, receiver.store_budget_ms and receiver.answer_budget_ms must be more than 0",
        );
    }
    if receiver.max_connections == 0 || config.admin.max_connections == 0 {
        return refuse("receiver.max_connections and admin.max_connections must be more than 0");
    }
    if receiver.max_inflight_bytes < receiver.max_body_bytes {
        return refuse(format!(
            "receiver.max_inflight_bytes: {} must not be less than receiver.max_body_bytes = {}",
            receiver.max_inflight_bytes, receiver.max_body_bytes
        ));
    }
    if receiver.auth_failures_per_minute == 0 {
        return refuse("receiver.auth_failures_per_minute must be more than 0");
    }
    if receiver.max_body_bytes > MAX_BODY_BYTES {
        return refuse(format!("receiver.max_body_bytes must not be more than {MAX_BODY_BYTES}"));
    }
    if let Some(url) = &receiver.public_url
        && !(url.starts_with("https://") || url.starts_with("http://"))
    {
        return refuse(format!("receiver.public_url: {url:?} must begin with https:// or http://"));
    }
    let unsigned: Vec<_> =
        config.apps.iter().filter(|a| a.tokens.is_empty()).map(|a| a.sdk_app_id.to_string()).collect();
    if !unsigned.is_empty() && !receiver.listen.ip().is_loopback() && !receiver.allow_unsigned {
        return refuse(format!(
            "receiver.listen: {} is reachable by others, and app {} has no token, so anybody could write its log; \
             set its callback authentication token (PORTRAITD_CALLBACK_TOKEN or tokens in [[apps]]), \
             or receiver.allow_unsigned = true if something in front checks who sends",
            receiver.listen,
            unsigned.join(", ")
        ));
    }
    Ok(())
}

fn admin(config: &Config) -> Result<(), ConfigError> {
    let admin = &config.admin;
    if admin.tokens.is_empty() && !admin.listen.ip().is_loopback() {
        return refuse(format!(
            "admin.listen: {} is reachable by others; set PORTRAITD_ADMIN_TOKEN or [[admin.tokens]] first",
            admin.listen
        ));
    }
    for token in &admin.tokens {
        // The access log names it.
        if token.name.is_empty() || token.name.chars().any(char::is_control) {
            return refuse(format!("admin.tokens: the name {:?} must be one line, not empty", token.name));
        }
        let hex = token.sha256.len() == 64 && token.sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !hex {
            return refuse(format!("admin.tokens: sha256 of {:?} must be 64 lower-case hex digits", token.name));
        }
    }
    Ok(())
}

fn store(config: &Config) -> Result<(), ConfigError> {
    let url = config.store.url.expose_secret();
    let known = ["postgres://", "postgresql://", "sqlite:"].iter().any(|scheme| url.starts_with(scheme));
    if !known {
        return refuse("store.url: must begin with postgres:// or sqlite://");
    }
    if config.store.retention_days == Some(0) {
        return refuse("store.retention_days: 0 would keep nothing; leave it out to keep everything");
    }
    if config.store.dedupe_window_secs < MIN_DEDUPE_WINDOW_SECS {
        return refuse(format!("store.dedupe_window_secs must not be less than {MIN_DEDUPE_WINDOW_SECS}"));
    }
    Ok(())
}

fn spool(config: &Config) -> Result<(), ConfigError> {
    if config.spool.dir.as_os_str().is_empty() {
        return refuse("spool.dir: must name a folder");
    }
    if config.spool.max_bytes == 0 {
        return refuse("spool.max_bytes must be more than 0");
    }
    Ok(())
}

fn proof(config: &Config) -> Result<(), ConfigError> {
    let Some(url) = &config.proof.head_url else { return Ok(()) };
    let url = reqwest::Url::parse(url.expose_secret()).ok();
    match url.filter(|url| matches!(url.scheme(), "http" | "https") && url.fragment().is_none()) {
        Some(_) => Ok(()),
        None => refuse(
            "proof.head_url: must be an http(s) URL without #, such as \"https://anchors.example.com/portraitd\"",
        ),
    }
}

fn tencent(config: &Config) -> Result<(), ConfigError> {
    let tencent = &config.tencent;
    let url = tencent.base_url.as_deref().map(reqwest::Url::parse);
    let is_base = |url: &reqwest::Url| {
        matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none()
    };
    if url.is_some_and(|url| !url.is_ok_and(|url| is_base(&url))) {
        return refuse("tencent.base_url: must be an http(s) URL without ? and #, such as \"http://127.0.0.1:9000\"");
    }
    if tencent.identifier.is_empty() {
        return refuse("tencent.identifier: must name an administrator of the app");
    }
    if tencent.secret_key.is_some() && config.apps.len() > 1 {
        return refuse(
            "tencent.secret_key: a key belongs to one app; with several, write secret_key into their [[apps]]",
        );
    }
    let keys = config.apps.iter().map(|app| &app.secret_key).chain([&tencent.secret_key]);
    if keys.flatten().any(|key| key.expose_secret().trim() != key.expose_secret() || key.expose_secret().is_empty()) {
        return refuse("tencent.secret_key, or secret_key in [[apps]], is empty or has spaces around it");
    }
    Ok(())
}

fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    for app in config.apps.iter().filter(|a| a.tokens.is_empty()) {
        warnings.push(format!(
            "app {} has no token: whoever reaches {} can write its log (PORTRAITD_CALLBACK_TOKEN sets one)",
            app.sdk_app_id, config.receiver.listen
        ));
    }
    let receiver = &config.receiver;
    if receiver.store_budget_ms >= receiver.answer_budget_ms {
        warnings.push(format!(
            "receiver.store_budget_ms = {} leaves nothing of receiver.answer_budget_ms = {} for the spool; half of it is used",
            receiver.store_budget_ms, receiver.answer_budget_ms
        ));
    }
    if let Some(path) = receiver.public_url.as_deref().map(path_of).filter(|path| *path != receiver.path) {
        warnings.push(format!(
            "receiver.public_url leads to {path}, but callbacks are taken at receiver.path = {:?}; \
             unless something in front changes the path, they will be answered 404",
            receiver.path
        ));
    }
    if config.tencent.base_url.as_deref().is_some_and(|url| url.starts_with("http://") && !is_on_this_machine(url)) {
        warnings.push(
            "tencent.base_url is plain http: whoever is on the way sees a UserSig, which is as good as the app"
                .to_owned(),
        );
    }
    let keys = [("receiver.tls.key", &receiver.tls), ("admin.tls.key", &config.admin.tls)];
    for (name, key) in keys.into_iter().filter_map(|(name, tls)| Some((name, &tls.as_ref()?.key))) {
        if secret::is_open_to_others(key) {
            warnings.push(format!("{name}: everybody on this machine may use {0}: chmod o= {0}", key.display()));
        }
    }
    warnings
}

fn is_on_this_machine(url: &str) -> bool {
    let host = reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

/// The path of an http(s) URL.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    rest.find('/').map_or("/", |slash| &rest[slash..])
}
