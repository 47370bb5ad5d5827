//! Looks names up and leaves only public addresses: what is checked here is what is connected to.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::is_public;

/// Asks the system, and keeps what is public.
pub(super) struct PublicOnly;

/// A name that leads inside only.
#[derive(Debug, thiserror::Error)]
#[error("resolves to private addresses only; allow_private = true permits that")]
pub(super) struct PrivateAddresses;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Addrs = Box::new(public(found)?.into_iter());
            Ok(addresses)
        })
    }
}

fn public(found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, PrivateAddresses> {
    let public: Vec<_> = found.filter(|address| is_public(address.ip())).collect();
    if public.is_empty() { Err(PrivateAddresses) } else { Ok(public) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_addresses_only_the_public_ones_are_left_in_their_order() {
        let kept = |texts: &[&str]| {
            let addresses = texts.iter().map(|text| format!("{text}:0").parse().unwrap());
            public(addresses).map(|kept| kept.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>())
        };
        let mixed = ["127.0.0.1", "8.8.8.8", "[::1]", "[2606:4700::1111]", "10.0.0.1", "1.1.1.1"];
        assert_eq!(kept(&mixed).unwrap(), ["8.8.8.8", "2606:4700::1111", "1.1.1.1"]);
        assert!(kept(&["127.0.0.1", "[fd00::1]"]).is_err());
    }

    #[tokio::test]
    async fn a_name_for_this_machine_leads_nowhere() {
        let Err(error) = PublicOnly.resolve("localhost".parse().unwrap()).await else { panic!("it leads somewhere") };
        assert!(error.is::<PrivateAddresses>(), "{error}");
    }
}
