//! Digest and chain computed by other code than the program's, from what the documentation says about the bytes.

use aws_lc_rs::digest::{SHA256, digest};
use portraitd::store::Store;
use portraitd::store::model::StoredEntry;

/// SHA-256 over fields: four bytes of length, big-endian, then the field; absent is 0xFFFFFFFF alone.
pub fn hash(fields: &[Option<&[u8]>]) -> [u8; 32] {
    let mut bytes = Vec::new();
    for field in fields {
        match field {
            Some(field) => {
                bytes.extend(u32::try_from(field.len()).expect("a short field").to_be_bytes());
                bytes.extend(*field);
            }
            None => bytes.extend([0xFF; 4]),
        }
    }
    digest(&SHA256, &bytes).as_ref().try_into().expect("32 bytes")
}

/// The digest of what is stored.
pub fn digest_of(row: &StoredEntry) -> [u8; 32] {
    let event_time = row.event_time.map(|time| time.0.to_be_bytes());
    hash(&[
        row.salt.as_deref(),
        row.account.as_deref().map(str::as_bytes),
        row.operator.as_deref().map(str::as_bytes),
        event_time.as_ref().map(<[u8; 8]>::as_slice),
        row.client_ip.as_deref().map(str::as_bytes),
        row.platform.as_deref().map(str::as_bytes),
        row.body.as_deref(),
    ])
}

/// The chain of what is stored, given the chain before it.
pub fn chain_of(previous: &[u8], row: &StoredEntry) -> [u8; 32] {
    hash(&[
        Some(previous),
        Some(&[1]),
        Some(&row.seq.to_be_bytes()),
        Some(&row.receipt_id),
        Some(&row.received_at.0.to_be_bytes()),
        Some(&row.sdk_app_id.to_be_bytes()),
        Some(row.kind.as_bytes()),
        Some(row.auth.as_bytes()),
        Some(&row.digest),
    ])
}

/// Sequences from 1 without gaps, every digest and every chain right. Returns the entries.
pub async fn assert_chained(store: &Store) -> Vec<StoredEntry> {
    let head = store.head().await.expect("a head");
    let (rows, _) = store.stored(1, i64::MAX).await.expect("the rows");
    let mut previous = vec![0; 32];
    for (seq, row) in (1..).zip(&rows) {
        assert_eq!(row.seq, seq, "sequences begin at 1 and have no gaps");
        assert_eq!(row.digest, digest_of(row), "the digest of entry {seq}");
        assert_eq!(row.chain, chain_of(&previous, row), "the chain of entry {seq}");
        previous.clone_from(&row.chain);
    }
    assert_eq!((head.seq, &head.chain[..]), (rows.len() as i64, &previous[..]), "the head is the last entry");
    rows
}

/// A number as it is hashed.
pub fn number(json: &serde_json::Value) -> [u8; 8] {
    json.as_i64().expect("a number").to_be_bytes()
}
