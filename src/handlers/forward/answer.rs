//! What the backend's answer means. Its status decides; the rest is read only so that the connection can be used again.

use std::time::{Duration, Instant};

use chrono::DateTime;
use reqwest::header::RETRY_AFTER;
use reqwest::{Response, StatusCode};
use tokio::time::timeout;

use crate::dispatch::{Context, Outcome};
use crate::protocol::time::Millis;

/// A new connection costs less than reading more.
const MAX_REST: usize = 64 << 10;
const REST_TAKES: Duration = Duration::from_secs(1);

pub(super) fn outcome(response: &Response, now: Millis, cx: &Context) -> Outcome {
    let status = response.status();
    if status.is_success() {
        return Outcome::Done;
    }
    let not_followed = if status.is_redirection() { ", which is not followed" } else { "" };
    cx.because(format_args!("it answered {status}{not_followed}"));
    let asks = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let after = response.headers().get(RETRY_AFTER).filter(|_| asks).and_then(|value| value.to_str().ok());
    after.and_then(|text| wait(text, now)).map_or(Outcome::Retry, Outcome::RetryAfter)
}

/// Seconds or a date. None where that says nothing, or that it may be at once: the configured waits are for that.
fn wait(text: &str, now: Millis) -> Option<Duration> {
    let wait = match text.trim().parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = DateTime::parse_from_rfc2822(text.trim()).ok()?;
            Duration::from_millis(u64::try_from(date.timestamp_millis() - now).ok()?)
        }
    };
    (!wait.is_zero()).then_some(wait)
}

/// Reads a little more, so that the connection is free for the next change.
pub(super) async fn finish(mut response: Response, deadline: Instant) {
    let max = u64::try_from(MAX_REST).unwrap_or(u64::MAX);
    if response.content_length().is_some_and(|length| length > max) {
        return;
    }
    let rest = async {
        let mut read = 0;
        while let Ok(Some(chunk)) = response.chunk().await {
            read += chunk.len();
            if read > MAX_REST {
                return;
            }
        }
    };
    // What the status said must not be lost to the deadline.
    let left = deadline.saturating_duration_since(Instant::now());
    let _ = timeout(REST_TAKES.min(left / 2), rest).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_given_in_seconds_or_until_a_date() {
        const NOW: Millis = 784_111_777_000; // Sun, 06 Nov 1994 08:49:37 GMT
        for (text, seconds) in [
            ("120", Some(120)),
            (" 1 ", Some(1)),
            ("18446744073709551615", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("0", None),
            ("Sun, 06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49:36 GMT", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(wait(text, NOW), seconds.map(Duration::from_secs), "{text:?}");
        }
    }
}
