//! The layers, weakest first, and which of them each value came from.

mod explain;
mod shorthands;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

use config::{Environment, File, FileFormat, Map, Source, Value, ValueKind};

use super::{Config, ConfigError, DEFAULTS, secret, show, validate};
use explain::is_part;
use shorthands::Shorthands;

/// What the command line says about the configuration.
#[derive(Debug, Default, Clone)]
pub struct Flags {
    /// `--config`
    pub config: Option<PathBuf>,
    /// `--database-url`
    pub database_url: Option<String>,
    /// `--sdk-app-id`
    pub sdk_app_id: Option<u64>,
    /// `--listen`
    pub listen: Option<String>,
    /// `--admin-listen`
    pub admin_listen: Option<String>,
}

/// A configuration and, key by key, its values and where they came from.
pub struct Loaded {
    /// The values as types.
    pub config: Config,
    /// Key → (value as the layer gave it, the layer).
    pub origins: BTreeMap<String, (Value, String)>,
    /// What the operator should know although it does not stop the start.
    pub warnings: Vec<String>,
    /// What stops `serve`, but no command that only reads.
    pub unfit_to_serve: Option<String>,
}

/// `origins` holds secrets as they were given, so that only the typed configuration is shown.
impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Reads all layers. `env` is the process environment, an argument so that tests need not change theirs.
pub fn load(flags: &Flags, env: &HashMap<String, String>) -> Result<Loaded, ConfigError> {
    let shorthand = Shorthands { env };
    shorthand.refuse_unknown()?;
    let file = flags.config.clone().or_else(|| shorthand.get("PORTRAITD_CONFIG").map(PathBuf::from));

    let mut layers = vec![layer("default", File::from_str(DEFAULTS, FileFormat::Toml))?];
    let mut open_file = None;
    if let Some(path) = file {
        let layer = file_layer(&path)?;
        open_file = (layer.holds_secrets() && secret::is_open_to_others(&path)).then(|| {
            format!("{0} holds secrets and is open to everybody on this machine: chmod o= {0}", path.display())
        });
        layers.push(layer);
    }
    layers.extend(environment(env)?);
    let (shorthands, stray_token) = shorthand.layers(flags, &layers)?;
    layers.extend(shorthands);
    layers.extend(flag_layers(flags));

    let mut builder = config::Config::builder();
    let mut origins: BTreeMap<String, (Value, String)> = BTreeMap::new();
    for layer in layers {
        for (key, value) in layer.keys {
            let list = key.split('[').next().unwrap_or(&key).to_owned();
            if list != key {
                origins
                    .retain(|k, (_, from)| !(k.starts_with(&format!("{list}[")) || *k == list) || *from == layer.name);
            } else {
                origins.retain(|k, _| !is_part(k, &key) && !is_part(&key, k));
            }
            origins.insert(key, (value, layer.name.clone()));
        }
        for (key, from) in layer.elsewhere {
            origins.entry(key).and_modify(|origin| origin.1 = from);
        }
        builder = builder.add_source(Collected(layer.content));
    }

    let merged = builder.build().map_err(|e| ConfigError(e.to_string()))?;
    let config: Config = serde_path_to_error::deserialize(merged.cache)
        .map_err(|e| explain::value(&e.path().to_string(), &e.into_inner(), &origins))?;
    let mut warnings = validate::check(&config)?;
    warnings.extend(open_file);
    let no_app = config.apps.is_empty().then(|| {
        "no app is configured: name one with --sdk-app-id or PORTRAITD_SDK_APP_ID, or several in [[apps]]".to_owned()
    });
    Ok(Loaded { config, origins, warnings, unfit_to_serve: stray_token.or(no_app) })
}

struct Layer {
    name: String,
    keys: BTreeMap<String, Value>,
    content: Map<String, Value>,
    /// Keys that came from somewhere else than the rest of the layer.
    elsewhere: BTreeMap<String, String>,
}

impl Layer {
    /// Tokens, keys, or a database URL with a password.
    fn holds_secrets(&self) -> bool {
        self.keys.iter().any(|(key, value)| match &value.kind {
            ValueKind::Array(list) => (key.ends_with("].tokens") || key.ends_with("].secrets")) && !list.is_empty(),
            ValueKind::String(text) => {
                key.ends_with("].tokens")
                    || key.ends_with("secret_key")
                    || key.ends_with("].secrets")
                    || key.ends_with("url") && show::redact_url(text) != *text
            }
            _ => false,
        })
    }
}

#[derive(Debug, Clone)]
struct Collected(Map<String, Value>);

impl Source for Collected {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone())
    }
}

fn layer(name: &str, source: impl Source) -> Result<Layer, ConfigError> {
    let content = source.collect().map_err(|e| ConfigError(format!("{name}: {e}")))?;
    Ok(collected(name, content))
}

fn file_layer(path: &Path) -> Result<Layer, ConfigError> {
    let name = path.display().to_string();
    if !path.is_file() {
        return Err(ConfigError(format!("{name}: there is no such configuration file")));
    }
    let text = std::fs::read_to_string(path).map_err(|e| ConfigError(format!("{name}: {e}")))?;
    let content = File::from_str(&text, FileFormat::Toml).collect().map_err(|e| explain::syntax(&name, &text, &e))?;
    Ok(collected(&name, content))
}

fn collected(name: &str, content: Map<String, Value>) -> Layer {
    let mut keys = BTreeMap::new();
    for (key, value) in &content {
        flatten(key, value, &mut keys);
    }
    Layer { name: name.to_owned(), keys, content, elsewhere: BTreeMap::new() }
}

fn flatten(key: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
    match &value.kind {
        ValueKind::Table(table) => {
            for (name, inner) in table {
                flatten(&format!("{key}.{name}"), inner, into);
            }
        }
        ValueKind::Array(list) if list.iter().any(|v| matches!(v.kind, ValueKind::Table(_))) => {
            for (at, inner) in list.iter().enumerate() {
                flatten(&format!("{key}[{at}]"), inner, into);
            }
        }
        _ => {
            into.insert(key.to_owned(), value.clone());
        }
    }
}

/// One layer a variable, so that an error can name the variable.
fn environment(env: &HashMap<String, String>) -> Result<Vec<Layer>, ConfigError> {
    let mut names: Vec<_> = env.keys().filter(|name| name.starts_with("PORTRAITD__")).collect();
    names.sort();
    names
        .into_iter()
        .map(|name| {
            let one = HashMap::from([(name.clone(), env[name].clone())]);
            let source = Environment::with_prefix("PORTRAITD")
                .prefix_separator("__")
                .separator("__")
                .ignore_empty(true)
                .source(Some(one));
            layer(name, source)
        })
        .collect()
}

/// A layer that holds one key, `section.name`.
fn single(from: &str, key: &str, value: impl Into<ValueKind>) -> Layer {
    let value = Value::new(None, value);
    let content = match key.split_once('.') {
        Some((section, name)) => {
            Map::from_iter([(section.to_owned(), Value::new(None, Map::from_iter([(name.to_owned(), value)])))])
        }
        None => Map::from_iter([(key.to_owned(), value)]),
    };
    collected(from, content)
}

fn flag_layers(flags: &Flags) -> Vec<Layer> {
    let text = [
        ("--database-url", "store.url", &flags.database_url),
        ("--listen", "receiver.listen", &flags.listen),
        ("--admin-listen", "admin.listen", &flags.admin_listen),
    ];
    text.into_iter()
        .filter_map(|(flag, key, value)| value.as_ref().map(|value| single(flag, key, value.clone())))
        .collect()
}

#[cfg(test)]
mod tests;
