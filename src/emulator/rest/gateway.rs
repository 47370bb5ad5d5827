//! What every call is checked for before its command sees it; the first check that fails answers.

use std::net::SocketAddr;
use std::time::Instant;

use axum::http::Method;

use super::{Call, Command};
use crate::emulator::code::Refusal;
use crate::emulator::vendor::Vendor;
use crate::tencent::usersig::{self, UserSigError};

pub(super) fn check(
    vendor: &Vendor,
    command: &Command,
    method: &Method,
    query: &str,
    peer: SocketAddr,
    within_rate: bool,
) -> Result<Call, Refusal> {
    let settings = &vendor.settings;
    if method != Method::POST {
        return Err(Refusal::because(60002, "use POST"));
    }
    let query: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let given = |name: &str| {
        let mut all = query.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str());
        match (all.next(), all.next()) {
            (value, None) => Ok(value),
            _ => Err(Refusal::because(60025, format!("{name} is given more than once"))),
        }
    };
    let required = |name: &str| given(name)?.ok_or_else(|| Refusal::because(60025, format!("{name} is missing")));

    let sdk_app_id = given("sdkappid")?.ok_or_else(|| Refusal::new(60012))?;
    let sdk_app_id: u64 = sdk_app_id.parse().map_err(|_| Refusal::because(60025, "sdkappid is not a number"))?;
    let (identifier, signature) = (required("identifier")?, required("usersig")?);
    if required("random")?.parse::<u32>().is_err() {
        return Err(Refusal::because(60025, "random is not a 32-bit unsigned number"));
    }
    if required("contenttype")? != "json" {
        return Err(Refusal::because(60025, "contenttype must be json"));
    }
    if sdk_app_id != settings.sdk_app_id {
        return Err(Refusal::new(70020));
    }
    let now = settings.clock.now() / 1000;
    usersig::check(signature, &settings.secret_key, sdk_app_id, identifier, now).map_err(|error| {
        if vendor.rates.too_many_failed_checks(Instant::now()) {
            return Refusal::new(70050);
        }
        Refusal::new(match error {
            UserSigError::Unreadable => 70003,
            UserSigError::WrongSignature => 70009,
            UserSigError::OtherIdentifier => 70013,
            UserSigError::OtherApp => 70014,
            UserSigError::Expired => 70001,
        })
    })?;
    if !settings.admins.iter().any(|admin| admin == identifier) {
        return Err(Refusal::new(command.not_admin));
    }
    if !within_rate {
        return Err(Refusal::new(60007));
    }
    Ok(Call {
        name: command.name,
        identifier: identifier.to_owned(),
        client_ip: peer.ip().to_canonical().to_string(),
        nettype: given("nettype")?.map(str::to_owned),
    })
}
