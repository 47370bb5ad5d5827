//! Digest and chain: the bytes that are hashed, exactly. `docs/proof.md` says the same for other languages.
//!
//! Every field is written as its length in bytes (unsigned 32-bit, big-endian) and then its bytes; an absent field is the
//! length 0xFFFFFFFF alone, so that absent differs from empty. Numbers are signed 64-bit, big-endian; times are Unix
//! milliseconds; text is UTF-8.
//!
//! * `digest = SHA-256(salt, account, operator, event_time, client_ip, platform, body)`
//! * `chain = SHA-256(previous chain, version, seq, receipt_id, received_at, sdk_app_id, kind, auth, digest)`, the version
//!   being the one byte 1, and the first entry's previous chain 32 zero bytes.

use aws_lc_rs::digest::{self, Context, SHA256};

use super::model::{DedupeKey, NewEntry};
use crate::protocol::time::Millis;

/// A SHA-256.
pub type Hash = [u8; 32];

const VERSION: [u8; 1] = [1];

/// What an entry's digest covers: everything that erasing a person removes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Personal<'a> {
    pub salt: Option<&'a [u8]>,
    pub account: Option<&'a str>,
    pub operator: Option<&'a str>,
    pub event_time: Option<Millis>,
    pub client_ip: Option<&'a str>,
    pub platform: Option<&'a str>,
    pub body: Option<&'a [u8]>,
}

/// What the chain covers besides the previous chain: everything that stays.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Lasting<'a> {
    pub seq: i64,
    pub receipt_id: &'a [u8],
    pub received_at: Millis,
    pub sdk_app_id: i64,
    pub kind: &'a str,
    pub auth: &'a str,
    pub digest: &'a [u8],
}

/// `digest` of an entry.
pub fn digest(entry: &Personal<'_>) -> Hash {
    of(&[
        entry.salt,
        entry.account.map(str::as_bytes),
        entry.operator.map(str::as_bytes),
        entry.event_time.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice),
        entry.client_ip.map(str::as_bytes),
        entry.platform.map(str::as_bytes),
        entry.body,
    ])
}

/// `chain` of an entry, given the chain before it.
pub fn link(previous: &Hash, entry: &Lasting<'_>) -> Hash {
    of(&[
        Some(previous),
        Some(&VERSION),
        Some(&entry.seq.to_be_bytes()),
        Some(entry.receipt_id),
        Some(&entry.received_at.to_be_bytes()),
        Some(&entry.sdk_app_id.to_be_bytes()),
        Some(entry.kind.as_bytes()),
        Some(entry.auth.as_bytes()),
        Some(entry.digest),
    ])
}

/// `chain` of an entry that is about to be appended as `seq`.
pub fn link_new(previous: &Hash, seq: i64, entry: &NewEntry) -> Hash {
    let lasting = Lasting {
        seq,
        receipt_id: &entry.receipt_id,
        received_at: entry.received_at,
        sdk_app_id: entry.sdk_app_id,
        kind: entry.kind.as_str(),
        auth: entry.auth.as_str(),
        digest: &entry.digest,
    };
    link(previous, &lasting)
}

/// What makes this callback the same as another one: app, body and EventTime, or its receipt alone without an EventTime.
pub fn dedupe_key(
    sdk_app_id: i64,
    body: &[u8],
    event_time: Option<Millis>,
    received_at: Millis,
    receipt_id: [u8; 16],
) -> DedupeKey {
    let Some(time) = event_time else {
        return DedupeKey { time: received_at, key: receipt_id };
    };
    let mut context = Context::new(&SHA256);
    context.update(&sdk_app_id.to_be_bytes());
    context.update(body);
    let hash = context.finish();
    let mut key = [0; 16];
    key.copy_from_slice(&hash.as_ref()[..16]);
    DedupeKey { time, key }
}

/// SHA-256 over fields, each with its length before it. They are joined first: hashing them one by one takes longer.
pub fn of(fields: &[Option<&[u8]>]) -> Hash {
    let mut bytes = Vec::with_capacity(fields.iter().map(|field| 4 + field.map_or(0, <[u8]>::len)).sum());
    for field in fields {
        // A field is at most a body, which the configuration bounds far below 4 GiB.
        let length = field.map_or(u32::MAX, |f| u32::try_from(f.len()).unwrap_or(u32::MAX - 1));
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(field.unwrap_or_default());
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&SHA256, &bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERSONAL: Personal<'_> = Personal {
        salt: Some(&[7; 16]),
        account: Some("id1"),
        operator: None,
        event_time: Some(1_656_921_052_497),
        client_ip: Some("127.0.0.1"),
        platform: Some("RESTAPI"),
        body: Some(b"{}"),
    };

    /// Computed by an independent program; docs/proof.md shows it.
    #[test]
    fn digest_and_chain_match_the_vectors_of_the_documentation() {
        let digest = digest(&PERSONAL);
        assert_eq!(hex::encode(digest), VECTOR_DIGEST);
        let lasting = Lasting {
            seq: 1,
            receipt_id: &[9; 16],
            received_at: 1_656_921_052_600,
            sdk_app_id: 1_400_000_000,
            kind: "callback",
            auth: "sign",
            digest: &digest,
        };
        assert_eq!(hex::encode(link(&[0; 32], &lasting)), VECTOR_CHAIN);
    }

    #[test]
    fn absent_differs_from_empty() {
        let empty = Personal { operator: Some(""), ..PERSONAL };
        assert_ne!(digest(&PERSONAL), digest(&empty));
    }

    #[test]
    fn a_field_cannot_lend_its_end_to_the_next() {
        let one = Personal { account: Some("ab"), operator: Some("c"), ..PERSONAL };
        let other = Personal { account: Some("a"), operator: Some("bc"), ..PERSONAL };
        assert_ne!(digest(&one), digest(&other));
    }

    #[test]
    fn without_an_event_time_only_the_receipt_counts() {
        let first = dedupe_key(1, b"x", None, 10, [1; 16]);
        assert_ne!(first, dedupe_key(1, b"x", None, 10, [2; 16]));
        assert_eq!(first, dedupe_key(1, b"x", None, 10, [1; 16]));
        let timed = dedupe_key(1, b"x", Some(5), 10, [1; 16]);
        assert_eq!(timed, dedupe_key(1, b"x", Some(5), 99, [2; 16]));
        assert_ne!(timed, dedupe_key(2, b"x", Some(5), 10, [1; 16]));
        assert_ne!(timed, dedupe_key(1, b"y", Some(5), 10, [1; 16]));
    }

    const VECTOR_DIGEST: &str = "ee07ae601041af1e74219919dc157964688dbf40b9856ef46b305d03d6827dac";
    const VECTOR_CHAIN: &str = "691df12cb5824a3e47ad579c96b865454c2d768c09d867053e3e2970ff547a3e";
}
