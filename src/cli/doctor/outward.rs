//! What the configuration sends callbacks to and asks: handlers, and Tencent's API with each app's secret key.

use std::collections::BTreeMap;
use std::time::Instant;

use super::findings::Findings;
use crate::app;
use crate::clock::Clock;
use crate::config::Config;
use crate::handlers;
use crate::tencent::code::NO_SUCH_ACCOUNT;
use crate::tencent::{Client, Error};

pub(super) async fn look(config: &Config, findings: &mut Findings) {
    findings.section("handlers");
    let clients = match app::clients(config) {
        Ok(clients) => clients,
        Err(error) => return findings.fail(error.to_string(), ""),
    };
    for entry in &config.handlers {
        match handlers::build(entry, config, &clients, &Clock::system()) {
            Ok(_) => findings.ok(&entry.name),
            Err(error) => findings.fail(&entry.name, &error.to_string()),
        }
    }
    if config.handlers.is_empty() {
        findings.ok("none");
    }

    findings.section("Tencent's API");
    if let Err(error) = app::to_reconcile(config, clients.clone()) {
        findings.fail(error.to_string(), "");
    } else if clients.is_empty() {
        findings.ok("not used: no app has a secret key");
    }
    ask(&clients, &config.tencent.identifier, findings).await;
}

/// For the administrator's own nickname, which needs all that other calls need and changes nothing.
async fn ask(clients: &BTreeMap<u64, Client>, administrator: &str, findings: &mut Findings) {
    for (app, client) in clients {
        let begun = Instant::now();
        let asked = client.portrait_get(&[administrator.to_owned()], &["Tag_Profile_IM_Nick".to_owned()]).await;
        let answered = asked.and_then(|accounts| accounts.into_iter().try_for_each(|(_, profile)| profile.map(drop)));
        let what = format!("app {app}: asked as {administrator}");
        match answered {
            Err(error @ (Error::Transport { .. } | Error::Deadline { .. })) if error.code().is_none() => {
                return findings.fail(what, &format!("{error}; check tencent.region and the way out"));
            }
            Err(error) if error.code() != Some(NO_SUCH_ACCOUNT) => findings.fail(what, &error.to_string()),
            // An administrator needs no profile.
            _ => findings.ok(format!("{what}, answered within {} ms", begun.elapsed().as_millis())),
        }
    }
}
