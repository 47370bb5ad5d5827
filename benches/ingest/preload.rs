//! Fills a log through the store's own append, chain and all.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use portraitd::protocol::body;
use portraitd::store::model::{Arrival, Auth};
use portraitd::store::{NewEntry, Open, Store};

use crate::load::{APP, write_body};
use crate::servers::block_on;

const BATCH: u64 = 1000;

/// Appends `entries` callbacks, one second apart, ending two hours ago.
pub fn fill(url: &str, entries: u64) -> anyhow::Result<()> {
    let bar =
        ProgressBar::new(entries).with_style(ProgressStyle::with_template("filling {bar:40} {pos}/{len}, {eta} left")?);
    block_on(async {
        let store = Store::open(url, Open::Migrate).await?;
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
        let begin = now - 7_200_000 - i64::try_from(entries)? * 1000;
        let mut place = store.extend().await?;
        for first in (0..entries).step_by(usize::try_from(BATCH)?) {
            if i64::try_from(first + BATCH)? >= place - 1 {
                place = store.extend().await?;
            }
            let batch: Vec<NewEntry> = (first..entries.min(first + BATCH))
                .map(|number| entry(number, begin))
                .collect::<anyhow::Result<_>>()?;
            store.append(&batch.iter().collect::<Vec<_>>()).await?;
            bar.set_position(first + BATCH);
        }
        store.prune_recent(3600).await?;
        anyhow::Ok(())
    })??;
    bar.finish_and_clear();
    if url.starts_with("postgres") {
        block_on(settle(url))??;
    }
    Ok(())
}

/// What the database's own housekeeping would have done by then.
async fn settle(url: &str) -> anyhow::Result<()> {
    use sqlx::{Connection, Executor};
    let mut connection = sqlx::PgConnection::connect(url).await?;
    connection.execute("VACUUM (ANALYZE) recent").await?;
    connection.execute("VACUUM (ANALYZE) callbacks").await?;
    connection.execute("VACUUM (ANALYZE) profile_changes").await?;
    connection.execute("CHECKPOINT").await?;
    Ok(())
}

fn entry(number: u64, begin: i64) -> anyhow::Result<NewEntry> {
    let event_time = begin + i64::try_from(number)? * 1000;
    let mut json = Vec::with_capacity(512);
    write_body(&mut json, number, u128::try_from(event_time)?)?;
    let portrait = body::parse(&json)?;
    let received_at = event_time + 40;
    let mut receipt_id = [0; 16];
    receipt_id[8..].copy_from_slice(&number.to_be_bytes());
    let arrival = Arrival {
        receipt_id,
        received_at,
        salt: [7; 16],
        sdk_app_id: i64::try_from(APP)?,
        auth: Auth::None,
        client_ip: Some("203.0.113.7".to_owned()),
        platform: Some("Android".to_owned()),
        body: Bytes::from(json),
    };
    Ok(arrival.entry(portrait))
}
