//! What can go wrong with the store, sorted by what the caller can do about it.

use sqlx::error::DatabaseError;

/// What is wrong with a row that portraitd never writes like this.
pub(super) const MISSHAPEN: &str = "a column of it, or of its rows in profile_changes, is not as portraitd writes it";

/// A failed verb.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused the data itself; other data may pass.
    #[error("the database refuses the data: {0}")]
    Data(#[source] sqlx::Error),
    /// The database cannot be reached, is too slow, or refuses for a reason that may pass. The outcome may be unknown.
    #[error("the store is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// No answer within the store's own time limit.
    #[error("the store did not answer within {0} ms")]
    Slow(u128),
    /// It has not been reached since the start.
    #[error("the store has not been reached since the start")]
    NotOpen,
    /// The database cannot be reached; nothing speaks against trying again.
    #[error("cannot reach {location}: {why}")]
    Away {
        /// Where we tried.
        location: String,
        /// What the system said.
        why: String,
    },
    /// A row was altered by somebody else: it is not as portraitd writes rows.
    #[error("entry {seq} was altered: {MISSHAPEN}; see `portraitd verify`")]
    Altered {
        /// The entry.
        seq: i64,
    },
    /// The tables are missing or older than this program.
    #[error(
        "{location} holds no portraitd log of this version; `portraitd migrate` or `portraitd serve` brings it up to date"
    )]
    NotMigrated {
        /// Where we looked.
        location: String,
    },
    /// There is nothing at the location.
    #[error("there is no log at {location}: {why}")]
    Absent {
        /// Where we looked.
        location: String,
        /// What the system said.
        why: String,
    },
    /// The tables are newer than this program.
    #[error("the log's tables are of version {found}, this program knows {known}: run a newer portraitd")]
    Newer {
        /// In the database.
        found: i64,
        /// In the program.
        known: i64,
    },
    /// Bringing the tables up to date failed.
    #[error("migrating {location} failed: {why}")]
    Migrate {
        /// Which database.
        location: String,
        /// What it said.
        why: String,
    },
    /// The URL or the database's settings cannot serve as a store.
    #[error("store.url: {0}")]
    Unsuitable(String),
}

impl StoreError {
    /// Whether less at a time may pass where this much took too long.
    pub fn may_pass_in_parts(&self) -> bool {
        match self {
            StoreError::Slow(_) => true,
            StoreError::Unavailable(sqlx::Error::Database(error)) => error.code().is_some_and(|code| code == "57014"),
            _ => false,
        }
    }

    /// Whether a store that could not be opened may be there later without anybody changing the configuration.
    pub fn may_pass(&self) -> bool {
        matches!(self, StoreError::Unavailable(_) | StoreError::Slow(_) | StoreError::NotOpen | StoreError::Away { .. })
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let data = match &error {
            sqlx::Error::Database(e) => e.code().is_some_and(|code| is_about_data(&code)) && !no_partition(e.as_ref()),
            sqlx::Error::Encode(_) => true,
            _ => false,
        };
        if data { StoreError::Data(error) } else { StoreError::Unavailable(error) }
    }
}

/// SQLSTATE classes that blame what was sent: cardinality, data, integrity, triggers and functions of others, check options,
/// program limits, exceptions raised in PL/pgSQL.
const DATA_CLASSES: [&str; 8] = ["21", "22", "23", "38", "39", "44", "54", "P0"];

/// By SQLSTATE, or by SQLite's CONSTRAINT (19) and TOOBIG (18) with their extended codes.
fn is_about_data(code: &str) -> bool {
    if code.len() == 5 {
        return DATA_CLASSES.iter().any(|class| code.starts_with(class));
    }
    code.parse::<u32>().is_ok_and(|sqlite| matches!(sqlite & 0xff, 18 | 19))
}

/// A range without a partition yet is our lateness, not the row's fault: a check violation of no constraint.
fn no_partition(error: &dyn DatabaseError) -> bool {
    error.code().is_some_and(|code| code == "23514") && error.constraint().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_row_is_to_blame_for_is_about_data() {
        for code in ["22P05", "23514", "54000", "P0001", "18", "19", "1299", "2067"] {
            assert!(is_about_data(code), "{code}");
        }
        for code in ["08006", "53100", "57014", "25006", "42501", "40001", "XX000", "5", "10", "13", "1555x"] {
            assert!(!is_about_data(code), "{code}");
        }
    }
}
