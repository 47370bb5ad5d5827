//! What `portraitd doctor` says about a SQLite file.

use super::Sqlite;
use crate::protocol::time::Millis;
use crate::store::{Condition, Result};

const JOURNAL_MODE: &str = "-- doctor
PRAGMA journal_mode";
const QUICK_CHECK: &str = "-- doctor
PRAGMA quick_check(1)";

impl Sqlite {
    /// What there is to say; it has no clock of its own.
    pub(in crate::store) async fn conditions(&self) -> Result<(Vec<Condition>, Option<Millis>)> {
        let mode: String = sqlx::query_scalar(JOURNAL_MODE).fetch_one(self.readers()).await?;
        let sound: String = sqlx::query_scalar(QUICK_CHECK).fetch_one(self.readers()).await?;
        let journal = format!("journal_mode = {mode}");
        let said = vec![
            match mode.as_str() {
                "wal" => Condition::good(journal),
                _ => Condition::doubtful(
                    journal,
                    "readers and the writer wait for each other; `portraitd serve` sets WAL",
                ),
            },
            match sound.as_str() {
                "ok" => Condition::good("quick_check: the file is sound"),
                _ => Condition::bad("quick_check", format!("the file is damaged: {sound}; restore a backup")),
            },
        ];
        Ok((said, None))
    }
}
