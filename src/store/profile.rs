//! An account's profile at a time: the newest value of each tag. The statements are the same text in both dialects.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::stamp::Stamp;
use super::{Dialect, Result, Store, either, postgres, sqlite};
use crate::protocol::time::{Millis, rfc3339};

/// One tag's value, and where it comes from.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
pub struct ProfileItem {
    /// Tag
    pub tag: String,
    /// JSON text.
    #[serde(serialize_with = "raw")]
    pub value: String,
    /// The entry that set it.
    pub seq: i64,
    /// Who did.
    pub operator: Option<String>,
    /// When it took effect.
    #[serde(serialize_with = "time")]
    pub effective_time: Stamp,
    /// What that entry is.
    pub kind: String,
}

fn raw<S: Serializer>(json: &str, to: S) -> std::result::Result<S::Ok, S::Error> {
    RawValue::from_string(json.to_owned()).map_err(serde::ser::Error::custom)?.serialize(to)
}

fn time<S: Serializer>(time: &Stamp, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(&rfc3339(time.0))
}

const PROFILE: &str = "-- profile
SELECT tag, value, seq, operator, effective_time, kind
  FROM (SELECT i.tag, i.value, c.seq, c.operator, c.effective_time, c.kind,
               row_number() OVER (PARTITION BY i.tag ORDER BY c.effective_time DESC, c.seq DESC, i.ordinal DESC) AS age
          FROM callbacks c JOIN profile_changes i ON i.seq = c.seq
         WHERE c.account = $1 AND c.sdk_app_id = $2 AND c.effective_time <= $3) AS items
 WHERE age = 1 ORDER BY tag";

const APPS: &str = "-- apps
SELECT DISTINCT sdk_app_id FROM callbacks WHERE account = $1 ORDER BY sdk_app_id";

impl Store {
    /// An account's profile as it was at a time, by tag.
    pub async fn profile(&self, app: i64, account: &str, at: Millis) -> Result<Vec<ProfileItem>> {
        either!(self.dialect()?, store => store.profile(app, account, at).await)
    }

    /// The apps in which the log knows the account.
    pub async fn apps_of(&self, account: &str) -> Result<Vec<i64>> {
        either!(self.dialect()?, store => store.apps_of(account).await)
    }
}

macro_rules! profiles {
    ($store:ty) => {
        impl $store {
            pub(super) async fn profile(&self, app: i64, account: &str, at: Millis) -> Result<Vec<ProfileItem>> {
                let found = sqlx::query_as(PROFILE).bind(account).bind(app).bind(Stamp(at));
                Ok(found.fetch_all(self.readers()).await?)
            }

            pub(super) async fn apps_of(&self, account: &str) -> Result<Vec<i64>> {
                Ok(sqlx::query_scalar(APPS).bind(account).fetch_all(self.readers()).await?)
            }
        }
    };
}

profiles!(postgres::Postgres);
profiles!(sqlite::Sqlite);
