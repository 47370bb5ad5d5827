//! Who sends: the connection's peer, or whoever a configured proxy says it speaks for.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The proxies whose X-Forwarded-For is believed.
pub(super) struct Proxies(Vec<IpNet>);

impl Proxies {
    pub fn new(networks: &[IpNet]) -> Self {
        Proxies(networks.to_vec())
    }

    /// The address a request comes from. IPv4 in IPv6 form is IPv4.
    pub fn source(&self, request: &Parts) -> IpAddr {
        // Only a router without our listener has no peer: then it is an address that nobody has.
        let peer = request.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip().to_canonical());
        if !self.hold(peer) {
            return peer;
        }
        self.forwarded_for(&request.headers).unwrap_or(peer)
    }

    /// The last address that is not a proxy's. Each proxy adds whom it heard it from, so that whatever stands before that
    /// one is only what somebody said. None where there is no such address, or something else in its place.
    fn forwarded_for(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let lines: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
        for line in lines.into_iter().rev() {
            for entry in line.to_str().ok()?.rsplit(',') {
                let address = address(entry.trim())?;
                if !self.hold(address) {
                    return Some(address);
                }
            }
        }
        None
    }

    fn hold(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Some proxies add the port.
fn address(text: &str) -> Option<IpAddr> {
    let address = text.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;
    use crate::config::network;

    fn source(peer: &str, header_lines: &[&str]) -> String {
        let proxies = Proxies::new(&["10.0.0.0/8", "2001:db8::/32"].map(|text| network(text).unwrap()));
        let mut request = Request::new(());
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        request.extensions_mut().insert(ConnectInfo(peer));
        for line in header_lines {
            request.headers_mut().append(FORWARDED_FOR, line.parse().unwrap());
        }
        proxies.source(&request.into_parts().0).to_string()
    }

    #[test]
    fn who_is_no_proxy_speaks_for_nobody_else() {
        assert_eq!(source("192.0.2.1", &["198.51.100.1"]), "192.0.2.1");
        assert_eq!(source("::ffff:192.0.2.1", &[]), "192.0.2.1");
        assert_eq!(source("11.0.0.1", &["198.51.100.1"]), "11.0.0.1");
    }

    #[test]
    fn a_proxy_speaks_for_the_last_address_that_is_not_a_proxys() {
        for (lines, expected) in [
            (&["198.51.100.1"][..], "198.51.100.1"),
            (&["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
            (&["203.0.113.9,198.51.100.1 ,10.1.1.1"], "198.51.100.1"),
            (&["203.0.113.9", "198.51.100.1", "10.1.1.1, 10.1.1.2"], "198.51.100.1"),
            (&["nonsense, 198.51.100.1"], "198.51.100.1"),
            (&["198.51.100.1:4711"], "198.51.100.1"),
            (&["::ffff:198.51.100.1"], "198.51.100.1"),
            (&["[2001:db9::1]:4711, 2001:db8::7"], "2001:db9::1"),
        ] {
            assert_eq!(source("10.0.0.1", lines), expected, "{lines:?}");
        }
        assert_eq!(source("::ffff:10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
    }

    #[test]
    fn what_a_proxy_says_and_nobody_understands_leaves_the_proxy_itself() {
        for lines in [
            &[][..],
            &[""],
            &["unknown"],
            &["198.51.100.1, unknown"],
            &["198.51.100.1,"],
            &["198.51.100.1", ""],
            &["198.51.100.1 10.1.1.1"],
            &["10.1.1.1, 10.1.1.2"],
        ] {
            assert_eq!(source("10.0.0.1", lines), "10.0.0.1", "{lines:?}");
        }
    }
}
