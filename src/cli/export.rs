//! `export`: everything that matches, into a file or to stdout, in constant memory. A file is there only once it is whole.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::filter::Filter;
use super::reader::store_to_read;
use crate::config::{ConfigError, Loaded};
use crate::export::{Export, Format};
use crate::proof;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    filter: Filter,
    /// At most so many changes, the oldest
    #[arg(long)]
    limit: Option<u64>,
    /// ndjson: one JSON object a line; csv: RFC 4180 with a header; proof: the whole log with all that is hashed, one JSON
    /// object an entry, for a verifier outside such as examples/verify.py
    #[arg(long, default_value = "ndjson")]
    format: Form,
    /// The same as --format ndjson
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Into this file, which appears when it is whole
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What is written.
#[derive(Clone, Copy)]
enum Form {
    Changes(Format),
    Proof,
}

impl FromStr for Form {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "proof" => Ok(Form::Proof),
            _ => text.parse().map(Form::Changes).map_err(|_| "must be ndjson, csv or proof"),
        }
    }
}

pub(super) async fn run(loaded: Loaded, arguments: Arguments) -> anyhow::Result<()> {
    let mut asked =
        [arguments.filter.asked(), vec![("limit", arguments.limit.map(|limit| limit.to_string()))]].concat();
    let mut export = match arguments.format {
        Form::Changes(format) => {
            let store = store_to_read(&loaded, "changes.export", arguments.filter.account(), &asked).await?;
            let export = Export::new(Arc::new(store), arguments.filter.into(), format).await?;
            Parts::Changes(export.limited(arguments.limit))
        }
        Form::Proof => {
            if let Some((name, _)) = asked.iter().find(|(_, given)| given.is_some()) {
                let why = "a proof is of the whole log, because a chain has no holes";
                return Err(ConfigError(format!("--{name} cannot be used with --format proof: {why}")).into());
            }
            asked = vec![("format", Some("proof".to_owned()))];
            let store = store_to_read(&loaded, "proof.export", None, &asked).await?;
            Parts::Proof(proof::Export::new(Arc::new(store)).await?)
        }
    };
    match &arguments.output {
        None => match write(&mut export, &mut std::io::stdout().lock()).await {
            // A reader that has seen enough, such as `head`, is no failure.
            Err(error) if is_broken_pipe(&error) => return Ok(()),
            done => done?,
        },
        Some(path) => into_file(&mut export, path).await.with_context(|| path.display().to_string())?,
    }
    let place = arguments.output.map_or_else(String::new, |path| format!(" in {}", path.display()));
    eprintln!("{}, whole up to entry {}{place}", export.written(), export.head());
    Ok(())
}

/// An export under way.
enum Parts {
    Changes(Export),
    Proof(proof::Export),
}

impl Parts {
    async fn next(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(match self {
            Parts::Changes(export) => export.next().await?,
            Parts::Proof(export) => export.next().await?,
        })
    }

    fn written(&self) -> String {
        match self {
            Parts::Changes(export) => format!("{} changes", export.rows()),
            Parts::Proof(export) => format!("{} entries", export.entries()),
        }
    }

    fn at(&self) -> u64 {
        let at = match self {
            Parts::Changes(export) => export.at(),
            Parts::Proof(export) => export.at(),
        };
        at.unsigned_abs()
    }

    fn head(&self) -> u64 {
        let head = match self {
            Parts::Changes(export) => export.head(),
            Parts::Proof(export) => export.head(),
        };
        head.unsigned_abs()
    }
}

async fn into_file(export: &mut Parts, path: &Path) -> anyhow::Result<()> {
    let part =
        path.with_extension(format!("{}part", path.extension().map_or("".into(), |e| format!("{}.", e.display()))));
    let mut file = BufWriter::new(File::create(&part).with_context(|| part.display().to_string())?);
    write(export, &mut file).await?;
    file.into_inner()?.sync_all()?;
    Ok(std::fs::rename(&part, path)?)
}

async fn write(export: &mut Parts, out: &mut impl Write) -> anyhow::Result<()> {
    let bar = ProgressBar::new(export.head())
        .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} entries, {per_sec}, {eta} left")?);
    while let Some(part) = export.next().await? {
        out.write_all(&part)?;
        bar.set_position(export.at());
    }
    bar.finish_and_clear();
    Ok(out.flush()?)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
