//! Which entries at the log's end are superseded, mostly without asking the log.
//!
//! The last entries of the log are remembered. Whatever is not among them took effect at some time up to `before`; so an entry
//! that took effect later than that is superseded only by one of those remembered. Callbacks arrive about when they took effect:
//! it is the few that come late, or that came just after the start, which the log is asked about.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::protocol::time::Millis;
use crate::store::rows::LoggedCallback;

/// Entries that are remembered.
const REMEMBERED: usize = 1 << 16;

/// An account of an app.
type Whose = (i64, Arc<str>);
/// History is ordered by it.
type When = (Millis, i64);

pub(super) struct Newest {
    /// The last entry of those that are remembered: all of the log's last ones up to it.
    to: i64,
    before: Millis,
    accounts: HashMap<Whose, When>,
    entries: VecDeque<(Whose, When)>,
    room: usize,
}

impl Newest {
    pub fn new() -> Self {
        Newest { to: 0, before: Millis::MIN, accounts: HashMap::new(), entries: VecDeque::new(), room: REMEMBERED }
    }

    /// Remembers what follows `after`, in order. `latest`: nothing that is in the log takes effect later than that.
    pub fn remember(&mut self, after: i64, rows: &[LoggedCallback], latest: Millis) {
        if after < self.to {
            return;
        }
        if after > self.to {
            *self = Newest { before: latest, room: self.room, ..Newest::new() };
        }
        for row in rows {
            self.to = row.seq;
            let Some(account) = &row.account else { continue };
            let when = (row.effective_time.0, row.seq);
            let whose = (row.sdk_app_id, Arc::from(account.as_str()));
            let newest = self.accounts.entry(whose.clone()).or_insert(when);
            *newest = when.max(*newest);
            self.entries.push_back((whose, when));
            if self.entries.len() > self.room {
                self.forget();
            }
        }
    }

    fn forget(&mut self) {
        if let Some((whose, when)) = self.entries.pop_front() {
            self.before = self.before.max(when.0);
            if self.accounts.get(&whose) == Some(&when) {
                self.accounts.remove(&whose);
            }
        }
    }

    /// Whether the log knows a newer one for its account, when `row` is among those remembered; none where only the log knows.
    pub fn is_superseded(&self, row: &LoggedCallback) -> Option<bool> {
        let account = row.account.as_deref()?;
        let when = (row.effective_time.0, row.seq);
        let newest = self.accounts.get(&(row.sdk_app_id, Arc::from(account)))?;
        match *newest > when {
            true => Some(true),
            false => (when.0 > self.before).then_some(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::store::Stamp;

    fn row(seq: i64, account: &str, effective: Millis) -> LoggedCallback {
        LoggedCallback {
            seq,
            receipt_id: vec![0; 16],
            received_at: Stamp(effective),
            event_time: None,
            effective_time: Stamp(effective),
            sdk_app_id: 1,
            kind: "callback".to_owned(),
            auth: "none".to_owned(),
            account: Some(account.to_owned()),
            operator: None,
            client_ip: None,
            platform: None,
            body: None,
            superseded: false,
        }
    }

    #[test]
    fn what_it_says_is_what_the_whole_log_says() {
        let mut chance = SmallRng::seed_from_u64(1);
        let (mut said, mut asked) = (0, 0);
        for _ in 0..200 {
            let mut newest = Newest { room: 8, ..Newest::new() };
            // Each a little late, some much.
            let log: Vec<LoggedCallback> = (1..=60)
                .map(|seq| {
                    let late = if chance.random_ratio(1, 10) { 40 } else { 4 };
                    row(seq, &chance.random_range(0..9).to_string(), seq - chance.random_range(0..late))
                })
                .collect();
            let known = chance.random_range(0..20);
            let mut after = known;
            while after < 60 {
                let to = usize::min(60, after + chance.random_range(1..9));
                let latest = log[..after].iter().map(|row| row.effective_time.0).max().unwrap_or(Millis::MIN);
                newest.remember(after as i64, &log[after..to], latest);
                for row in &log[after..to] {
                    let when = |row: &LoggedCallback| (row.effective_time.0, row.seq);
                    let truth = log[..to].iter().any(|other| other.account == row.account && when(other) > when(row));
                    match newest.is_superseded(row) {
                        Some(superseded) => {
                            said += 1;
                            assert_eq!(superseded, truth, "{row:?}");
                        }
                        None => asked += 1,
                    }
                }
                after = to;
            }
        }
        assert!(said > asked, "{said} said, {asked} asked");
    }

    #[test]
    fn what_was_not_read_in_order_is_not_vouched_for() {
        let mut newest = Newest::new();
        newest.remember(0, &[row(1, "a", 10)], 1000);
        assert_eq!(newest.is_superseded(&row(1, "a", 10)), Some(false));
        newest.remember(2, &[row(3, "b", 30), row(4, "c", 1001)], 1000);
        assert_eq!(newest.is_superseded(&row(3, "b", 30)), None);
        assert_eq!(newest.is_superseded(&row(4, "c", 1001)), Some(false));
        newest.remember(0, &[row(1, "a", 10)], 1000);
        assert_eq!(newest.is_superseded(&row(1, "a", 10)), None);
    }
}
