//! `export`: everything that matches, into a file or to stdout, in constant memory. A file is there only once it is whole.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::filter::Filter;
use super::reader::store_to_read;
use crate::config::Loaded;
use crate::export::{Export, Format};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    filter: Filter,
    /// At most so many changes, the oldest
    #[arg(long)]
    limit: Option<u64>,
    /// ndjson: one JSON object a line; csv: RFC 4180 with a header
    #[arg(long, default_value = "ndjson")]
    format: Format,
    /// The same as --format ndjson
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Into this file, which appears when it is whole
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) async fn run(loaded: Loaded, arguments: Arguments) -> anyhow::Result<()> {
    let asked = [arguments.filter.asked(), vec![("limit", arguments.limit.map(|limit| limit.to_string()))]].concat();
    let store = store_to_read(&loaded, "changes.export", arguments.filter.account(), &asked).await?;
    let store = Arc::new(store);
    let mut export = Export::new(store, arguments.filter.into(), arguments.format).await?.limited(arguments.limit);
    match &arguments.output {
        None => match write(&mut export, &mut std::io::stdout().lock()).await {
            // A reader that has seen enough, such as `head`, is no failure.
            Err(error) if is_broken_pipe(&error) => return Ok(()),
            done => done?,
        },
        Some(path) => into_file(&mut export, path).await.with_context(|| path.display().to_string())?,
    }
    let place = arguments.output.map_or_else(String::new, |path| format!(" in {}", path.display()));
    eprintln!("{} changes, whole up to entry {}{place}", export.rows(), export.head());
    Ok(())
}

async fn into_file(export: &mut Export, path: &Path) -> anyhow::Result<()> {
    let part =
        path.with_extension(format!("{}part", path.extension().map_or("".into(), |e| format!("{}.", e.display()))));
    let mut file = BufWriter::new(File::create(&part).with_context(|| part.display().to_string())?);
    write(export, &mut file).await?;
    file.into_inner()?.sync_all()?;
    Ok(std::fs::rename(&part, path)?)
}

async fn write(export: &mut Export, out: &mut impl Write) -> anyhow::Result<()> {
    let bar = ProgressBar::new(export.head().unsigned_abs())
        .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} entries, {per_sec}, {eta} left")?);
    while let Some(part) = export.next().await? {
        out.write_all(&part)?;
        bar.set_position(export.at().unsigned_abs());
    }
    bar.finish_and_clear();
    Ok(out.flush()?)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
