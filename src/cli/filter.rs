//! Which changes: the same flags wherever changes are shown.

use clap::Args;

use super::time::time;
use crate::protocol::time::{Millis, rfc3339};
use crate::store::ChangeFilter;
use crate::store::model::Kind;

#[derive(Args)]
pub(super) struct Filter {
    /// Only this app (SDKAppID)
    #[arg(long)]
    app: Option<i64>,
    /// Only changes of this account's profile (From_Account)
    #[arg(long)]
    account: Option<String>,
    /// Only changes made by this account (Operator_Account)
    #[arg(long)]
    operator: Option<String>,
    /// Only this tag, such as Tag_Profile_IM_Nick
    #[arg(long)]
    tag: Option<String>,
    /// Only these: callback, or what `reconcile` found: baseline (first sight), reconcile (its callback never came)
    #[arg(long)]
    kind: Option<Kind>,
    /// Received at or after this time: RFC 3339, or a date (UTC)
    #[arg(long, value_parser = time)]
    since: Option<Millis>,
    /// Received before this time: RFC 3339, or a date (UTC)
    #[arg(long, value_parser = time)]
    until: Option<Millis>,
}

impl Filter {
    /// Whose changes, if it is one person's.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// For the access log.
    pub fn asked(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("app", self.app.map(|app| app.to_string())),
            ("account", self.account.clone()),
            ("operator", self.operator.clone()),
            ("tag", self.tag.clone()),
            ("kind", self.kind.map(|kind| kind.as_str().to_owned())),
            ("since", self.since.map(rfc3339)),
            ("until", self.until.map(rfc3339)),
        ]
    }
}

impl From<Filter> for ChangeFilter {
    fn from(filter: Filter) -> Self {
        let Filter { app, account, operator, tag, kind, since, until } = filter;
        ChangeFilter { app, account, operator, tag, kind, since, until, ..ChangeFilter::default() }
    }
}
