//! What is good: the vendor's rules, read again from the bytes of a request.

use aws_lc_rs::digest::{SHA256, digest};

use super::request::Request;
use crate::harness::service::callback::seconds;

/// Two apps, their tokens, and the moment the good request was signed at.
pub struct World {
    pub app: i64,
    pub old_token: String,
    pub token: String,
    pub other_app: i64,
    pub other_token: String,
    pub time: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Good,
    Forged,
}

/// `lowercase_hex(sha256(Token ‖ RequestTime))`.
pub fn sign(token: &str, time: &str) -> String {
    hex(digest(&SHA256, format!("{token}{time}").as_bytes()).as_ref())
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl World {
    pub fn now() -> Self {
        World {
            app: 1_400_000_000,
            old_token: "Old-t0ken".to_owned(),
            token: "t0ken/of+the app".to_owned(),
            other_app: 1_400_000_001,
            other_token: "t0ken of another".to_owned(),
            time: seconds(0),
        }
    }

    /// Every app with every Sign it may carry at this moment.
    fn signed(&self) -> [(i64, String); 3] {
        let signed = |app, token: &String| (app, sign(token, &self.time));
        [signed(self.app, &self.old_token), signed(self.app, &self.token), signed(self.other_app, &self.other_token)]
    }

    /// Good is what names one app, this moment, and a Sign of that app's for this moment, each once. The console's check,
    /// with a blank body, may leave the app out. Nobody who lacks the tokens has a Sign for another moment.
    pub fn judge(&self, request: &Request) -> Verdict {
        let parameters = request.parameters();
        let once = |name: &str| {
            let mut values = parameters.iter().filter(|(n, _)| n == name.as_bytes()).map(|(_, value)| value.as_slice());
            let first = values.next();
            if values.next().is_some() { Err(()) } else { Ok(first) }
        };
        let (Ok(app), Ok(Some(given)), Ok(Some(time))) = (once("SdkAppid"), once("Sign"), once("RequestTime")) else {
            return Verdict::Forged;
        };
        let is_good = time == self.time.as_bytes()
            && self.signed().iter().any(|(id, sign)| {
                let is_theirs = app.map_or(request.body.is_empty(), |app| app == id.to_string().as_bytes());
                is_theirs && given == sign.as_bytes()
            });
        if is_good { Verdict::Good } else { Verdict::Forged }
    }
}

/// What a query's bytes say: `%` with two hex digits is that byte, `+` is a space, everything else itself.
pub fn decoded(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = raw;
    while let [first, after @ ..] = rest {
        let escaped = after.get(..2).filter(|_| *first == b'%').and_then(|pair| {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()
        });
        match (escaped, first) {
            (Some(byte), _) => out.push(byte),
            (None, b'+') => out.push(b' '),
            (None, byte) => out.push(*byte),
        }
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    out
}
