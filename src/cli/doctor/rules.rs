//! Whether the console would take the URL.

use super::findings::Findings;
use crate::protocol::console::{objection, objection_to_change};

pub(super) fn check(url: &str, current: Option<&str>, findings: &mut Findings) {
    match objection(url) {
        Some(why) => findings.fail(format!("{url}: the console refuses it"), &why),
        None => findings.ok(format!("{url}: the console takes it")),
    }
    if url.starts_with("http://") {
        findings.warn("plain HTTP", "bodies and Signs can be read and altered on the way; use https://");
    }
    if let Some(current) = current {
        match objection_to_change(current, url) {
            Some(why) => findings.fail("the console refuses this change of URL", &why),
            None => findings.ok("the console takes this change of URL; it needs about two minutes"),
        }
    }
}
