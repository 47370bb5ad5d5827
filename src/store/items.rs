//! Item rows of a range of entries, in one row: to hand over row by row costs more than all else of them.

use super::Result;
use super::model::StoredItem;
use super::postgres::Postgres;
use super::sqlite::Sqlite;

macro_rules! items {
    ($columns:literal) => {
        concat!(
            "-- stored\nSELECT ",
            $columns,
            "\n  FROM (SELECT seq, ordinal, tag, value FROM profile_changes WHERE seq BETWEEN $1 AND $2 ORDER BY seq, ordinal) i"
        )
    };
}

const AS_ARRAYS: &str = items!("array_agg(seq), array_agg(ordinal), array_agg(tag), array_agg(value)");
const AS_JSON: &str = items!("json_group_array(json_array(seq, ordinal, tag, value))");

type Arrays = (Option<Vec<i64>>, Option<Vec<i32>>, Option<Vec<String>>, Option<Vec<Option<String>>>);

impl Postgres {
    pub(super) async fn items(&self, from: i64, to: i64) -> Result<Vec<StoredItem>> {
        let arrays: Arrays = sqlx::query_as(AS_ARRAYS).bind(from).bind(to).fetch_one(self.readers()).await?;
        let (seqs, ordinals) = (arrays.0.unwrap_or_default(), arrays.1.unwrap_or_default());
        let (tags, values) = (arrays.2.unwrap_or_default(), arrays.3.unwrap_or_default());
        let rows = seqs.into_iter().zip(ordinals).zip(tags).zip(values);
        Ok(rows.map(|(((seq, ordinal), tag), value)| StoredItem { seq, ordinal, tag, value }).collect())
    }
}

impl Sqlite {
    pub(super) async fn items(&self, from: i64, to: i64) -> Result<Vec<StoredItem>> {
        let json: String = sqlx::query_scalar(AS_JSON).bind(from).bind(to).fetch_one(self.readers()).await?;
        let rows: Vec<(i64, i32, String, Option<String>)> =
            serde_json::from_str(&json).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(rows.into_iter().map(|(seq, ordinal, tag, value)| StoredItem { seq, ordinal, tag, value }).collect())
    }
}
