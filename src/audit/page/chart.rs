//! Callbacks per hour as a small bar chart: drawn by the server, each bar leads to what it counts.

use maud::{Markup, html};

use super::asked::Asked;
use super::value::thousands;
use crate::protocol::time::{Millis, rfc3339, utc};

/// Milliseconds.
pub(super) const HOUR: Millis = 3_600_000;
pub(super) const HOURS: usize = 24;

const WIDTH: u64 = 20;
const GAP: u64 = 4;
const HEIGHT: u64 = 64;

/// When the first of the hours begins of which the last is the present one.
pub(super) fn begin(now: Millis) -> Millis {
    let hours = i64::try_from(HOURS).unwrap_or(0);
    now.div_euclid(HOUR) * HOUR - (hours - 1) * HOUR
}

pub(super) fn per_hour(begin: Millis, counts: &[u64]) -> Markup {
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let total: u64 = counts.iter().sum();
    let hours =
        || (0_u64..).zip(begin..).zip(counts).map(|((at, _), count)| (at, begin + at.cast_signed() * HOUR, *count));
    let clock = |time: Millis| utc(time).format("%H:%M").to_string();
    let busiest = hours().max_by_key(|(_, _, count)| *count).filter(|_| total > 0);
    let summary = match busiest {
        None => "No callbacks in the last 24 hours".to_owned(),
        Some((_, time, count)) => format!(
            "{} callbacks in the last 24 hours; most of them, {}, in the hour from {} UTC",
            thousands(total),
            thousands(count),
            clock(time)
        ),
    };
    let width = u64::try_from(HOURS).unwrap_or(0) * (WIDTH + GAP);
    html! {
        figure.chart {
            figcaption {
                span.quiet { "Callbacks per hour, last 24 hours" }
                strong { (thousands(total)) }
            }
            svg role="img" aria-label=(summary) viewBox=(format!("0 0 {width} {HEIGHT}")) preserveAspectRatio="none" {
                @for (at, time, count) in hours() {
                    // Something is never drawn as nothing.
                    @let height = if count == 0 { 0 } else { (count * HEIGHT / most).max(2) };
                    @let url = Asked::default().with("since", rfc3339(time)).with("until", rfc3339(time + HOUR)).url("/");
                    a href=(url) tabindex="-1" aria-hidden="true" {
                        title { (thousands(count)) " from " (clock(time)) " to " (clock(time + HOUR)) " UTC" }
                        rect.back x=(at * (WIDTH + GAP)) y="0" width=(WIDTH) height=(HEIGHT) {}
                        rect.count x=(at * (WIDTH + GAP)) y=(HEIGHT - height) width=(WIDTH) height=(height) {}
                    }
                }
            }
            div.axis aria-hidden="true" {
                @for (at, time, _) in hours().filter(|(at, ..)| at % 6 == 0) { span data-at=(at) { (hour(time)) } }
                span { "now" }
            }
        }
    }
}

fn hour(time: Millis) -> Markup {
    html! { time.hour datetime=(rfc3339(time)) { (utc(time).format("%H:%M")) } }
}
