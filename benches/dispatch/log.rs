//! Logs to handle: databases of their own, filled through the store's own append.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use portraitd::protocol::body;
use portraitd::store::model::{Arrival, Auth};
use portraitd::store::{NewEntry, Open, Store};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::callbacks::APP;
use crate::postgres::Cluster;

const BATCH: u64 = 1000;

/// An empty log on the server.
pub async fn create(cluster: &Cluster, name: &str) -> anyhow::Result<String> {
    let mut connection = PgConnection::connect(&cluster.url("postgres")).await?;
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
    let url = cluster.url(name);
    Store::open(&url, Open::Migrate).await?;
    Ok(url)
}

/// Appends callbacks of four items, spread over the accounts in turn.
pub async fn fill(url: &str, entries: u64, accounts: u64) -> anyhow::Result<()> {
    let bar =
        ProgressBar::new(entries).with_style(ProgressStyle::with_template("filling {bar:40} {pos}/{len}, {eta} left")?);
    let store = Store::open(url, Open::Migrate).await?;
    let mut place = store.extend().await?;
    for first in (0..entries).step_by(usize::try_from(BATCH)?) {
        if i64::try_from(first + BATCH)? >= place - 1 {
            place = store.extend().await?;
        }
        append(&store, (first..entries.min(first + BATCH)).map(|number| (number, number % accounts))).await?;
        bar.inc(BATCH);
    }
    bar.finish_and_clear();
    if url.starts_with("postgres") {
        // What the database's own housekeeping would have done by then.
        let mut connection = PgConnection::connect(url).await?;
        connection.execute("VACUUM (ANALYZE) callbacks").await?;
        connection.execute("VACUUM (ANALYZE) profile_changes").await?;
        connection.execute("CHECKPOINT").await?;
    }
    Ok(())
}

/// Appends one callback for each number and account.
pub async fn append(store: &Store, callbacks: impl Iterator<Item = (u64, u64)>) -> anyhow::Result<()> {
    let entries: Vec<NewEntry> =
        callbacks.map(|(number, account)| entry(number, account)).collect::<anyhow::Result<_>>()?;
    store.append(&entries.iter().collect::<Vec<_>>()).await?;
    Ok(())
}

fn entry(number: u64, account: u64) -> anyhow::Result<NewEntry> {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let json = format!(
        "{{\"CallbackCommand\":\"Profile.CallbackPortraitSet\",\"Operator_Account\":\"user{account}\",\"From_Account\":\"user{account}\",\
         \"EventTime\":{now},\"ProfileItem\":[{{\"Tag\":\"Tag_Profile_IM_Nick\",\"Value\":\"nick {number:012}\"}},\
         {{\"Tag\":\"Tag_Profile_IM_Gender\",\"Value\":\"Gender_Type_Male\"}},{{\"Tag\":\"Tag_Profile_IM_AllowType\",\
         \"Value\":\"AllowType_Type_NeedConfirm\"}},{{\"Tag\":\"Tag_Profile_Custom_Data\",\"Value\":\"your custom data\"}}]}}"
    );
    let portrait = body::parse(json.as_bytes())?;
    let arrival = Arrival {
        receipt_id: rand::random(),
        received_at: now,
        salt: [7; 16],
        sdk_app_id: i64::try_from(APP)?,
        auth: Auth::None,
        client_ip: Some("203.0.113.7".to_owned()),
        platform: Some("Android".to_owned()),
        body: Bytes::from(json),
    };
    Ok(arrival.entry(portrait))
}
