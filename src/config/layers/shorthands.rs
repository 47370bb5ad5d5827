//! The shorthands: a few variables that stand for keys, so that the common settings need no file.

use std::collections::HashMap;

use aws_lc_rs::digest;
use config::{Map, Value};

use super::{Flags, Layer, single};
use crate::config::{ConfigError, secret};

/// What the names after `PORTRAITD_` may be.
const KNOWN: [&str; 4] = ["SDK_APP_ID", "CALLBACK_TOKEN", "ADMIN_TOKEN", "SECRET_KEY"];

/// The environment, asked for shorthands.
pub(super) struct Shorthands<'e> {
    pub env: &'e HashMap<String, String>,
}

impl Shorthands<'_> {
    /// An empty variable counts as unset.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A misspelt shorthand must not be silently without effect: the callbacks would be taken unsigned, for instance.
    pub fn refuse_unknown(&self) -> Result<(), ConfigError> {
        let mut unknown: Vec<_> = self.env.keys().filter(|name| self.is_unknown(name)).map(String::as_str).collect();
        unknown.sort_unstable();
        if unknown.is_empty() {
            return Ok(());
        }
        Err(ConfigError(format!("{}: no such variable; `portraitd --help` names those there are", unknown.join(", "))))
    }

    fn is_unknown(&self, name: &str) -> bool {
        let Some(short) = name.strip_prefix("PORTRAITD_").filter(|short| !short.starts_with('_')) else { return false };
        let known = short == "CONFIG" || KNOWN.contains(&short.strip_suffix("_FILE").unwrap_or(short));
        !known && self.get(name).is_some_and(|value| !is_service_link(name, value))
    }

    /// The variable, or the file that the variable with `_FILE` names; and which of the two it was.
    fn secret(&self, name: &str) -> Result<Option<(String, String)>, ConfigError> {
        let file_name = format!("{name}_FILE");
        match (self.get(name), self.get(&file_name)) {
            (Some(_), Some(_)) => Err(ConfigError(format!("{name} and {file_name} are both set; keep one"))),
            (Some(value), None) => Ok(Some((value.to_owned(), name.to_owned()))),
            (None, Some(path)) => Ok(Some((secret::read_file(&file_name, path.as_ref())?, file_name))),
            (None, None) => Ok(None),
        }
    }

    /// Their layers, and what is wrong with a callback token that belongs to no app.
    pub fn layers(&self, flags: &Flags, below: &[Layer]) -> Result<(Vec<Layer>, Option<String>), ConfigError> {
        let mut layers = Vec::new();
        if let Some((url, from)) = self.secret("DATABASE_URL")? {
            layers.push(single(&from, "store.url", url));
        }
        let tokens = self.secret("PORTRAITD_CALLBACK_TOKEN")?;
        if let Some((_, from)) = tokens.as_ref().filter(|(text, _)| secret::split(text).is_empty()) {
            return Err(ConfigError(format!("{from} holds no token; unset it to take callbacks unsigned")));
        }
        let app = self.app(flags, lists(below, "apps"), tokens.as_ref())?;
        let stray_token = tokens.filter(|_| app.is_none()).map(|(_, from)| {
            format!(
                "{from} goes with PORTRAITD_SDK_APP_ID or --sdk-app-id; with [[apps]], write tokens = [\"…\"] there"
            )
        });
        layers.extend(app);
        if let Some((key, from)) = self.secret("PORTRAITD_SECRET_KEY")? {
            layers.push(single(&from, "tencent.secret_key", key));
        }
        if let Some((token, from)) = self.secret("PORTRAITD_ADMIN_TOKEN")? {
            if lists(below, "admin.tokens") {
                return Err(ConfigError(format!("{from} and [[admin.tokens]] both name tokens; keep one of the two")));
            }
            let hash = hex::encode(digest::digest(&digest::SHA256, token.as_bytes()));
            let scopes: Vec<String> = ["read", "operate", "metrics"].map(str::to_owned).to_vec();
            let entry: Map<String, Value> = Map::from_iter([
                ("name".to_owned(), Value::new(None, "admin")),
                ("sha256".to_owned(), Value::new(None, hash)),
                ("scopes".to_owned(), Value::new(None, scopes)),
            ]);
            layers.push(single(&from, "admin.tokens", vec![Value::new(None, entry)]));
        }
        Ok((layers, stray_token))
    }

    /// `PORTRAITD_SDK_APP_ID` or `--sdk-app-id`, with `PORTRAITD_CALLBACK_TOKEN`: one app, and then `[[apps]]` is empty.
    fn app(
        &self,
        flags: &Flags,
        has_apps: bool,
        tokens: Option<&(String, String)>,
    ) -> Result<Option<Layer>, ConfigError> {
        let (id, from): (u64, _) = match (flags.sdk_app_id, self.secret("PORTRAITD_SDK_APP_ID")?) {
            (Some(id), _) => (id, "--sdk-app-id".to_owned()),
            (None, Some((text, from))) => {
                let id = Some(&text)
                    .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
                    .and_then(|text| text.parse().ok());
                let id = id.ok_or_else(|| {
                    ConfigError(format!("{from}: {text:?} is not an SDKAppID, a number such as 1400000000"))
                })?;
                (id, from)
            }
            (None, None) => return Ok(None),
        };
        if has_apps {
            return Err(ConfigError(format!("{from} names one app, but [[apps]] is not empty; keep one of the two")));
        }
        let secrets = tokens.map(|(text, _)| secret::split(text)).unwrap_or_default();
        let entry: Map<String, Value> = Map::from_iter([
            ("sdk_app_id".to_owned(), Value::new(None, id)),
            ("tokens".to_owned(), Value::new(None, secrets)),
        ]);
        let mut layer = single(&from, "apps", vec![Value::new(None, entry)]);
        if let Some((_, from)) = tokens {
            layer.elsewhere.insert("apps[0].tokens".to_owned(), from.clone());
        }
        Ok(Some(layer))
    }
}

/// Whether a layer has entries of this list.
fn lists(layers: &[Layer], list: &str) -> bool {
    let entry = format!("{list}[");
    layers.iter().any(|layer| layer.keys.keys().any(|key| key.starts_with(&entry)))
}

/// Kubernetes puts such variables into every container for a Service whose name begins with `portraitd`.
fn is_service_link(name: &str, value: &str) -> bool {
    ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT_"].iter().any(|part| name.contains(part))
        || name.ends_with("_PORT") && value.contains("://")
}
