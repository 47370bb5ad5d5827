//! The table, in Markdown: medians over the rounds, and each row against the yardstick.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::load::Outcome;
use crate::options::Options;
use crate::servers::System;

type Row = (u64, usize, System);

#[derive(Default)]
pub struct Report {
    outcomes: BTreeMap<Row, Vec<Outcome>>,
    memory_kib: BTreeMap<System, u64>,
    ready_ms: BTreeMap<System, Vec<u128>>,
}

struct Median {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

impl Report {
    pub fn add(
        &mut self,
        system: System,
        connections: usize,
        entries: u64,
        outcome: Outcome,
        memory_kib: u64,
        ready_ms: u128,
    ) {
        self.outcomes.entry((entries, connections, system)).or_default().push(outcome);
        let peak = self.memory_kib.entry(system).or_default();
        *peak = memory_kib.max(*peak);
        self.ready_ms.entry(system).or_default().push(ready_ms);
    }

    pub fn table(&self, options: &Options) -> String {
        let mut out = String::from(
            "| log | connections | | callbacks/s | against the yardstick | p50 | p99 | p99 against the yardstick |\n\
             |---|---|---|---|---|---|---|---|\n",
        );
        for (entries, connections, system) in self.outcomes.keys() {
            let median = self.median(&(*entries, *connections, *system));
            let yardstick = self
                .outcomes
                .contains_key(&(*entries, *connections, System::Yardstick))
                .then(|| self.median(&(*entries, *connections, System::Yardstick)));
            let times = |ratio: Option<f64>| ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}×"));
            let _ = writeln!(
                out,
                "| {} | {connections} | {} | {:.0} | {} | {:.1} ms | {:.1} ms | {} |",
                if *entries == 0 { "empty".to_owned() } else { format!("{entries} entries") },
                system.title(),
                median.per_second,
                times(yardstick.as_ref().map(|y| median.per_second / y.per_second)),
                median.p50.as_secs_f64() * 1000.0,
                median.p99.as_secs_f64() * 1000.0,
                times(yardstick.as_ref().map(|y| median.p99.as_secs_f64() / y.p99.as_secs_f64())),
            );
        }
        out.push('\n');
        for connections in &options.connections {
            let (empty, filled) =
                ((0, *connections, System::Postgres), (options.entries, *connections, System::Postgres));
            if options.entries > 0 && self.outcomes.contains_key(&empty) && self.outcomes.contains_key(&filled) {
                let share = self.median(&filled).per_second / self.median(&empty).per_second;
                let _ = writeln!(
                    out,
                    "With {} entries, {connections} connections: {:.0} % of the empty log's figure.",
                    options.entries,
                    share * 100.0
                );
            }
        }
        for (system, kib) in &self.memory_kib {
            let mut ready = self.ready_ms.get(system).cloned().unwrap_or_default();
            ready.sort_unstable();
            let ready = ready.get(ready.len() / 2).copied().unwrap_or_default();
            let _ = writeln!(
                out,
                "{}: peak resident memory {:.1} MiB, ready after {ready} ms.",
                system.title(),
                *kib as f64 / 1024.0
            );
        }
        out
    }

    fn median(&self, row: &Row) -> Median {
        let outcomes = &self.outcomes[row];
        let middle = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let time = |of: fn(&Outcome) -> Duration| {
            Duration::from_secs_f64(middle(outcomes.iter().map(|o| of(o).as_secs_f64()).collect()))
        };
        Median {
            per_second: middle(outcomes.iter().map(|o| o.per_second).collect()),
            p50: time(|o| o.p50),
            p99: time(|o| o.p99),
        }
    }
}
