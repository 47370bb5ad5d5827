//! What is to be said about the database, for `portraitd doctor`.

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What it is.
    pub what: String,
    /// What is wrong with it.
    pub trouble: Option<Trouble>,
}

/// Something wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Whether it breaks a promise; otherwise it deserves a thought.
    pub fatal: bool,
    /// Why, and what to do.
    pub why: String,
}

impl Condition {
    /// Nothing is wrong with it.
    pub fn good(what: impl Into<String>) -> Self {
        Condition { what: what.into(), trouble: None }
    }

    /// It deserves a thought.
    pub fn doubtful(what: impl Into<String>, why: impl Into<String>) -> Self {
        Condition { what: what.into(), trouble: Some(Trouble { fatal: false, why: why.into() }) }
    }

    /// It breaks a promise.
    pub fn bad(what: impl Into<String>, why: impl Into<String>) -> Self {
        Condition { what: what.into(), trouble: Some(Trouble { fatal: true, why: why.into() }) }
    }
}
