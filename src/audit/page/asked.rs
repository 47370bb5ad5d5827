//! What a page's URL asks for, so that its form and its links can repeat it: a view is its URL.

use form_urlencoded::Serializer;

/// What a list of changes can be narrowed by.
pub(super) const FILTERS: [&str; 10] =
    ["app", "account", "operator", "tag", "platform", "kind", "since", "until", "event_since", "event_until"];
/// What people type as times.
const TIMES: [&str; 5] = ["since", "until", "event_since", "event_until", "at"];

/// A query's pairs, empty ones left out: that is what a form sends for an empty field.
#[derive(Clone, Default)]
pub(super) struct Asked(Vec<(String, String)>);

impl Asked {
    pub fn of(query: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let pairs = pairs.map(|(name, value)| match TIMES.contains(&&*name) {
            true => (name.into_owned(), utc(value.trim())),
            false => (name.into_owned(), value.into_owned()),
        });
        Asked(pairs.filter(|(_, value)| !value.is_empty()).collect())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// Only these.
    pub fn only(&self, names: &[&str]) -> Self {
        Asked(self.0.iter().filter(|(name, _)| names.contains(&name.as_str())).cloned().collect())
    }

    pub fn without(&self, name: &str) -> Self {
        Asked(self.0.iter().filter(|(given, _)| given != name).cloned().collect())
    }

    pub fn with(&self, name: &str, value: impl ToString) -> Self {
        let mut asked = self.without(name);
        asked.0.push((name.to_owned(), value.to_string()));
        asked
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn query(&self) -> String {
        Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    /// A path with this query.
    pub fn url(&self, path: &str) -> String {
        if self.is_empty() { path.to_owned() } else { format!("{path}?{}", self.query()) }
    }
}

/// `2026-01-31 12:00` as people write it means UTC here. Anything else is left as it is.
fn utc(text: &str) -> String {
    let form: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let with_date = |time: &str| format!("{}T{time}", &text[..10]);
    match form.as_str() {
        "0000-00-00 00:00" | "0000-00-00T00:00" => with_date(&format!("{}:00Z", &text[11..])),
        "0000-00-00 00:00:00" | "0000-00-00T00:00:00" => with_date(&format!("{}Z", &text[11..])),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_its_url() {
        let asked = Asked::of(Some("account=a%26b%3D%E2%80%AE&tag=&since=2026-01-31"));
        assert_eq!((asked.get("account"), asked.get("tag")), (Some("a&b=\u{202e}"), None));
        assert_eq!(asked.with("cursor", "7.0").without("since").url("/"), "/?account=a%26b%3D%E2%80%AE&cursor=7.0");
        assert_eq!(Asked::default().url("/"), "/");
    }

    #[test]
    fn a_time_without_a_zone_is_utc() {
        let since = |text: &str| Asked(vec![("since".to_owned(), utc(text))]).get("since").map(str::to_owned);
        assert_eq!(since("2026-01-31 12:05").as_deref(), Some("2026-01-31T12:05:00Z"));
        assert_eq!(since("2026-01-31T12:05:09").as_deref(), Some("2026-01-31T12:05:09Z"));
        for unchanged in ["2026-01-31", "2026-01-31T12:05:09+02:00", "yesterday", "２026-01-31 12:00"] {
            assert_eq!(since(unchanged).as_deref(), Some(unchanged));
        }
    }
}
