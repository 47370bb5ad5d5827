//! The statements of a search. The same text in both dialects.

use sqlx::{Database, Encode, QueryBuilder, Type};

use crate::protocol::time::Millis;
use crate::store::among::Among;
use crate::store::model::Kind;
use crate::store::query::{ChangeFilter, Direction, Place};
use crate::store::stamp::Stamp;

const ROWS: &str = "-- changes
SELECT seq, ordinal, app, account, operator, tag, old, new, event_time, effective_time, received_at, platform,
       client_ip, auth, kind
  FROM profile_history WHERE ";

/// What is asked of the entry.
fn of_the_entry<'a, 'q, Db: Database>(
    query: &'a mut QueryBuilder<Db>,
    filter: &'q ChangeFilter,
) -> &'a mut QueryBuilder<Db>
where
    i64: Encode<'q, Db> + Type<Db>,
    &'q String: Encode<'q, Db> + Type<Db>,
    Stamp: Encode<'q, Db> + Type<Db>,
{
    if let Some(value) = filter.app {
        query.push(" AND sdk_app_id = ").push_bind(value);
    }
    if let Some(kind) = filter.kind {
        // Not bound: the index is of what is no callback, and must be known to serve.
        query.push(" AND kind = '").push(kind.as_str()).push("'");
        if kind != Kind::Callback {
            query.push(" AND kind <> 'callback'");
        }
    }
    let texts = [
        (" AND account = ", &filter.account),
        (" AND operator = ", &filter.operator),
        (" AND platform = ", &filter.platform),
    ];
    for (condition, text) in texts {
        if let Some(text) = text {
            query.push(condition).push_bind(text);
        }
    }
    let times: [(_, Option<Millis>); 4] = [
        (" AND received_at >= ", filter.since),
        (" AND received_at < ", filter.until),
        (" AND event_time >= ", filter.event_since),
        (" AND event_time < ", filter.event_until),
    ];
    for (condition, time) in times {
        if let Some(time) = time {
            query.push(condition).push_bind(Stamp(time));
        }
    }
    query
}

/// Entries by account, operator or kind. `seq + 0`, because the primary key would be the wrong way to them.
pub fn matching<'q, Db: Database>(
    filter: &'q ChangeFilter,
    direction: Direction,
    after: Option<Place>,
    count: usize,
) -> QueryBuilder<Db>
where
    i64: Encode<'q, Db> + Type<Db>,
    &'q String: Encode<'q, Db> + Type<Db>,
    Stamp: Encode<'q, Db> + Type<Db>,
{
    let (beyond, order) = match direction {
        Direction::NewestFirst => (" <= ", " DESC"),
        Direction::OldestFirst => (" >= ", ""),
    };
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let mut query = QueryBuilder::new("-- matching\nSELECT seq FROM (");
    // An operator's own entries are found by the account: the index of operators is of those who change other people's.
    let own = [(filter.account.as_ref(), "seq + 0"), (filter.operator.as_ref(), "seq + 0")];
    let ways: &[(_, _, _)] = match own {
        [(Some(account), by), _] => &[(" AND account = ", Some(account), by)],
        [_, (Some(operator), by)] => &[
            (" AND operator IS DISTINCT FROM account AND operator = ", Some(operator), "seq"),
            (" AND account = ", Some(operator), by),
        ],
        _ => &[("", None, "seq")],
    };
    for (at, (condition, value, by)) in ways.iter().enumerate() {
        query.push(if at == 0 { "SELECT seq FROM (" } else { " UNION ALL SELECT seq FROM (" });
        query.push("SELECT seq FROM callbacks WHERE 1 = 1").push(condition);
        if let Some(value) = value {
            query.push_bind(*value);
        }
        of_the_entry(&mut query, filter);
        if let Some(place) = after {
            query.push(" AND ").push(by).push(beyond).push_bind(place.seq);
        }
        query.push(" ORDER BY ").push(by).push(order).push(" LIMIT ").push_bind(count).push(") AS way");
    }
    query.push(") AS found ORDER BY seq").push(order).push(" LIMIT ").push_bind(count);
    query
}

/// Entries of a part of the log. A tag is looked at only where nothing else is asked for: joins could be planned badly.
pub fn within<'q, Db: Database>(
    filter: &'q ChangeFilter,
    direction: Direction,
    (low, high): (i64, i64),
    count: usize,
) -> QueryBuilder<Db>
where
    i64: Encode<'q, Db> + Type<Db>,
    &'q String: Encode<'q, Db> + Type<Db>,
    Stamp: Encode<'q, Db> + Type<Db>,
{
    let by_tag = filter.tag.as_ref().filter(|_| !filter.asks_of_the_entry());
    let mut query = QueryBuilder::new(match by_tag {
        Some(_) => "-- within\nSELECT DISTINCT seq FROM profile_changes WHERE seq >= ",
        None => "-- within\nSELECT seq FROM callbacks WHERE seq >= ",
    });
    query.push_bind(low).push(" AND seq <= ").push_bind(high);
    match by_tag {
        Some(tag) => query.push(" AND tag = ").push_bind(tag),
        None => of_the_entry(&mut query, filter),
    };
    let order = if direction == Direction::NewestFirst { " ORDER BY seq DESC LIMIT " } else { " ORDER BY seq LIMIT " };
    query.push(order).push_bind(i64::try_from(count).unwrap_or(i64::MAX));
    query
}

/// Items of these entries.
pub fn rows<'q, Db: Among>(
    filter: &'q ChangeFilter,
    direction: Direction,
    after: Option<Place>,
    seqs: &[i64],
    limit: usize,
) -> QueryBuilder<Db>
where
    i64: Encode<'q, Db> + Type<Db>,
    i32: Encode<'q, Db> + Type<Db>,
    &'q String: Encode<'q, Db> + Type<Db>,
    Stamp: Encode<'q, Db> + Type<Db>,
{
    let mut query = QueryBuilder::new(ROWS);
    Db::push_among(&mut query, "seq", seqs);
    if let Some(tag) = &filter.tag {
        query.push(" AND tag = ").push_bind(tag);
    }
    let (beyond, order) = match direction {
        Direction::NewestFirst => (" < (", " ORDER BY seq DESC, ordinal DESC LIMIT "),
        Direction::OldestFirst => (" > (", " ORDER BY seq, ordinal LIMIT "),
    };
    if let Some(place) = after {
        query
            .push(" AND (seq, ordinal)")
            .push(beyond)
            .push_bind(place.seq)
            .push(", ")
            .push_bind(place.ordinal)
            .push(")");
    }
    query.push(order).push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    query
}
