//! Query parameters: each at most once, and none that means nothing. An error names the parameter.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::audit::problem::Problem;
use crate::protocol::time::{self, Millis};
use crate::store::model::KINDS;
use crate::store::query::MAX_LIMIT;
use crate::store::{ChangeFilter, Direction, Paging, Place};

/// Items of a page, unless asked for less or more.
const LIMIT: u32 = 50;

pub(in crate::audit) struct Params(BTreeMap<String, String>);

impl Params {
    /// An empty value counts as none: that is what an empty field of a form sends.
    pub fn of(query: Option<&str>) -> Result<Self, Problem> {
        let mut params = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if value.is_empty() {
                continue;
            }
            if value.contains('\0') {
                return Err(Problem::parameter(&name, "may not hold NUL"));
            }
            if params.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(Problem::parameter(&name, "is given more than once"));
            }
        }
        Ok(Params(params))
    }

    pub fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    pub fn parsed<T: FromStr>(&mut self, name: &str, expected: &str) -> Result<Option<T>, Problem> {
        match self.0.remove(name).map(|text| text.parse()) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(_)) => Err(Problem::parameter(name, format!("must be {expected}"))),
        }
    }

    pub fn time(&mut self, name: &str) -> Result<Option<Millis>, Problem> {
        match self.0.remove(name).map(|text| time::parse(&text)) {
            None => Ok(None),
            Some(Some(time)) => Ok(Some(time)),
            Some(None) => Err(Problem::parameter(
                name,
                "must be a time in RFC 3339, such as 2026-01-31T12:00:00Z, or a date (UTC)",
            )),
        }
    }

    pub fn limit(&mut self) -> Result<u32, Problem> {
        let expected = format!("1 to {MAX_LIMIT}");
        let limit = self.parsed("limit", &expected)?.unwrap_or(LIMIT);
        if (1..=MAX_LIMIT).contains(&limit) {
            Ok(limit)
        } else {
            Err(Problem::parameter("limit", format!("must be {expected}")))
        }
    }

    pub fn app(&mut self) -> Result<Option<i64>, Problem> {
        self.parsed("app", "an SDKAppID, such as 1400000000")
    }

    pub fn filter(&mut self) -> Result<ChangeFilter, Problem> {
        Ok(ChangeFilter {
            app: self.app()?,
            account: self.text("account"),
            operator: self.text("operator"),
            tag: self.text("tag"),
            platform: self.text("platform"),
            kind: self.parsed("kind", KINDS)?,
            since: self.time("since")?,
            until: self.time("until")?,
            event_since: self.time("event_since")?,
            event_until: self.time("event_until")?,
        })
    }

    pub fn paging(&mut self) -> Result<Paging, Problem> {
        let direction = match self.0.remove("order").as_deref() {
            None | Some("desc") => Direction::NewestFirst,
            Some("asc") => Direction::OldestFirst,
            Some(_) => return Err(Problem::parameter("order", "must be asc or desc")),
        };
        Ok(Paging { direction, after: self.place("cursor")?, limit: self.limit()? })
    }

    pub fn place(&mut self, name: &str) -> Result<Option<Place>, Problem> {
        self.parsed(name, "a next_cursor that was given before")
    }

    /// Nothing is left.
    pub fn end(self) -> Result<(), Problem> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(Problem::parameter(&name, "means nothing here")),
        }
    }
}
