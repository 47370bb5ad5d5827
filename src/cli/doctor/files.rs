//! Files that `serve` reads at its start and would not start without.

use super::findings::Findings;
use crate::config::Config;
use crate::listener::TlsFiles;
use crate::receiver;

pub(super) fn look(config: &Config, findings: &mut Findings) {
    if let Some(path) = &config.receiver.allowlist {
        match receiver::count_allowed(path) {
            Ok(entries) => findings.ok(format!("receiver.allowlist: {} has {entries} entries", path.display())),
            Err(why) => findings.fail("receiver.allowlist", &why),
        }
    }
    for (name, tls) in [("receiver.tls", &config.receiver.tls), ("admin.tls", &config.admin.tls)] {
        match tls.as_ref().map(TlsFiles::load) {
            Some(Ok(_)) => findings.ok(format!("{name}: certificate and key can be used")),
            Some(Err(error)) => findings.fail(name, &error.to_string()),
            None => {}
        }
    }
}
