/*! What a trusted proxy may say about the client: section 4.5 of the behaviour reference.

Whoever sends the headers, the application never sees one of a category that the configuration names unless it was believed; so
what an untrusted client sends cannot be mistaken for a proxy's word (CVE-2022-2255). *Runs in: child, once per request, only where
`WSGITrustedProxyHeaders` is set.* */

use std::borrow::Cow;
use std::net::IpAddr;

use super::environ::Entry;
use crate::config::proxy_header::{Category, FORWARDED_FOR, PROXY_HEADERS, ProxyHeader};
use crate::config::settings::Network;

const CATEGORIES: [Category; 6] =
    [Category::Client, Category::Host, Category::Server, Category::Port, Category::ScriptName, Category::Scheme];

/// Applies `headers` (in the order of the configuration) to the environ if the peer is trusted, and removes what was not believed.
/// `trusted`: `None` when no proxies are named, so that every peer is trusted.
///
/// Returns the scheme, if a header told it: `true` for https.
pub fn apply(entries: &mut Vec<Entry<'_>>, trusted: Option<&[Network]>, headers: &[&'static ProxyHeader]) -> Option<bool> {
    let peer_is_trusted =
        trusted.is_none_or(|networks| value(entries, "REMOTE_ADDR").is_some_and(|peer| is_within(peer, networks)));
    let mut https = None;
    for category in CATEGORIES {
        let listed = || headers.iter().filter(move |header| header.category == category);
        if listed().next().is_none() {
            continue;
        }
        let mut applied = None;
        if peer_is_trusted {
            for header in listed() {
                if let Some(told) = value(entries, header.key).map(<[u8]>::to_vec) {
                    https = believe(entries, header, told, trusted).or(https);
                    applied = Some(header.key);
                }
            }
        }
        let removed = |key: &[u8]| {
            let synonyms = PROXY_HEADERS.iter().filter(|header| header.category == category && Some(header.key) != applied);
            synonyms.map(|header| header.key).any(|synonym| key.eq_ignore_ascii_case(synonym.as_bytes()))
        };
        entries.retain(|entry| !removed(entry.key));
    }
    https
}

/// Puts what one header told into the environ; returns the scheme if that is what it told.
fn believe(entries: &mut Vec<Entry<'_>>, header: &ProxyHeader, told: Vec<u8>, trusted: Option<&[Network]>) -> Option<bool> {
    match header.category {
        Category::Client if header.key == FORWARDED_FOR => believe_forwarded_for(entries, &told, trusted),
        Category::Client => set(entries, "REMOTE_ADDR", told),
        Category::Host => set(entries, "HTTP_HOST", told),
        Category::Server => set(entries, "SERVER_NAME", told),
        Category::Port => set(entries, "SERVER_PORT", told),
        Category::ScriptName => {
            set(entries, "SCRIPT_NAME", told.clone());
            set(entries, "mod_wsgi.mount_point", told);
        }
        Category::Scheme => return scheme(header, &told),
    }
    None
}

fn scheme(header: &ProxyHeader, told: &[u8]) -> Option<bool> {
    let one_of = |words: &[&str]| words.iter().any(|word| told.eq_ignore_ascii_case(word.as_bytes()));
    let (yes, no): (&[&str], &[&str]) =
        if header.switch { (&["on", "true", "1"], &["off", "false", "0"]) } else { (&["https"], &["http"]) };
    if one_of(yes) {
        Some(true)
    } else if one_of(no) {
        Some(false)
    } else {
        None
    }
}

/// Finds the client in a list that each proxy on the way added its own peer to: read from the end, trusted proxies are passed over;
/// the first address before them is the client, and whatever stands left of it is the client's own invention.
fn believe_forwarded_for(entries: &mut Vec<Entry<'_>>, told: &[u8], trusted: Option<&[Network]>) {
    let list: Vec<&[u8]> = told.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|item| !item.is_empty()).collect();
    let Some(networks) = trusted else {
        if let Some(client) = list.first() {
            set(entries, "REMOTE_ADDR", client.to_vec());
        }
        return;
    };
    let proxies = list.iter().rev().take_while(|item| is_within(item, networks)).count();
    // The one before the proxies; when all are proxies, the one farthest away.
    let client = list.len().saturating_sub(proxies + 1);
    if let Some([client, ..]) = list.get(client..) {
        let kept = list.get(list.len().saturating_sub(proxies + 1)..).unwrap_or_default().join(b", ".as_slice());
        set(entries, "REMOTE_ADDR", client.to_vec());
        set(entries, FORWARDED_FOR, kept);
    }
}

fn is_within(address: &[u8], networks: &[Network]) -> bool {
    let parsed: Option<IpAddr> = std::str::from_utf8(address).ok().and_then(|text| text.parse().ok());
    parsed.is_some_and(|address| networks.iter().any(|network| network.contains(address)))
}

fn value<'e>(entries: &'e [Entry<'_>], key: &str) -> Option<&'e [u8]> {
    entries.iter().find(|entry| entry.key.eq_ignore_ascii_case(key.as_bytes()))?.value.as_deref()
}

fn set(entries: &mut Vec<Entry<'_>>, key: &'static str, value: Vec<u8>) {
    let value = Some(Cow::Owned(value));
    match entries.iter_mut().find(|entry| entry.key.eq_ignore_ascii_case(key.as_bytes())) {
        Some(entry) => entry.value = value,
        None => entries.push(Entry { key: key.as_bytes(), value }),
    }
}
