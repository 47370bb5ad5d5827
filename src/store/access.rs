//! The access log: who looked at what and who operated. Rows are only ever added.

use super::sqlite::writing;
use super::{Result, postgres, sqlite};

/// Also what an order records in its own transaction.
pub(super) const RECORD: &str = "-- access
INSERT INTO access_log (who, action, target, details) VALUES ($1, $2, $3, $4)";

/// A row to be.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// A token's name, or the command line's system user.
    pub who: &'a str,
    /// What was done, such as `changes.read`.
    pub action: &'a str,
    /// To what: an account, a handler, `*` for whatever there is.
    pub target: &'a str,
    /// How, or what was asked for.
    pub details: Option<&'a str>,
}

/// Postgres does not take NUL in text. Nothing in the log is named so, but somebody may ask for it.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

impl postgres::Postgres {
    pub(super) async fn record_access(&self, row: Access<'_>) -> Result<()> {
        let query = sqlx::query(RECORD).bind(storable(row.who)).bind(row.action).bind(storable(row.target));
        query.bind(row.details.map(storable)).execute(self.readers()).await?;
        Ok(())
    }
}

impl sqlite::Sqlite {
    pub(super) async fn record_access(&self, row: Access<'_>) -> Result<()> {
        let query = sqlx::query(RECORD).bind(storable(row.who)).bind(row.action).bind(storable(row.target));
        let query = query.bind(row.details.map(storable));
        writing!(self, writer => query.execute(writer).await.map(drop))
    }
}
