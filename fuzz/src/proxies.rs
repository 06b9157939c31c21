/*! What is believed of a request that came through proxies.

The input is text: a first line of networks, a second with the peer's address, then one `Header: value` per line. */

use std::borrow::Cow;
use std::net::IpAddr;

use crate::handler::environ::trusted_proxy::apply;
use crate::request::environ::Entry;
use config::settings::network::Network;
use config::settings::proxy_header::{self, Category, PROXY_HEADERS};

/// One request.
pub fn trusted_proxies(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let networks: Option<Vec<Network>> = lines.next().filter(|line| !line.is_empty()).map(networks);
    let peer = lines.next().unwrap_or_default();
    let mut entries = vec![entry("REMOTE_ADDR", peer), entry("HTTP_HOST", b"host"), entry("SERVER_PORT", b"80")];
    let mut listed = Vec::new();
    for line in lines {
        let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':').unwrap_or(line.len()));
        if let Some(header) = proxy_header::find(name) {
            listed.push(header);
            entries.push(entry(header.key, value.get(1..).unwrap_or_default().trim_ascii()));
        }
    }
    let before = entries.clone();
    let https = apply(&mut entries, networks.as_deref(), &listed);

    let inside = |address: &[u8]| within(address, networks.as_deref());
    let trusted = inside(peer);
    for header in PROXY_HEADERS {
        let category_is_listed = listed.iter().any(|other| other.category == header.category);
        let left = entries.iter().filter(|entry| entry.key == header.key.as_bytes()).count();
        assert!(trusted || !category_is_listed || left == 0, "{} of an untrusted peer is left", header.name);
    }
    if !trusted {
        assert_eq!(https, None);
        assert!(entries.iter().all(|entry| before.contains(entry)), "an untrusted peer changes nothing");
    }
    let only_forwarded = listed.iter().all(|header| header.category != Category::Client || header.name == "X-Forwarded-For");
    if trusted && only_forwarded && networks.is_some() {
        nothing_untrusted_is_left_of_the_client(&before, &entries, inside);
    }
}

fn entry(key: &'static str, value: &[u8]) -> Entry<'static> {
    Entry { key: key.as_bytes(), value: Some(Cow::Owned(value.to_vec())) }
}

fn networks(line: &[u8]) -> Vec<Network> {
    let words = line.split(|byte| *byte == b' ').filter_map(Network::parse);
    words
        .inspect(|network| {
            let bits = if network.address.is_ipv4() { 32 } else { 128 };
            assert!(network.prefix <= bits, "{network:?}");
            // A mapped IPv4 address with fewer bits than the mapping has is no network of IPv4 addresses, and holds none of them.
            let half_mapped = network.address.to_canonical() != network.address;
            assert!(half_mapped || network.contains(network.address), "{network:?} has its own address");
        })
        .collect()
}

fn within(address: &[u8], networks: Option<&[Network]>) -> bool {
    let Some(networks) = networks else { return true };
    let address: Option<IpAddr> = std::str::from_utf8(address).ok().and_then(|text| text.parse().ok());
    address.is_some_and(|address| networks.iter().any(|network| network.contains(address)))
}

/// The client is an item of the list, and every item that is shown after it is a trusted proxy's.
fn nothing_untrusted_is_left_of_the_client(before: &[Entry<'_>], after: &[Entry<'_>], inside: impl Fn(&[u8]) -> bool) {
    let of = |entries: &[Entry<'_>], key: &str| {
        entries.iter().find(|entry| entry.key == key.as_bytes()).and_then(|entry| entry.value.clone()).map(Cow::into_owned)
    };
    let (Some(sent), Some(kept), Some(client)) =
        (of(before, "HTTP_X_FORWARDED_FOR"), of(after, "HTTP_X_FORWARDED_FOR"), of(after, "REMOTE_ADDR"))
    else {
        return;
    };
    let items = |list: &[u8]| -> Vec<Vec<u8>> {
        list.split(|b| *b == b',').map(|item| item.trim_ascii().to_vec()).filter(|item| !item.is_empty()).collect()
    };
    let (sent, kept) = (items(&sent), items(&kept));
    if sent.is_empty() {
        return;
    }
    assert!(sent.ends_with(&kept), "{kept:?} is the end of {sent:?}");
    let Some((first, proxies)) = kept.split_first() else { panic!("nothing is kept of {sent:?}") };
    assert_eq!(*first, client);
    assert!(proxies.iter().all(|proxy| inside(proxy)), "{kept:?} has a proxy that is not trusted");
    assert!(!inside(first) || kept.len() == sent.len(), "{first:?} is a proxy, and somebody stands before it in {sent:?}");
}
