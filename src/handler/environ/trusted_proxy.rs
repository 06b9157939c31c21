/*! What a trusted proxy may say about the client.

The application never sees a header of a category that the configuration names unless it was believed; so
what an untrusted client sends cannot be mistaken for a proxy's word (CVE-2022-2255). *Runs in: child, once per request, only where
`WSGITrustedProxyHeaders` is set.* */

use std::borrow::Cow;
use std::net::IpAddr;

use crate::request::environ::Entry;
use config::settings::network::Network;
use config::settings::proxy_header::{Category, FORWARDED_FOR, PROXY_HEADERS, ProxyHeader};

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
                if let Some(sent_value) = value(entries, header.key).map(<[u8]>::to_vec) {
                    https = believe(entries, header, sent_value, trusted).or(https);
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
fn believe(entries: &mut Vec<Entry<'_>>, header: &ProxyHeader, sent_value: Vec<u8>, trusted: Option<&[Network]>) -> Option<bool> {
    match header.category {
        Category::Client if header.key == FORWARDED_FOR => believe_forwarded_for(entries, &sent_value, trusted),
        Category::Client => set(entries, "REMOTE_ADDR", sent_value),
        Category::Host => set(entries, "HTTP_HOST", sent_value),
        Category::Server => set(entries, "SERVER_NAME", sent_value),
        Category::Port => set(entries, "SERVER_PORT", sent_value),
        Category::ScriptName => {
            set(entries, "SCRIPT_NAME", sent_value.clone());
            set(entries, "mod_wsgi.mount_point", sent_value);
        }
        Category::Scheme => return scheme(header, &sent_value),
    }
    None
}

fn scheme(header: &ProxyHeader, sent_value: &[u8]) -> Option<bool> {
    let one_of = |words: &[&str]| words.iter().any(|word| sent_value.eq_ignore_ascii_case(word.as_bytes()));
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
fn believe_forwarded_for(entries: &mut Vec<Entry<'_>>, sent_value: &[u8], trusted: Option<&[Network]>) {
    let list: Vec<&[u8]> =
        sent_value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|item| !item.is_empty()).collect();
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

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::{Entry, apply};
    use config::settings::proxy_header::{Category, PROXY_HEADERS};
    use config::test_support::Sample;

    /// What became of a request with `sent` headers: the entries that `shown` names, and the scheme.
    fn applied(
        config: &[&str],
        peer: &str,
        sent: &[(&'static str, &str)],
        shown: &[&str],
    ) -> (Vec<Option<String>>, Option<bool>) {
        let directory = Sample::of(config).directory;
        let entry =
            |key: &'static str, value: &str| Entry { key: key.as_bytes(), value: Some(Cow::Owned(value.as_bytes().to_vec())) };
        let mut entries = vec![
            entry("REMOTE_ADDR", peer),
            entry("HTTP_HOST", "host"),
            entry("SERVER_NAME", "server"),
            entry("SERVER_PORT", "80"),
            entry("SCRIPT_NAME", "/script"),
        ];
        entries.extend(sent.iter().map(|(key, value)| entry(key, value)));
        let headers = directory.trusted_proxy_headers.as_deref().unwrap_or_default();
        let https = apply(&mut entries, directory.trusted_proxies.as_deref(), headers);
        let value = |key: &&str| {
            let entry = entries.iter().find(|entry| entry.key == key.as_bytes())?;
            entry.value.as_ref().map(|value| String::from_utf8_lossy(value).into_owned())
        };
        (shown.iter().map(value).collect(), https)
    }

    const FORWARDED: &str = "HTTP_X_FORWARDED_FOR";

    #[test]
    fn the_client_is_the_last_address_that_no_trusted_proxy_added() {
        let config = ["WSGITrustedProxies 127.0.0.1 10.0.0.0/8 2001:db8::/32", "WSGITrustedProxyHeaders X-Forwarded-For"];
        let cases: &[(&str, &str, &str)] = &[
            ("1.1.1.1, 2.2.2.2, 10.1.1.1", "2.2.2.2", "2.2.2.2, 10.1.1.1"),
            ("1.1.1.1,2.2.2.2,10.1.1.1 , 10.1.1.2", "2.2.2.2", "2.2.2.2, 10.1.1.1, 10.1.1.2"),
            ("10.3.3.3, 10.1.1.1", "10.3.3.3", "10.3.3.3, 10.1.1.1"),
            ("10.3.3.3", "10.3.3.3", "10.3.3.3"),
            ("1.1.1.1, 2.2.2.2", "2.2.2.2", "2.2.2.2"),
            ("1.1.1.1, junk", "junk", "junk"),
            ("1.1.1.1, junk, 10.1.1.1", "junk", "junk, 10.1.1.1"),
            ("1.1.1.1, , ,10.1.1.1,", "1.1.1.1", "1.1.1.1, 10.1.1.1"),
            ("1.1.1.1, ::ffff:10.0.0.1, 2001:DB8::1", "1.1.1.1", "1.1.1.1, ::ffff:10.0.0.1, 2001:DB8::1"),
            (", ,", "127.0.0.1", ", ,"),
            ("", "127.0.0.1", ""),
        ];
        for (sent, client, kept) in cases {
            let (found, _) = applied(&config, "127.0.0.1", &[(FORWARDED, sent)], &["REMOTE_ADDR", FORWARDED]);
            assert_eq!(found, [Some((*client).to_owned()), Some((*kept).to_owned())], "{sent}");
        }
    }

    #[test]
    fn without_a_list_of_proxies_the_first_address_is_believed() {
        let config = ["WSGITrustedProxyHeaders X-Forwarded-For"];
        for (sent, client) in [(", 1.1.1.1, 10.1.1.1", "1.1.1.1"), (", ,", "8.8.8.8"), ("junk", "junk")] {
            let (found, _) = applied(&config, "8.8.8.8", &[(FORWARDED, sent)], &["REMOTE_ADDR", FORWARDED]);
            assert_eq!(found, [Some(client.to_owned()), Some(sent.to_owned())], "{sent}");
        }
    }

    #[test]
    fn every_header_sets_what_its_category_says() {
        let cases = [
            ("X-Client-IP", "not validated", "REMOTE_ADDR"),
            ("X-Real-IP", "9.9.9.9", "REMOTE_ADDR"),
            ("X-Forwarded-Host", "a, b", "HTTP_HOST"),
            ("X-Host", "a:1", "HTTP_HOST"),
            ("X-Forwarded-Server", "s", "SERVER_NAME"),
            ("X-Forwarded-Port", "99", "SERVER_PORT"),
            ("X-Script-Name", "/mnt/", "SCRIPT_NAME"),
            ("X-Script-Name", "/mnt/", "mod_wsgi.mount_point"),
            ("X-Forwarded-Script-Name", "", "SCRIPT_NAME"),
        ];
        for (name, value, set) in cases {
            let header = PROXY_HEADERS.iter().find(|header| header.name == name).map_or("", |header| header.key);
            let config = ["WSGITrustedProxies 127.0.0.1", &format!("WSGITrustedProxyHeaders {name}")];
            let (found, https) = applied(&config, "127.0.0.1", &[(header, value)], &[set, header]);
            assert_eq!(found, [Some(value.to_owned()), Some(value.to_owned())], "{name}");
            assert_eq!(https, None, "{name}");
        }
    }

    #[test]
    fn a_scheme_is_told_in_several_ways() {
        let cases = [
            ("HTTP_X_FORWARDED_PROTO", "HTTPS", Some(true)),
            ("HTTP_X_FORWARDED_SCHEME", "http", Some(false)),
            ("HTTP_X_SCHEME", "https", Some(true)),
            ("HTTP_X_SCHEME", "on", None),
            ("HTTP_X_SCHEME", "junk", None),
            ("HTTP_X_FORWARDED_HTTPS", "On", Some(true)),
            ("HTTP_X_FORWARDED_SSL", "TRUE", Some(true)),
            ("HTTP_X_HTTPS", "1", Some(true)),
            ("HTTP_X_HTTPS", "off", Some(false)),
            ("HTTP_X_HTTPS", "False", Some(false)),
            ("HTTP_X_HTTPS", "0", Some(false)),
            ("HTTP_X_HTTPS", "https", None),
        ];
        let all: Vec<&str> =
            PROXY_HEADERS.iter().filter(|header| header.category == Category::Scheme).map(|header| header.name).collect();
        let config = format!("WSGITrustedProxyHeaders {}", all.join(" "));
        for (key, value, expected) in cases {
            let (found, https) = applied(&[&config], "8.8.8.8", &[(key, value)], &[key]);
            assert_eq!(https, expected, "{key} {value}");
            assert_eq!(found, [Some(value.to_owned())], "what was looked at stays: {key}");
        }
    }

    #[test]
    fn of_several_headers_the_last_listed_one_is_believed_and_kept() {
        let config = ["WSGITrustedProxyHeaders X-Forwarded-For X-Real-IP X-Forwarded-Proto X-Forwarded-SSL"];
        let sent = [
            (FORWARDED, "1.1.1.1"),
            ("HTTP_X_REAL_IP", "9.9.9.9"),
            ("HTTP_X_CLIENT_IP", "7.7.7.7"),
            ("HTTP_X_FORWARDED_PROTO", "https"),
            ("HTTP_X_FORWARDED_SSL", "off"),
        ];
        let shown =
            ["REMOTE_ADDR", FORWARDED, "HTTP_X_REAL_IP", "HTTP_X_CLIENT_IP", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_SSL"];
        let (found, https) = applied(&config, "8.8.8.8", &sent, &shown);
        let some = |value: &str| Some(value.to_owned());
        assert_eq!(found, [some("9.9.9.9"), None, some("9.9.9.9"), None, None, some("off")]);
        assert_eq!(https, Some(false));
        let (_, https) =
            applied(&config, "8.8.8.8", &[("HTTP_X_FORWARDED_PROTO", "https"), ("HTTP_X_FORWARDED_SSL", "junk")], &[]);
        assert_eq!(https, Some(true), "what means nothing does not take back what was said");
    }

    #[test]
    fn what_an_untrusted_peer_sends_never_arrives() {
        for header in PROXY_HEADERS {
            let config = ["WSGITrustedProxies 10.0.0.0/8", &format!("WSGITrustedProxyHeaders {}", header.name)];
            let sent: Vec<(&'static str, &str)> = PROXY_HEADERS.iter().map(|header| (header.key, "https")).collect();
            let keys: Vec<&str> = PROXY_HEADERS.iter().map(|header| header.key).collect();
            for peer in ["8.8.8.8", "", "junk", "10.0.0.1:80"] {
                let (found, https) = applied(&config, peer, &sent, &keys);
                for (other, value) in PROXY_HEADERS.iter().zip(found) {
                    assert_eq!(value.is_none(), other.category == header.category, "{} with {} listed", other.key, header.key);
                }
                let unchanged = ["REMOTE_ADDR", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT", "SCRIPT_NAME", "mod_wsgi.mount_point"];
                let (found, _) = applied(&config, peer, &sent, &unchanged);
                let some = |value: &str| Some(value.to_owned());
                assert_eq!(found, [some(peer), some("host"), some("server"), some("80"), some("/script"), None]);
                assert_eq!(https, None);
            }
        }
    }

    #[test]
    fn keys_are_one_whatever_their_case() {
        let config = ["WSGITrustedProxies 10.", "WSGITrustedProxyHeaders X-Real-IP"];
        let (found, _) = applied(&config, "8.8.8.8", &[("http_x_real_ip", "1.1.1.1")], &["http_x_real_ip", "REMOTE_ADDR"]);
        assert_eq!(found, [None, Some("8.8.8.8".to_owned())]);
    }
}
