//! How a NATS server is told who we are: a user and password or a token, from the URL, or a credentials file.

use std::path::{Path, PathBuf};

use async_nats::{Auth, AuthError, ConnectOptions, ServerAddr};
use nkeys::KeyPair;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};

use crate::config::read_secret_file;

#[derive(Clone)]
pub(super) enum Login {
    None,
    Token(SecretString),
    Password(String, SecretString),
    /// Read at every connect, so that it can be renewed.
    File(PathBuf),
}

impl Login {
    /// What a URL says; a user alone is a token.
    pub fn of(url: &ServerAddr) -> Self {
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        match (url.username().map(plain), url.password().map(plain)) {
            (None, None) => Login::None,
            (Some(token), None) => Login::Token(token.into()),
            (user, Some(password)) => Login::Password(user.unwrap_or_default(), password.into()),
        }
    }

    /// A file that is not what it should be is found out at the start.
    pub fn file(path: &Path) -> Result<Self, String> {
        signed(path, &[]).map(|_| Login::File(path.to_owned()))
    }

    pub fn options(self) -> ConnectOptions {
        let options = ConnectOptions::new();
        match self {
            Login::None => options,
            Login::Token(token) => options.token(token.expose_secret().to_owned()),
            Login::Password(user, password) => options.user_and_password(user, password.expose_secret().to_owned()),
            Login::File(path) => ConnectOptions::with_auth_callback(move |nonce| {
                let signed = signed(&path, &nonce).map_err(AuthError::new);
                async move { signed }
            }),
        }
    }
}

/// The user's JWT, and the server's nonce signed with the user's key.
fn signed(path: &Path, nonce: &[u8]) -> Result<Auth, String> {
    let text = read_secret_file("credentials", path).map_err(|error| error.0)?;
    let after = |header: &str| {
        let mut lines = text.lines().skip_while(|line| !line.contains(header)).skip(1);
        lines.next().map(str::trim).ok_or_else(|| format!("credentials: {} has no {header}", path.display()))
    };
    let jwt = after("BEGIN NATS USER JWT")?;
    let key = KeyPair::from_seed(after("BEGIN USER NKEY SEED")?);
    let signature = key.and_then(|key| key.sign(nonce));
    let mut auth = Auth::new();
    auth.jwt = Some(jwt.to_owned());
    auth.signature =
        Some(signature.map_err(|error| format!("credentials: {} has no good key: {error}", path.display()))?);
    Ok(auth)
}
