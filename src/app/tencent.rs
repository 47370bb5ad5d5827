//! The configuration's apps as clients of the vendor's API.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::config::{self, Config, ConfigError};
use crate::tencent::Client;

/// A client for each app that has a secret key. Make them once: a client and its clones keep the app's rates together.
pub fn clients(config: &Config) -> Result<BTreeMap<u64, Client>, ConfigError> {
    let with_key = config.apps.iter().filter_map(|app| Some((app.sdk_app_id, secret_key(config, app)?)));
    with_key.map(|(app, key)| Ok((app, client(config, app, key)?))).collect()
}

/// Whom `reconcile.every` is about: the apps that have a secret key.
pub fn to_reconcile(config: &Config, clients: BTreeMap<u64, Client>) -> Result<Vec<Client>, ConfigError> {
    if config.reconcile.every.is_none() {
        return Ok(Vec::new());
    }
    if clients.is_empty() {
        return Err(ConfigError(
            "reconcile.every: reconciling takes an app's secret key: set tencent.secret_key, PORTRAITD_SECRET_KEY, or secret_key \
             in its [[apps]]"
                .to_owned(),
        ));
    }
    Ok(clients.into_values().collect())
}

/// A client for this app, or for the only one there is.
pub fn client_of(config: &Config, app: Option<u64>) -> Result<Client, ConfigError> {
    let (app, key) = app_and_key(config, app)?;
    client(config, app, key)
}

/// An app and its secret key: this one, or the only one there is.
pub fn app_and_key(config: &Config, app: Option<u64>) -> Result<(u64, &SecretString), ConfigError> {
    let found = match (app, config.apps.as_slice()) {
        (Some(id), apps) => apps.iter().find(|app| app.sdk_app_id == id).ok_or_else(|| {
            ConfigError(format!("app {id} is not configured: name it in [[apps]], or with PORTRAITD_SDK_APP_ID"))
        })?,
        (None, [app]) => app,
        (None, []) => {
            return Err(ConfigError(
                "no app is configured: name one with PORTRAITD_SDK_APP_ID, or several in [[apps]]".to_owned(),
            ));
        }
        (None, apps) => {
            let ids: Vec<String> = apps.iter().map(|app| app.sdk_app_id.to_string()).collect();
            return Err(ConfigError(format!("which app? Give --app with one of {}", ids.join(", "))));
        }
    };
    let key = secret_key(config, found).ok_or_else(|| {
        ConfigError(format!(
            "app {} has no secret key: set PORTRAITD_SECRET_KEY, tencent.secret_key, or secret_key in its [[apps]]",
            found.sdk_app_id
        ))
    })?;
    Ok((found.sdk_app_id, key))
}

fn secret_key<'c>(config: &'c Config, app: &'c config::App) -> Option<&'c SecretString> {
    app.secret_key.as_ref().or(config.tencent.secret_key.as_ref())
}

fn client(config: &Config, app: u64, key: &SecretString) -> Result<Client, ConfigError> {
    let tencent = &config.tencent;
    let builder = Client::builder(app, key.clone()).region(tencent.region).identifier(&tencent.identifier);
    let builder = match &tencent.base_url {
        Some(url) => builder.base_url(url),
        None => builder,
    };
    builder.build().map_err(|error| ConfigError(format!("tencent: {error}")))
}
