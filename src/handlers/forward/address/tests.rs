use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::is_public;

/// First and last address of everything in IPv4 that is not public, in order.
const NOT_PUBLIC_V4: [(&str, &str); 14] = [
    ("0.0.0.0", "0.255.255.255"),
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.0", "127.255.255.255"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("224.0.0.0", "255.255.255.255"),
];

/// First and last address of everything in IPv6 that is public, in order; NAT64 aside.
const PUBLIC_V6: [(&str, &str); 5] = [
    ("2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:db9::", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2003::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("3fff:1000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2000::", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
];

fn bits4(text: &str) -> u32 {
    text.parse::<Ipv4Addr>().unwrap().to_bits()
}

fn bits6(text: &str) -> u128 {
    text.parse::<Ipv6Addr>().unwrap().to_bits()
}

/// Every way to write an IPv4 address: as it is, mapped, through NAT64.
fn forms(bits: u32) -> [IpAddr; 3] {
    let address = Ipv4Addr::from_bits(bits);
    let nat64 = Ipv6Addr::from_bits(bits6("64:ff9b::") | u128::from(bits));
    [address.into(), address.to_ipv6_mapped().into(), nat64.into()]
}

#[test]
fn each_special_range_of_ipv4_is_refused_up_to_its_edges_and_no_further_in_every_form() {
    let ranges = NOT_PUBLIC_V4.map(|(first, last)| (bits4(first), bits4(last)));
    let is_special = |bits: u32| ranges.iter().any(|(first, last)| (*first..=*last).contains(&bits));
    for (first, last) in ranges {
        let around =
            [first.wrapping_sub(1), first, first + 1, first.midpoint(last), last - 1, last, last.wrapping_add(1)];
        for bits in around {
            for address in forms(bits) {
                assert_eq!(is_public(address), !is_special(bits), "{address}");
            }
        }
    }
}

/// The first, a middle and the last address of all 65,536 networks of 16 bits.
#[test]
fn nothing_that_the_standard_library_knows_as_special_is_public_anywhere_in_ipv4() {
    for bits in (0..=0xffff_u32).flat_map(|net| [net << 16, net << 16 | 0x0201, net << 16 | 0xffff]) {
        let ip = Ipv4Addr::from_bits(bits);
        let is_special = ip.is_unspecified()
            || ip.is_loopback()
            || ip.is_private()
            || ip.is_link_local()
            || ip.is_multicast()
            || ip.is_broadcast()
            || ip.is_documentation();
        assert!(!(is_special && is_public(ip.into())), "{ip}");
    }
}

#[test]
fn each_range_of_ipv6_is_public_up_to_its_edges_and_no_further() {
    let ranges = PUBLIC_V6.map(|(first, last)| (bits6(first), bits6(last)));
    let is_in_one = |bits: u128| ranges.iter().any(|(first, last)| (*first..=*last).contains(&bits));
    for (first, last) in ranges {
        for bits in [first - 1, first, first.midpoint(last), last, last + 1] {
            assert_eq!(is_public(Ipv6Addr::from_bits(bits).into()), is_in_one(bits), "{}", Ipv6Addr::from_bits(bits));
        }
    }
    // And the first and last address of all 65,536 networks of 16 bits.
    for bits in (0..=0xffff_u128).flat_map(|net| [net << 112, net << 112 | u128::MAX >> 16]) {
        let address = Ipv6Addr::from_bits(bits);
        assert_eq!(is_public(address.into()), is_in_one(bits), "{address}");
    }
}

#[test]
fn special_addresses_by_their_names() {
    for (what, address) in [
        ("unspecified", "::"),
        ("loopback", "::1"),
        ("IPv4-compatible loopback", "::127.0.0.1"),
        ("IPv4-compatible public", "::8.8.8.8"),
        ("IPv4-translated", "::ffff:0:127.0.0.1"),
        ("mapped loopback", "::ffff:127.0.0.1"),
        ("mapped metadata service", "::ffff:169.254.169.254"),
        ("NAT64 of a private one", "64:ff9b::10.0.0.1"),
        ("local NAT64", "64:ff9b:1::8.8.8.8"),
        ("discard only", "100::1"),
        ("Teredo", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
        ("benchmarking", "2001:2::1"),
        ("ORCHID", "2001:20::1"),
        ("documentation", "2001:db8::1"),
        ("more documentation", "3fff::1"),
        ("6to4 of a private one", "2002:a00:1::1"),
        ("6to4 of loopback", "2002:7f00:1::1"),
        ("segment routing", "5f00::1"),
        ("unique local", "fc00::1"),
        ("unique local, a cloud's metadata service", "fd00:ec2::254"),
        ("link-local", "fe80::1"),
        ("site-local", "fec0::1"),
        ("multicast", "ff02::1"),
        ("a cloud's metadata service in the shared range", "100.100.100.200"),
        ("broadcast", "255.255.255.255"),
    ] {
        assert!(!is_public(address.parse().unwrap()), "{what}: {address}");
    }
    for address in ["8.8.8.8", "1.1.1.1", "223.255.255.255", "2606:4700::1111", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"] {
        assert!(is_public(address.parse().unwrap()), "{address}");
    }
}
