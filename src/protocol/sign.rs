//! Sign: `lowercase_hex(sha256(Token ‖ RequestTime))`, RequestTime in Unix seconds, good for a minute either way.
//!
//! It proves origin only: it covers neither body nor SdkAppid and is the same for every callback of one second.

use aws_lc_rs::digest;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::query::Param;

/// Why a request is not proven to come from Chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignError {
    /// Sign or RequestTime is missing, repeated or not of its form.
    Malformed,
    /// No token of the app gives this Sign.
    Wrong,
    /// The Sign is right, but made too long ago, or ahead of our clock.
    Stale {
        /// By our clock; negative where it is ahead.
        age_secs: i64,
    },
}

/// The Sign Chat computes for `token` at `request_time`.
pub fn sign(token: &str, request_time: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(token.as_bytes());
    context.update(request_time.as_bytes());
    hex::encode(context.finish())
}

/// Checks a request's Sign against every token, in time that does not depend on where they differ.
pub fn check<'t>(
    tokens: impl IntoIterator<Item = &'t SecretString>,
    given: &Param<'_>,
    request_time: &Param<'_>,
    now_secs: i64,
    window_secs: i64,
) -> Result<(), SignError> {
    let (Some(given), Some(time_text)) = (given.once(), request_time.once()) else {
        return Err(SignError::Malformed);
    };
    if !time_text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(SignError::Malformed);
    }
    let time: i64 = time_text.parse().map_err(|_| SignError::Malformed)?;

    let mut right = subtle::Choice::from(0);
    for token in tokens {
        right |= sign(token.expose_secret(), time_text).as_bytes().ct_eq(given.as_bytes());
    }
    if !bool::from(right) {
        return Err(SignError::Wrong);
    }
    if now_secs.abs_diff(time) > window_secs.unsigned_abs() {
        return Err(SignError::Stale { age_secs: now_secs.saturating_sub(time) });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const VECTOR: &str = "17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061";
    const TIME: i64 = 1_669_872_112;

    fn verdict(given: &str, request_time: &str, now: i64) -> Result<(), SignError> {
        let tokens = [SecretString::from("old"), SecretString::from("xxxxyyyy")];
        check(&tokens, &Param::Once(given.into()), &Param::Once(request_time.into()), now, 60)
    }

    #[test]
    fn the_vendors_vector_holds() {
        assert_eq!(sign("xxxxyyyy", "1669872112"), VECTOR);
        assert_eq!(verdict(VECTOR, "1669872112", TIME), Ok(()));
    }

    #[test]
    fn the_window_is_a_minute_either_way_and_inclusive() {
        for (now, expected) in [
            (TIME + 60, Ok(())),
            (TIME - 60, Ok(())),
            (TIME + 61, Err(SignError::Stale { age_secs: 61 })),
            (TIME - 61, Err(SignError::Stale { age_secs: -61 })),
        ] {
            assert_eq!(verdict(VECTOR, "1669872112", now), expected, "at {now}");
        }
    }

    #[test]
    fn anything_but_the_exact_lower_case_hex_is_wrong() {
        for given in [&VECTOR.to_uppercase(), &VECTOR[..63], &format!("{VECTOR} "), ""] {
            assert_eq!(verdict(given, "1669872112", TIME), Err(SignError::Wrong), "{given:?}");
        }
    }

    #[test]
    fn request_time_is_decimal_digits_given_once() {
        for time in ["-1669872112", "now", "1669872112.0", "", "99999999999999999999"] {
            assert_eq!(verdict(VECTOR, time, TIME), Err(SignError::Malformed), "{time:?}");
        }
        let tokens = [SecretString::from("xxxxyyyy")];
        let time = Param::Once("1669872112".into());
        assert_eq!(check(&tokens, &Param::Repeated, &time, TIME, 60), Err(SignError::Malformed));
        assert_eq!(check(&tokens, &Param::Missing, &time, TIME, 60), Err(SignError::Malformed));
    }
}
