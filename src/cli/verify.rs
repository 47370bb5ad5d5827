//! `verify`: recomputes the log and names the first entry that does not hold.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;

use super::existing_store;
use super::output::print;
use crate::config::Loaded;
use crate::store::Head;
use crate::store::verify::{self, Plan, Verdict};

/// Check that the log was not altered: digests, chain, item rows, erasures
///
/// Without a head that somebody outside noted, it finds what was not made to fit. With one, it also finds a log that was cut
/// or written anew. docs/proof.md says what is proven, and against whom.
#[derive(Args)]
pub(super) struct Arguments {
    /// From this entry on; what was before it is taken as it is
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(i64).range(1..))]
    from: Option<i64>,
    /// Up to this entry
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(i64).range(1..))]
    to: Option<i64>,
    /// Heads that were noted elsewhere, one a line: JSON as in proof.head_file, or what this command prints; - for stdin
    #[arg(long, value_name = "FILE")]
    head: Option<PathBuf>,
}

pub(super) async fn run(loaded: Loaded, arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { from, to, head } = arguments;
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        bail!("--from {from} comes after --to {to}");
    }
    let heads = head.map(|file| read_heads(&file)).transpose()?.unwrap_or_default();
    let store = existing_store(&loaded).await?;
    let bar = ProgressBar::new(0)
        .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} entries, {per_sec}, {eta} left")?);
    let noted = heads.len();
    let verdict = verify::run(&store, Plan { from, to, heads }, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })
    .await?;
    bar.finish_and_clear();
    match verdict {
        Verdict::Holds { pruned, entries, head, heads } => {
            if heads < noted {
                eprintln!("{} of {noted} noted heads are of entries that were not asked for", noted - heads);
            }
            let before = pruned
                .map_or(String::new(), |anchor| format!(", those before entry {} were pruned", anchor.head.seq + 1));
            if pruned.is_some_and(|anchor| anchor.is_under_way) {
                eprintln!("some of what was pruned is still there: the service or portraitd prune goes on with it");
            }
            print(&format!("{entries} entries hold{before}; head {} {}\n", head.seq, hex::encode(head.chain)))
        }
        Verdict::Broken(fault) => bail!("the log does not hold: {fault}"),
    }
}

fn read_heads(file: &Path) -> anyhow::Result<Vec<Head>> {
    let text = match file.as_os_str() == "-" {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(file),
    };
    let text = text.with_context(|| format!("--head {}", file.display()))?;
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let heads: Vec<Head> = lines
        .map(|(line, number)| {
            parse_head(line).with_context(|| format!("--head {}: line {number} names no head", file.display()))
        })
        .collect::<anyhow::Result<_>>()?;
    if heads.is_empty() {
        bail!("--head {}: it names no head", file.display());
    }
    Ok(heads)
}

#[derive(Deserialize)]
struct Noted {
    seq: i64,
    #[serde(with = "hex::serde")]
    chain: [u8; 32],
}

/// A JSON object, or a line that ends with sequence and chain.
fn parse_head(line: &str) -> Option<Head> {
    if line.trim_start().starts_with('{') {
        let Noted { seq, chain } = serde_json::from_str(line).ok()?;
        return Some(Head { seq, chain });
    }
    let mut words = line.split_whitespace().rev();
    let (mut chain, hex) = ([0; 32], words.next()?);
    hex::decode_to_slice(hex, &mut chain).ok()?;
    Some(Head { seq: words.next()?.parse().ok()?, chain })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_from_json_and_from_what_verify_prints() {
        let hex = "ab".repeat(32);
        let head = Some(Head { seq: 3, chain: [0xab; 32] });
        for line in [
            format!(r#"{{"at":"2026-01-01T00:00:00.000Z","seq":3,"chain":"{hex}"}}"#),
            format!("3 entries hold; head 3 {hex}"),
            format!("3 {hex}"),
        ] {
            assert_eq!(parse_head(&line), head, "{line}");
        }
        for line in ["{}", "3", "x ab", &format!("x {hex}"), &hex, "{\"seq\":3,\"chain\":\"ab\"}"] {
            assert_eq!(parse_head(line), None, "{line}");
        }
    }
}
