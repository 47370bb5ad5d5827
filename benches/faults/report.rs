//! What was promised beside what was measured.

use std::fmt::Write;
use std::time::Duration;

#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
}

struct Row {
    scenario: String,
    what: &'static str,
    asked: String,
    measured: String,
    kept: Option<bool>,
}

impl Report {
    /// A promise, and whether it was kept.
    pub fn promise(&mut self, scenario: &str, what: &'static str, asked: &str, measured: impl ToString, kept: bool) {
        self.row(scenario, what, asked, measured.to_string(), Some(kept));
    }

    /// A count that has to be 0.
    pub fn none(&mut self, scenario: &str, what: &'static str, count: usize) {
        self.promise(scenario, what, "0", count, count == 0);
    }

    /// A time that has to stay below a limit.
    pub fn below(&mut self, scenario: &str, what: &'static str, limit: Duration, time: Duration) {
        self.promise(scenario, what, &format!("< {}", show(limit)), show(time), time < limit);
    }

    /// A figure nothing was promised about.
    pub fn figure(&mut self, scenario: &str, what: &'static str, measured: impl ToString) {
        self.row(scenario, what, "", measured.to_string(), None);
    }

    fn row(&mut self, scenario: &str, what: &'static str, asked: &str, measured: String, kept: Option<bool>) {
        let asked = asked.to_owned();
        if kept == Some(false) {
            eprintln!("    BROKEN: {scenario}: {what}: asked for {asked}, measured {measured}");
        }
        self.rows.push(Row { scenario: scenario.to_owned(), what, asked, measured, kept });
    }

    pub fn broken(&self) -> usize {
        self.rows.iter().filter(|row| row.kept == Some(false)).count()
    }

    pub fn table(&self) -> String {
        let mut out = String::from("| what happens | | asked for | measured | |\n|---|---|---|---|---|\n");
        let mut last = "";
        for Row { scenario, what, asked, measured, kept } in &self.rows {
            let shown = if scenario == last { "" } else { scenario };
            let verdict = match kept {
                Some(true) => "kept",
                Some(false) => "**broken**",
                None => "",
            };
            // Writing to a String does not fail.
            let _ = writeln!(out, "| {shown} | {what} | {asked} | {measured} | {verdict} |");
            last = scenario;
        }
        out
    }
}

/// A time for people.
pub fn show(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{:.1} ms", time.as_secs_f64() * 1000.0)
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}
