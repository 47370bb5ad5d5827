//! UserSig (TLSSigAPIv2): what proves to Chat, for a while, that a caller speaks for an account.
//!
//! `TLS.sig` is an HMAC-SHA256 of the claims; claims and `TLS.sig` travel as JSON, deflated, in an alphabet of their own.

use std::io::{Read, Write};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// More than any UserSig unpacks to: a stranger's must not fill the memory.
const MAX_JSON: u64 = 4096;

/// What a UserSig says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The account it speaks for.
    pub identifier: String,
    /// The app it is good for.
    pub sdk_app_id: u64,
    /// When it was made, in Unix seconds.
    pub time: i64,
    /// For how many seconds from then on.
    pub expire: i64,
}

/// Why a UserSig is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserSigError {
    /// Not Base64 of that alphabet, not zlib, not the JSON.
    #[error("it is not a UserSig")]
    Unreadable,
    /// Made for another app.
    #[error("it is of another SDKAppID")]
    OtherApp,
    /// Made for another account.
    #[error("it is of another identifier")]
    OtherIdentifier,
    /// Not made with this secret key.
    #[error("it was not made with this secret key")]
    WrongSignature,
    /// Good once.
    #[error("it has expired")]
    Expired,
}

#[derive(Serialize, Deserialize)]
struct Json {
    #[serde(rename = "TLS.ver")]
    ver: String,
    #[serde(rename = "TLS.identifier")]
    identifier: String,
    #[serde(rename = "TLS.sdkappid")]
    sdkappid: u64,
    #[serde(rename = "TLS.expire")]
    expire: i64,
    #[serde(rename = "TLS.time")]
    time: i64,
    #[serde(rename = "TLS.sig")]
    sig: String,
}

/// A UserSig of `identifier`, good for `expire_secs` from `now_secs` on.
pub fn make(secret_key: &SecretString, sdk_app_id: u64, identifier: &str, now_secs: i64, expire_secs: i64) -> String {
    let claims = Claims { identifier: identifier.to_owned(), sdk_app_id, time: now_secs, expire: expire_secs };
    let json = serde_json::json!({
        "TLS.ver": "2.0",
        "TLS.identifier": identifier,
        "TLS.sdkappid": sdk_app_id,
        "TLS.expire": expire_secs,
        "TLS.time": now_secs,
        "TLS.sig": BASE64_STANDARD.encode(hmac::sign(&key(secret_key), text(&claims).as_bytes())),
    });
    BASE64_STANDARD.encode(deflated(json.to_string().as_bytes())).replace('+', "*").replace('/', "-").replace('=', "_")
}

/// Checks a UserSig against what it has to say. A trailing line break and any zlib level are fine.
pub fn check(
    usersig: &str,
    secret_key: &SecretString,
    sdk_app_id: u64,
    identifier: &str,
    now_secs: i64,
) -> Result<Claims, UserSigError> {
    let json = read(usersig.trim_end()).ok_or(UserSigError::Unreadable)?;
    let sig = BASE64_STANDARD.decode(&json.sig).map_err(|_| UserSigError::Unreadable)?;
    let claims =
        Claims { identifier: json.identifier, sdk_app_id: json.sdkappid, time: json.time, expire: json.expire };
    if claims.sdk_app_id != sdk_app_id {
        return Err(UserSigError::OtherApp);
    }
    if claims.identifier != identifier {
        return Err(UserSigError::OtherIdentifier);
    }
    hmac::verify(&key(secret_key), text(&claims).as_bytes(), &sig).map_err(|_| UserSigError::WrongSignature)?;
    if now_secs > claims.time.saturating_add(claims.expire) {
        return Err(UserSigError::Expired);
    }
    Ok(claims)
}

fn key(secret_key: &SecretString) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret_key.expose_secret().as_bytes())
}

/// What is signed.
fn text(claims: &Claims) -> String {
    let Claims { identifier, sdk_app_id, time, expire } = claims;
    format!("TLS.identifier:{identifier}\nTLS.sdkappid:{sdk_app_id}\nTLS.time:{time}\nTLS.expire:{expire}\n")
}

/// zlib (RFC 1950). Into memory, which takes it all.
fn deflated(json: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(json).and_then(|()| encoder.finish()).unwrap_or_default()
}

fn read(usersig: &str) -> Option<Json> {
    let base64 = usersig.replace('*', "+").replace('-', "/").replace('_', "=");
    let deflated = BASE64_STANDARD.decode(base64).ok()?;
    let mut json = Vec::new();
    ZlibDecoder::new(&deflated[..]).take(MAX_JSON).read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}

#[cfg(test)]
mod tests;
