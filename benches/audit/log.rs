//! Logs to ask: filled through the store's own append, chain and all, a callback a second up to now.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use portraitd::protocol::body;
use portraitd::store::model::{Arrival, Auth};
use portraitd::store::{NewEntry, Open, Store};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::callbacks::APP;
use crate::postgres::Cluster;

/// Items are four times as many as callbacks; accounts are four tenths of them.
const CALLBACKS_AN_ACCOUNT: (u64, u64) = (5, 2);
pub const OPERATORS: u64 = 100;
const BATCH: u64 = 1000;

/// What a log holds.
pub struct Span {
    pub entries: u64,
    pub accounts: u64,
    /// Milliseconds.
    pub begin: i64,
}

pub async fn create(cluster: &Cluster, name: &str) -> anyhow::Result<String> {
    let mut connection = PgConnection::connect(&cluster.url("postgres")).await?;
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
    Ok(cluster.url(name))
}

pub async fn fill(url: &str, entries: u64) -> anyhow::Result<Span> {
    let bar =
        ProgressBar::new(entries).with_style(ProgressStyle::with_template("filling {bar:40} {pos}/{len}, {eta} left")?);
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let accounts = entries * CALLBACKS_AN_ACCOUNT.1 / CALLBACKS_AN_ACCOUNT.0;
    let span = Span { entries, accounts, begin: now - i64::try_from(entries)? * 1000 };
    let store = Store::open(url, Open::Migrate).await?;
    let mut place = store.extend().await?;
    for first in (0..entries).step_by(usize::try_from(BATCH)?) {
        if i64::try_from(first + BATCH)? >= place - 1 {
            place = store.extend().await?;
        }
        let numbers = first..entries.min(first + BATCH);
        let batch: Vec<NewEntry> = numbers.map(|number| entry(number, &span)).collect::<anyhow::Result<_>>()?;
        store.append(&batch.iter().collect::<Vec<_>>()).await?;
        bar.inc(BATCH);
    }
    while store.add_blocks().await? > 0 {}
    store.prune_recent(0).await?;
    let mut connection = PgConnection::connect(url).await?;
    for table in ["callbacks", "profile_changes", "recent"] {
        connection.execute(AssertSqlSafe(format!("VACUUM (ANALYZE) {table}"))).await?;
    }
    connection.execute("CHECKPOINT").await?;
    bar.finish_and_clear();
    Ok(span)
}

/// Scatters numbers over the accounts.
pub fn account(number: u64, span: &Span) -> u64 {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % span.accounts
}

fn entry(number: u64, span: &Span) -> anyhow::Result<NewEntry> {
    let received_at = span.begin + i64::try_from(number)? * 1000;
    let account = account(number, span);
    // One in ten is changed by somebody else.
    let operator = match number % 10 {
        0 => format!("support{:02}", number / 10 % OPERATORS),
        _ => format!("user{account:07}"),
    };
    let json = format!(
        "{{\"CallbackCommand\":\"Profile.CallbackPortraitSet\",\"Operator_Account\":\"{operator}\",\"From_Account\":\"user{account:07}\",\
         \"EventTime\":{},\"ProfileItem\":[{{\"Tag\":\"Tag_Profile_IM_Nick\",\"Value\":\"nick {number:012}\"}},\
         {{\"Tag\":\"Tag_Profile_IM_Gender\",\"Value\":\"Gender_Type_Male\"}},{{\"Tag\":\"Tag_Profile_IM_AllowType\",\
         \"Value\":\"AllowType_Type_NeedConfirm\"}},{{\"Tag\":\"Tag_Profile_Custom_Data\",\"Value\":\"your custom data\"}}]}}",
        received_at - 40
    );
    let portrait = body::parse(json.as_bytes())?;
    let arrival = Arrival {
        receipt_id: rand::random(),
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
