//! Exports: changes as NDJSON or CSV, oldest first, up to where the log ended when it began, a bounded part at a time.

use std::str::FromStr;
use std::sync::Arc;

use crate::protocol::time::rfc3339;
use crate::store::{Change, ChangeFilter, Paging, Place, Store, StoreError};

/// Changes of a part.
const AT_ONCE: u32 = 1000;

/// How a change is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Ndjson,
    /// RFC 4180 with a header, safe to open in a spreadsheet.
    Csv,
}

impl Format {
    /// Of the content.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Ndjson => "application/x-ndjson",
            Format::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    /// Of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
        }
    }
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "ndjson" => Ok(Format::Ndjson),
            "csv" => Ok(Format::Csv),
            _ => Err("must be ndjson or csv"),
        }
    }
}

/// An export under way.
pub struct Export {
    store: Arc<Store>,
    filter: ChangeFilter,
    format: Format,
    head: i64,
    after: Option<Place>,
    rows: u64,
    limit: u64,
    has_begun: bool,
    is_done: bool,
}

impl Export {
    /// Of what matches, up to the log's end as it is now.
    pub async fn new(store: Arc<Store>, filter: ChangeFilter, format: Format) -> Result<Self, StoreError> {
        let head = store.head().await?.seq;
        Ok(Export {
            store,
            filter,
            format,
            head,
            after: None,
            rows: 0,
            limit: u64::MAX,
            has_begun: false,
            is_done: false,
        })
    }

    /// With so many changes at most.
    pub fn limited(self, limit: Option<u64>) -> Self {
        Export { limit: limit.unwrap_or(u64::MAX), ..self }
    }

    /// The next part, not always of changes; none when it is whole.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let mut part = Vec::new();
        if !self.has_begun {
            self.has_begun = true;
            if self.format == Format::Csv {
                csv(&mut part, COLUMNS.map(|name| Some(name.to_owned())));
            }
        }
        while part.is_empty() && !self.is_done {
            let page = self.store.changes(&self.filter, Paging::oldest(self.after, AT_ONCE)).await?;
            let left = usize::try_from(self.limit - self.rows).unwrap_or(usize::MAX);
            for change in page.items.iter().filter(|change| change.seq <= self.head).take(left) {
                self.write(change, &mut part);
                self.rows += 1;
            }
            self.after = page.next;
            self.is_done = self.rows == self.limit || page.next.is_none_or(|place| place.seq > self.head);
        }
        Ok((!part.is_empty()).then_some(part))
    }

    /// Changes written so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The last entry of the log that belongs to it.
    pub fn head(&self) -> i64 {
        self.head
    }

    /// How far along the log it is.
    pub fn at(&self) -> i64 {
        if self.is_done { self.head } else { self.after.map_or(0, |place| place.seq.min(self.head)) }
    }

    fn write(&self, change: &Change, out: &mut Vec<u8>) {
        match self.format {
            Format::Ndjson => {
                // What is in the log as JSON can be written as JSON.
                let _ = serde_json::to_writer(&mut *out, change);
                out.push(b'\n');
            }
            Format::Csv => csv(out, fields(change)),
        }
    }
}

const COLUMNS: [&str; 15] = [
    "seq",
    "ordinal",
    "app",
    "account",
    "operator",
    "tag",
    "old",
    "new",
    "event_time",
    "effective_time",
    "received_at",
    "platform",
    "client_ip",
    "auth",
    "kind",
];

fn fields(change: &Change) -> [Option<String>; 15] {
    let Change { account, operator, tag, old, new, platform, client_ip, auth, kind, .. } = change.clone();
    [
        Some(change.seq.to_string()),
        Some(change.ordinal.to_string()),
        Some(change.app.to_string()),
        account,
        operator,
        Some(tag),
        old,
        new,
        change.event_time.map(|time| rfc3339(time.0)),
        Some(rfc3339(change.effective_time.0)),
        Some(rfc3339(change.received_at.0)),
        platform,
        client_ip,
        Some(auth),
        Some(kind),
    ]
}

fn csv(out: &mut Vec<u8>, fields: [Option<String>; 15]) {
    for (at, field) in fields.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        if let Some(field) = field {
            write_field(out, &field);
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// A spreadsheet takes what begins with one of these for a formula, and runs it: an apostrophe makes it text. Numbers are let be.
fn write_field(out: &mut Vec<u8>, field: &str) {
    let is_formula = field.trim_start().starts_with(['=', '+', '-', '@']) || field.starts_with(['\t', '\r', '\n']);
    let escaped = match is_formula && field.parse::<f64>().is_err() {
        true => format!("'{field}"),
        false => field.to_owned(),
    };
    match escaped.contains([',', '"', '\r', '\n', ';', '\t', ' ']) || escaped.is_empty() {
        true => {
            out.push(b'"');
            out.extend_from_slice(escaped.replace('"', "\"\"").as_bytes());
            out.push(b'"');
        }
        false => out.extend_from_slice(escaped.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_quoted_where_it_must_be_and_never_a_formula() {
        let written = |field: &str| {
            let mut out = Vec::new();
            write_field(&mut out, field);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written("plain"), "plain");
        assert_eq!(written(""), "\"\"", "empty differs from missing");
        assert_eq!(written("a,b\"c\r\nd"), "\"a,b\"\"c\r\nd\"");
        for formula in ["=1+1", "+cmd", "-cmd", "@SUM(A1)", "＝1", " =1", "\t=1", "\r=1", "-2+3+cmd|' /C calc'!A0"] {
            let text = written(formula);
            let begins = text.trim_start_matches('"');
            assert!(begins.starts_with('\'') || formula.starts_with('＝'), "{formula:?}: {text}");
        }
        for number in ["-5", "-1.5e3", "+7"] {
            assert_eq!(written(number), number);
        }
    }
}
