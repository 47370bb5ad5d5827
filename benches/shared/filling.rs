//! Logs to measure with: databases of their own, filled through the store's own append, chain and all.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use portraitd::protocol::body;
use portraitd::store::model::{Arrival, Auth};
use portraitd::store::{NewEntry, Open, Store};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::postgres::Cluster;

/// Settings of a server that is meant to take writes and to hold a large log.
pub const SETTINGS: [&str; 4] = ["shared_buffers=1GB", "min_wal_size=4GB", "max_wal_size=8GB", "fsync=on"];

/// The app all of it is for.
const APP: i64 = 1_400_000_000;
const BATCH: u64 = 1000;
/// After the nickname.
const ITEMS: [&str; 3] = [
    "{\"Tag\":\"Tag_Profile_IM_Gender\",\"Value\":\"Gender_Type_Male\"}",
    "{\"Tag\":\"Tag_Profile_IM_AllowType\",\"Value\":\"AllowType_Type_NeedConfirm\"}",
    "{\"Tag\":\"Tag_Profile_Custom_Data\",\"Value\":\"your custom data\"}",
];

/// A callback of four items, unless it has fewer.
pub struct Sample {
    pub number: u64,
    pub account: String,
    pub operator: String,
    /// Milliseconds.
    pub received_at: i64,
    pub items: usize,
}

impl Sample {
    /// One that the account itself sent.
    pub fn own(number: u64, account: String, received_at: i64) -> Self {
        Sample { number, operator: account.clone(), account, received_at, items: ITEMS.len() + 1 }
    }

    fn entry(&self) -> anyhow::Result<NewEntry> {
        let Sample { number, account, operator, received_at, items } = self;
        let nick = format!("{{\"Tag\":\"Tag_Profile_IM_Nick\",\"Value\":\"nick {number:012}\"}}");
        let items = [&[nick.as_str()], &ITEMS[..items - 1]].concat().join(",");
        let json = format!(
            "{{\"CallbackCommand\":\"Profile.CallbackPortraitSet\",\"Operator_Account\":\"{operator}\",\"From_Account\":\"{account}\",\
             \"EventTime\":{},\"ProfileItem\":[{items}]}}",
            received_at - 40
        );
        let portrait = body::parse(json.as_bytes())?;
        let arrival = Arrival {
            receipt_id: rand::random(),
            received_at: *received_at,
            salt: [7; 16],
            sdk_app_id: APP,
            auth: Auth::None,
            client_ip: Some("203.0.113.7".to_owned()),
            platform: Some("Android".to_owned()),
            body: Bytes::from(json),
        };
        Ok(arrival.entry(portrait))
    }
}

/// Milliseconds.
pub fn now() -> anyhow::Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}

/// An empty log on the server.
pub async fn create(cluster: &Cluster, name: &str) -> anyhow::Result<String> {
    let mut connection = PgConnection::connect(&cluster.url("postgres")).await?;
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
    let url = cluster.url(name);
    Store::open(&url, Open::Migrate).await?;
    Ok(url)
}

/// Appends so many samples, by number, and does what housekeeping would have done by then.
pub async fn fill(url: &str, entries: u64, sample: impl Fn(u64) -> Sample) -> anyhow::Result<()> {
    let bar =
        ProgressBar::new(entries).with_style(ProgressStyle::with_template("filling {bar:40} {pos}/{len}, {eta} left")?);
    let store = Store::open(url, Open::Migrate).await?;
    let mut place = store.extend().await?;
    for first in (0..entries).step_by(usize::try_from(BATCH)?) {
        if i64::try_from(first + BATCH)? >= place - 1 {
            place = store.extend().await?;
        }
        append(&store, (first..entries.min(first + BATCH)).map(&sample)).await?;
        bar.inc(BATCH);
    }
    while store.add_blocks().await? > 0 {}
    store.prune_recent(0).await?;
    bar.finish_and_clear();
    if url.starts_with("postgres") {
        let mut connection = PgConnection::connect(url).await?;
        for table in ["callbacks", "profile_changes", "recent"] {
            connection.execute(AssertSqlSafe(format!("VACUUM (ANALYZE) {table}"))).await?;
        }
        connection.execute("CHECKPOINT").await?;
    }
    Ok(())
}

/// Appends these at once.
async fn append(store: &Store, samples: impl Iterator<Item = Sample>) -> anyhow::Result<()> {
    let entries: Vec<NewEntry> = samples.map(|sample| sample.entry()).collect::<anyhow::Result<_>>()?;
    store.append(&entries.iter().collect::<Vec<_>>()).await?;
    Ok(())
}
