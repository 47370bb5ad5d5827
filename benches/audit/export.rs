//! An export of a million changes: how fast, and how much memory the service takes at most.

use std::time::Instant;

use anyhow::ensure;
use portraitd::protocol::time::rfc3339;

use crate::log::Span;
use crate::program::Program;
use crate::report::Report;

const CHANGES: u64 = 1_000_000;
const ASKED_KIB: u64 = 64 * 1024;

pub async fn run(service: &Program, span: &Span, report: &mut Report) -> anyhow::Result<()> {
    let callbacks = (CHANGES / 4).min(span.entries);
    let until = rfc3339(span.begin + i64::try_from(callbacks)? * 1000);
    let title = format!("an export of {} changes", callbacks * 4);
    for format in ["ndjson", "csv"] {
        eprintln!("{title} as {format}");
        let begun = Instant::now();
        let url = format!("http://{}/api/v1/changes/export?format={format}&until={until}", service.private);
        let mut answer = reqwest::Client::builder().no_proxy().build()?.get(url).send().await?;
        ensure!(answer.status() == 200, "{}", answer.status());
        let mut lines = 0;
        while let Some(part) = answer.chunk().await? {
            lines += part.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        let rows = lines - u64::from(format == "csv");
        ensure!(rows == callbacks * 4, "{rows} rows");
        let per_second = rows as f64 / begun.elapsed().as_secs_f64();
        report.figure(
            &title,
            if format == "csv" { "as CSV" } else { "as NDJSON" },
            format!("{per_second:.0} changes/s"),
        );
    }
    let kib = service.peak_memory_kib();
    let (asked, measured) = ("< 64 MiB", format!("{} MiB", kib / 1024));
    report.promise(&title, "resident memory of the service at most, since its start", asked, measured, kib < ASKED_KIB);
    Ok(())
}
