//! Addresses and CIDRs.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserializer, de};

/// One address, or a CIDR. IPv4 in IPv6 form (`::ffff:192.0.2.1`) is IPv4.
pub fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse::<IpAddr>().map(IpNet::from).or_else(|_| text.parse::<IpNet>());
    let network = network.map_err(|_| format!("{text:?} is neither an address nor a CIDR such as 192.0.2.0/24"))?;
    Ok(canonical(network).trunc())
}

fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    let v4 = v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
    v4.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok()).map_or(network, IpNet::V4)
}

/// A list of them, or one string with commas between them.
pub(super) fn networks<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<IpNet>, D::Error> {
    super::secret::words(from)?.iter().map(|word| network(word).map_err(de::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_network_of_one_and_ipv4_in_ipv6_form_is_ipv4() {
        for (text, expected) in [
            ("192.0.2.1", "192.0.2.1/32"),
            ("192.0.2.1/24", "192.0.2.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::ffff:192.0.2.1", "192.0.2.1/32"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("2001:db8::1/32", "2001:db8::/32"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(network(text).map(|n| n.to_string()).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn whatever_is_neither_is_named() {
        for text in ["", "192.0.2", "192.0.2.1/33", "192.0.2.1:80", "localhost", "192.0.2.1/", "fe80::1%eth0", "*", "1"]
        {
            assert!(network(text).is_err_and(|why| why.starts_with(&format!("{text:?} is neither"))), "{text}");
        }
    }
}
