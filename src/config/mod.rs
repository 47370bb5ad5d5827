//! Configuration: layers in, one validated [`Config`] out, and where each value came from.
//!
//! Nothing else in the crate looks at the environment or a configuration file.

mod attributes;
mod duration;
mod environment;
mod handlers;
mod layers;
mod model;
mod network;
mod other_commands;
mod secret;
mod show;
mod validate;

pub use attributes::{Attribute, MAX_ATTRIBUTE_BYTES};
pub use duration::Every;
pub use environment::environment;
pub use handlers::{Dispatch, ForwardFormat, HANDLER_NAME, Handler, HandlerKind, StartAt, is_handler_name};
pub use layers::{Flags, Loaded, load};
pub use model::{
    Admin, AdminToken, App, Config, Log, LogFormat, Proof, Receiver, Reconcile, Scope, Shutdown, Spool, StoreConfig,
    Tencent, Tls,
};
pub use network::network;
pub use other_commands::OtherCommands;
pub(crate) use secret::read_file as read_secret_file;
pub use show::{redact_url, show};

/// `config/default.toml`, the weakest layer and the reference of all keys.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// What is wrong with a configuration, naming the key and what to do. Programs exit with code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);
