/*! The words of the request directives. *Runs in: tests.* */

use std::net::IpAddr;

use super::refusal;
use crate::settings::MapHead;
use crate::settings::network::Network;
use crate::test_support::Sample;

#[test]
fn head_requests_have_three_settings() {
    for (word, expected) in [("on", MapHead::On), ("OFF", MapHead::Off), ("Auto", MapHead::Auto)] {
        assert_eq!(Sample::of(&[&format!("WSGIMapHEADToGET {word}")]).directory.map_head, Some(expected));
    }
    assert!(refusal("WSGIMapHEADToGET yes").starts_with("WSGIMapHEADToGET must be one of: Off | On | Auto"));
}

#[test]
fn proxies_are_addresses_and_networks() {
    let cases: &[(&str, &str, u8)] = &[
        ("127.0.0.1", "127.0.0.1", 32),
        ("10.0.0.0/8", "10.0.0.0", 8),
        ("10.0.0.0/255.255.0.0", "10.0.0.0", 16),
        ("0.0.0.0/0", "0.0.0.0", 0),
        ("10", "10.0.0.0", 8),
        ("10.", "10.0.0.0", 8),
        ("10.1", "10.1.0.0", 16),
        ("10.1.2.", "10.1.2.0", 24),
        ("::1", "::1", 128),
        ("2001:DB8::/32", "2001:db8::", 32),
        ("::ffff:10.0.0.0/104", "10.0.0.0", 8),
    ];
    for (word, address, prefix) in cases {
        let sample = Sample::of(&[&format!("WSGITrustedProxies {word}")]);
        let expected = Network { address: address.parse().unwrap(), prefix: *prefix };
        assert_eq!(sample.directory.trusted_proxies.as_deref(), Some([expected].as_slice()), "{word}");
    }
    for word in [
        "proxy.example",
        "10.0.0.0/33",
        "10.0.0.0/255.0.255.0",
        "10.0.0.0/",
        "::1/129",
        "1.2.3.4.5",
        "256",
        "10.0/8",
        "10..1",
        "::1/255.0.0.0",
        "+1",
    ] {
        let refused = refusal(&format!("WSGITrustedProxies 127.0.0.1 {word}"));
        assert!(refused.contains(&format!("`{word}` is not an IP address and not a network")), "{refused}");
    }
}

#[test]
fn a_network_contains_what_shares_its_leading_bits() {
    let cases = [
        ("10.0.0.0/8", "10.255.0.1", true),
        ("10.0.0.0/8", "11.0.0.1", false),
        ("10.0.0.0/8", "::ffff:10.1.1.1", true),
        ("10.0.0.0/8", "::a00:1", false),
        ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "127.0.0.2", false),
        ("0.0.0.0/0", "8.8.8.8", true),
        ("0.0.0.0/0", "::1", false),
        ("::/0", "::1", true),
        ("2001:db8::/32", "2001:db8:1::1", true),
        ("2001:db8::/32", "2001:db9::1", false),
        ("::ffff:10.0.0.0/104", "10.9.9.9", true),
    ];
    for (network, address, inside) in cases {
        let sample = Sample::of(&[&format!("WSGITrustedProxies {network}")]);
        let networks = sample.directory.trusted_proxies.unwrap();
        assert_eq!(networks[0].contains(address.parse::<IpAddr>().unwrap()), inside, "{network} {address}");
    }
}

#[test]
fn lists_of_one_place_add_up() {
    let sample = Sample::of(&[
        "WSGITrustedProxies 127.0.0.1 10.0.0.0/8",
        "WSGITrustedProxies ::1",
        "WSGITrustedProxyHeaders X-Forwarded-For x-forwarded-proto",
        "WSGITrustedProxyHeaders X-HTTPS",
    ]);
    assert_eq!(sample.directory.trusted_proxies.unwrap().len(), 3);
    let keys: Vec<&str> = sample.directory.trusted_proxy_headers.unwrap().iter().map(|header| header.key).collect();
    assert_eq!(keys, ["HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_HTTPS"]);
}

#[test]
fn an_unknown_proxy_header_is_refused_with_the_known_ones() {
    for word in ["Forwarded", "X_Forwarded_For", "X-Forwarded-For,", "Cookie"] {
        let refused = refusal(&format!("WSGITrustedProxyHeaders X-Real-IP {word}"));
        assert!(refused.contains(&format!("`{word}` is not a supported header")), "{refused}");
        assert!(refused.contains("X-Forwarded-For, X-Client-IP, X-Real-IP, "), "{refused}");
    }
}
