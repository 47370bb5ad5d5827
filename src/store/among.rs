//! Statements over a list of sequences, the same text however long the list is, so that they are planned once.

use sqlx::{Database, QueryBuilder};

pub(super) trait Among: Database {
    /// The condition that the column is one of these.
    fn push_among(query: &mut QueryBuilder<Self>, column: &str, seqs: &[i64]);
}

impl Among for sqlx::Postgres {
    /// Partitions are left out by the bounds: by a list they would not be.
    fn push_among(query: &mut QueryBuilder<Self>, column: &str, seqs: &[i64]) {
        let bound = |bound: Option<&i64>| bound.copied().unwrap_or_default();
        query.push(column).push(" >= ").push_bind(bound(seqs.iter().min()));
        query.push(" AND ").push(column).push(" <= ").push_bind(bound(seqs.iter().max()));
        query.push(" AND ").push(column).push(" = ANY (").push_bind(seqs.to_vec()).push(")");
    }
}

impl Among for sqlx::Sqlite {
    fn push_among(query: &mut QueryBuilder<Self>, column: &str, seqs: &[i64]) {
        let list = serde_json::json!(seqs).to_string();
        query.push(column).push(" IN (SELECT value FROM json_each(").push_bind(list).push("))");
    }
}
