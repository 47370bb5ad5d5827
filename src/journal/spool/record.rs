//! One record of the spool: what it takes to record a callback, or to keep an unreadable body, later. Pure.
//!
//! `"PSP1"`, length of the payload (u32), number (u64), check (the first 8 bytes of SHA-256 over number and payload),
//! payload; big-endian. In the payload the kind is one byte, and every field has its length (u32) before it; an absent
//! field is the length 0xFFFFFFFF alone. The check tells a record that was written whole from a torn or damaged one, and
//! the mark lets a reader find the next record behind damage.

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;

use crate::protocol::time::Millis;
use crate::protocol::{body, command};
use crate::store::model::{Arrival, Auth};
use crate::store::{NewEntry, NewUnreadable};

const MARK: &[u8; 4] = b"PSP1";
const HEAD: usize = 4 + 4 + 8 + 8;
/// No body is larger than 16 MiB, and nothing else comes near the rest.
const MAX_PAYLOAD: usize = (16 << 20) + (1 << 16);
/// No record is larger.
pub(super) const MAX_RECORD_BYTES: u64 = (HEAD + MAX_PAYLOAD) as u64;
const CALLBACK: u8 = 1;
const UNREADABLE: u8 = 2;

/// What waits in the spool.
#[derive(Debug, Clone)]
pub enum Record {
    /// To be recorded.
    Entry(NewEntry),
    /// To be kept.
    Unreadable(NewUnreadable),
}

/// What stands at the beginning of some bytes.
#[derive(Debug)]
pub struct Found {
    /// What it is.
    pub what: What,
    /// How many bytes it takes.
    pub taken: usize,
}

/// See [`Found`].
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "most of them are records")]
pub enum What {
    /// A whole record and its number.
    Record(Record, u64),
    /// A whole record that says nothing to this program: a newer one wrote it.
    Newer,
    /// Bytes that belong to no whole record, up to the next mark or the end.
    Nothing,
}

impl Record {
    /// When it was received.
    pub fn received_at(&self) -> Millis {
        match self {
            Record::Entry(entry) => entry.received_at,
            Record::Unreadable(body) => body.received_at,
        }
    }
}

/// Appends a callback's record to `out`.
pub(in crate::journal) fn write_entry(entry: &NewEntry, number: u64, out: &mut Vec<u8>) {
    framed(number, out, |out| {
        out.push(CALLBACK);
        let arrival = [
            Some(&entry.receipt_id[..]),
            Some(&entry.received_at.to_be_bytes()),
            Some(&entry.sdk_app_id.to_be_bytes()),
        ];
        fields(out, &arrival);
        let claims = [entry.client_ip.as_deref(), entry.platform.as_deref()].map(|claim| claim.map(str::as_bytes));
        fields(
            out,
            &[Some(entry.auth.as_str().as_bytes()), claims[0], claims[1], Some(&entry.salt), Some(&entry.body)],
        );
    });
}

/// Appends an unreadable body's record to `out`.
pub(in crate::journal) fn write_unreadable(body: &NewUnreadable, number: u64, out: &mut Vec<u8>) {
    framed(number, out, |out| {
        out.push(UNREADABLE);
        let app = body.sdk_app_id.map(i64::to_be_bytes);
        let arrival =
            [Some(&body.receipt_id[..]), Some(&body.received_at.to_be_bytes()), app.as_ref().map(<[u8; 8]>::as_slice)];
        fields(out, &arrival);
        let claims = [&body.client_ip, &body.platform, &body.command].map(|text| text.as_deref().map(str::as_bytes));
        let auth = Some(body.auth.as_str().as_bytes());
        fields(out, &[auth, claims[0], claims[1], claims[2], Some(body.reason.as_bytes()), Some(&body.body)]);
    });
}

/// Whatever payload, with its mark, length, number and check.
pub(in crate::journal) fn framed(number: u64, out: &mut Vec<u8>, payload: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(MARK);
    out.extend_from_slice(&[0; HEAD - 4]);
    payload(out);
    let length = u32::try_from(out.len() - start - HEAD).unwrap_or(u32::MAX);
    let check = check(number, &out[start + HEAD..]);
    out[start + 4..start + 8].copy_from_slice(&length.to_be_bytes());
    out[start + 8..start + 16].copy_from_slice(&number.to_be_bytes());
    out[start + 16..start + HEAD].copy_from_slice(&check);
}

fn fields(out: &mut Vec<u8>, fields: &[Option<&[u8]>]) {
    for field in fields {
        let length = field.map_or(u32::MAX, |field| u32::try_from(field.len()).unwrap_or(u32::MAX - 1));
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(field.unwrap_or_default());
    }
}

fn check(number: u64, payload: &[u8]) -> [u8; 8] {
    let mut context = Context::new(&SHA256);
    context.update(&number.to_be_bytes());
    context.update(payload);
    let mut check = [0; 8];
    check.copy_from_slice(&context.finish().as_ref()[..8]);
    check
}

/// What stands at the beginning of `bytes`; nothing where they are empty.
pub fn read(bytes: &[u8]) -> Option<Found> {
    if bytes.is_empty() {
        return None;
    }
    Some(whole(bytes).unwrap_or_else(|| {
        let next = bytes[1..].windows(MARK.len()).position(|window| window == MARK);
        Found { what: What::Nothing, taken: next.map_or(bytes.len(), |at| at + 1) }
    }))
}

/// Whether a file begins as a newer program's does. Within a file the mark does not change.
pub fn is_newer(file: &[u8]) -> bool {
    file.strip_prefix(&MARK[..3]).and_then(<[u8]>::first).is_some_and(|version| (b'2'..=b'9').contains(version))
}

fn whole(bytes: &[u8]) -> Option<Found> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let length = usize::try_from(u32::from_be_bytes(head[4..8].try_into().ok()?)).ok()?;
    if &head[..4] != MARK || length > MAX_PAYLOAD {
        return None;
    }
    let payload = rest.get(..length)?;
    let number = u64::from_be_bytes(head[8..16].try_into().ok()?);
    (head[16..] == check(number, payload)).then_some(())?;
    let what = parse(payload).map_or(What::Newer, |record| What::Record(record, number));
    Some(Found { what, taken: HEAD + length })
}

fn parse(payload: &[u8]) -> Option<Record> {
    let (kind, mut rest) = payload.split_first()?;
    let mut next = || field(&mut rest);
    let receipt_id = next()??.try_into().ok()?;
    let received_at = i64::from_be_bytes(next()??.try_into().ok()?);
    let sdk_app_id = match next()? {
        Some(app) => Some(i64::from_be_bytes(app.try_into().ok()?)),
        None => None,
    };
    let auth = Auth::named(next()??)?;
    let (client_ip, platform) = (text(next()?)?, text(next()?)?);
    let record = match *kind {
        CALLBACK => {
            let salt = next()??.try_into().ok()?;
            let body = Bytes::copy_from_slice(next()??);
            let sdk_app_id = sdk_app_id?;
            let arrival = Arrival { receipt_id, received_at, salt, sdk_app_id, auth, client_ip, platform, body };
            again(arrival)
        }
        UNREADABLE => {
            let command = text(next()?)?;
            let reason = text(next()?)??;
            let body = Bytes::copy_from_slice(next()??);
            Record::Unreadable(NewUnreadable {
                receipt_id,
                received_at,
                sdk_app_id,
                command,
                reason,
                auth,
                client_ip,
                platform,
                body,
            })
        }
        _ => return None,
    };
    rest.is_empty().then_some(record)
}

/// The body is read once more; a program with other rules may refuse what the one before took.
fn again(arrival: Arrival) -> Record {
    match body::parse(&arrival.body) {
        Ok(portrait) => Record::Entry(arrival.entry(portrait)),
        Err(error) => Record::Unreadable(NewUnreadable {
            receipt_id: arrival.receipt_id,
            received_at: arrival.received_at,
            sdk_app_id: Some(arrival.sdk_app_id),
            command: Some(command::PORTRAIT_SET.to_owned()),
            reason: error.0,
            auth: arrival.auth,
            client_ip: arrival.client_ip,
            platform: arrival.platform,
            body: arrival.body,
        }),
    }
}

/// The next field; nothing where the payload ends before it does.
fn field<'p>(rest: &mut &'p [u8]) -> Option<Option<&'p [u8]>> {
    let (length, after) = rest.split_at_checked(4)?;
    let length = u32::from_be_bytes(length.try_into().ok()?);
    if length == u32::MAX {
        *rest = after;
        return Some(None);
    }
    let (field, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    Some(Some(field))
}

fn text(field: Option<&[u8]>) -> Option<Option<String>> {
    match field {
        Some(bytes) => Some(Some(String::from_utf8(bytes.to_vec()).ok()?)),
        None => Some(None),
    }
}

#[cfg(test)]
mod tests;
