//! Logs to ask: a callback a second up to now, each account two and a half callbacks of four items, one in ten changed by somebody
//! else.

use crate::filling::{self, Sample};

const CALLBACKS_AN_ACCOUNT: (u64, u64) = (5, 2);
pub const OPERATORS: u64 = 100;

/// What a log holds.
pub struct Span {
    pub entries: u64,
    pub accounts: u64,
    /// Milliseconds.
    pub begin: i64,
}

pub async fn fill(url: &str, entries: u64) -> anyhow::Result<Span> {
    let accounts = entries * CALLBACKS_AN_ACCOUNT.1 / CALLBACKS_AN_ACCOUNT.0;
    let span = Span { entries, accounts, begin: filling::now()? - i64::try_from(entries)? * 1000 };
    filling::fill(url, entries, |number| sample(number, &span)).await?;
    Ok(span)
}

/// Scatters numbers over the accounts.
pub fn account(number: u64, span: &Span) -> u64 {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % span.accounts
}

fn sample(number: u64, span: &Span) -> Sample {
    let received_at = span.begin + i64::try_from(number).unwrap_or(0) * 1000;
    let sample = Sample::own(number, format!("user{:07}", account(number, span)), received_at);
    match number % 10 {
        0 => Sample { operator: format!("support{:02}", number / 10 % OPERATORS), ..sample },
        _ => sample,
    }
}
