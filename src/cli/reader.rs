//! Reading commands that show people's data: who reads is recorded before anything is shown.

use anyhow::Context;

use super::store_to_operate;
use crate::config::Loaded;
use crate::store::{Access, Store};

/// The store, once it is recorded who reads what: `target` is whose data when it is one person's, `asked` what was given.
pub(super) async fn store_to_read(
    loaded: &Loaded,
    action: &str,
    target: Option<&str>,
    asked: &[(&str, Option<String>)],
) -> anyhow::Result<Store> {
    let store = store_to_operate(loaded).await?;
    record_read(&store, action, target, asked).await?;
    Ok(store)
}

/// Records who reads what.
pub(super) async fn record_read(
    store: &Store,
    action: &str,
    target: Option<&str>,
    asked: &[(&str, Option<String>)],
) -> anyhow::Result<()> {
    let details = details(asked);
    let row = Access { who: &whoami(), action, target: target.unwrap_or("*"), details: details.as_deref() };
    store.record_access(row).await.context(
        "nothing is shown, because reading is recorded in access_log and this could not be; it takes a file that may be \
         written or, in Postgres, SELECT on what is read and INSERT on access_log (docs/postgres-roles.sql)",
    )
}

/// Who runs this, for the access log.
pub(super) fn whoami() -> String {
    let mut names = ["SUDO_USER", "USER", "LOGNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
    let user =
        names.find(|name| !name.is_empty()).unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    format!("{user} (command line)")
}

/// What was given, in the form of an API's query.
fn details(asked: &[(&str, Option<String>)]) -> Option<String> {
    let given = asked.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
    (!query.is_empty()).then_some(query)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_reads_like_a_query() {
        assert_eq!(details(&[("app", None), ("limit", None)]), None);
        let asked = [("account", Some("a&b=小".to_owned())), ("app", None), ("limit", Some("50".to_owned()))];
        assert_eq!(details(&asked).as_deref(), Some("account=a%26b%3D%E5%B0%8F&limit=50"));
    }
}
