//! Sign and RequestTime as anybody may send them: only the right Sign inside the window passes.
//!
//! An input is text: token, Sign, RequestTime and this machine's clock, a line each. What is right is computed by another
//! implementation of SHA-256.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portraitd_fuzz::protocol::query::Param;
use portraitd_fuzz::protocol::sign::{SignError, check, sign};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

const OTHER: &str = "another token";
const WINDOW: i64 = 60;

fuzz_target!(|input: &str| {
    let mut lines = input.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (token, given, time) = (line(), line(), line());
    let now = line().parse().unwrap_or(1_669_872_112_i64);

    assert_eq!(verdict(token, given, time, now), expected(token, given, time, now));

    // Nobody comes upon a right Sign: so here is one, and one that differs in one character.
    let right = right(token, time);
    assert_eq!(sign(token, time), right);
    assert_eq!(verdict(token, &right, time, now), expected(token, &right, time, now));
    let at = given.len() % right.len();
    let other = if right.as_bytes()[at] == b'0' { "1" } else { "0" };
    let wrong = [&right[..at], other, &right[at + 1..]].concat();
    assert_eq!(verdict(token, &wrong, time, now), expected(token, &wrong, time, now));
    assert!(verdict(token, &wrong, time, now).is_err());
    for unknown in [Param::Missing, Param::Repeated] {
        let time = Param::Once(time.into());
        assert_eq!(check(&[SecretString::from(token)], &unknown, &time, now, WINDOW), Err(SignError::Malformed));
    }
});

fn verdict(token: &str, given: &str, time: &str, now: i64) -> Result<(), SignError> {
    let tokens = [SecretString::from(OTHER), SecretString::from(token)];
    check(&tokens, &Param::Once(given.into()), &Param::Once(time.into()), now, WINDOW)
}

fn expected(token: &str, given: &str, time: &str, now: i64) -> Result<(), SignError> {
    let digits = !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit());
    let Some(seconds) = digits.then(|| time.parse::<i64>().ok()).flatten() else { return Err(SignError::Malformed) };
    if given != right(token, time) && given != right(OTHER, time) {
        return Err(SignError::Wrong);
    }
    let apart = (i128::from(now) - i128::from(seconds)).abs();
    if apart > i128::from(WINDOW) { Err(SignError::Stale { age_secs: now.saturating_sub(seconds) }) } else { Ok(()) }
}

fn right(token: &str, time: &str) -> String {
    hex::encode(Sha256::new().chain_update(token).chain_update(time).finalize())
}
