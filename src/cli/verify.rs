//! `verify`: recomputes the whole log and names the first entry that does not hold.

use indicatif::{ProgressBar, ProgressStyle};

use super::existing_store;
use super::output::print;
use crate::config::Loaded;
use crate::store::verify::{self, Verdict};

pub(super) async fn run(loaded: Loaded) -> anyhow::Result<()> {
    let store = existing_store(&loaded).await?;
    let bar = ProgressBar::new(0)
        .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} entries, {per_sec}, {eta} left")?);
    let verdict = verify::run(&store, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })
    .await?;
    bar.finish_and_clear();
    match verdict {
        Verdict::Holds(head) => {
            print(&format!("{} entries hold; head {} {}\n", head.seq, head.seq, hex::encode(head.chain)))
        }
        Verdict::Broken(fault) => anyhow::bail!("the log does not hold: {fault}"),
    }
}
