//! What was found, a line each.

use crate::store::Condition;

/// A clock this far off deserves a thought.
const DOUBTFUL_MS: i64 = 2000;

#[derive(Default)]
pub(super) struct Findings {
    lines: Vec<String>,
    counts: [usize; 3],
}

impl Findings {
    pub fn section(&mut self, name: &str) {
        self.lines.push(format!("{name}:"));
    }

    pub fn ok(&mut self, what: impl AsRef<str>) {
        self.line(0, "ok  ", what.as_ref(), "");
    }

    pub fn warn(&mut self, what: impl AsRef<str>, why: &str) {
        self.line(1, "warn", what.as_ref(), why);
    }

    pub fn fail(&mut self, what: impl AsRef<str>, why: &str) {
        self.line(2, "fail", what.as_ref(), why);
    }

    pub fn condition(&mut self, condition: Condition) {
        match condition.trouble {
            None => self.ok(condition.what),
            Some(trouble) if trouble.fatal => self.fail(condition.what, &trouble.why),
            Some(trouble) => self.warn(condition.what, &trouble.why),
        }
    }

    /// How far another clock is from ours. Milliseconds.
    pub fn clock(&mut self, whose: &str, theirs: i64, ours: i64, window: i64) {
        let apart = theirs - ours;
        let what = format!("{whose} is {:+.1} s from this machine's", apart as f64 / 1000.0);
        let why = "correct the clock that is wrong (timedatectl): Chat's Signs are good for a minute";
        match apart.abs() {
            far if far * 2 > window => self.fail(what, why),
            far if far > DOUBTFUL_MS => self.warn(what, why),
            _ => self.ok(what),
        }
    }

    fn line(&mut self, kind: usize, word: &str, what: &str, why: &str) {
        self.counts[kind] += 1;
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        self.lines.push(format!("  {word}  {what}{why}"));
    }

    pub fn failed(&self) -> usize {
        self.counts[2]
    }

    pub fn count(&self) -> usize {
        self.counts.iter().sum()
    }

    pub fn text(&self) -> String {
        let [ok, warn, fail] = self.counts;
        format!("{}\n{ok} ok, {warn} warnings, {fail} failed\n", self.lines.join("\n"))
    }
}
