/*! Headers of trusted proxies: what they change in the environ, and that nobody else can change it. */

use crate::suite;
use crate::support::client::Request;
use crate::support::matrix::{Reach, Suite};
use crate::support::response::Response;
use crate::support::site::Site;
use registration::trial;

/// The suite.
pub fn suite() -> Suite {
    suite!("proxies").plan(|plan| plan.announce("re:WSGI10[0-9]+:.*WSGITrustedProxyHeaders")).in_both_modes()
}

fn with(site: &Site, target: &str, headers: &[(&str, &str)]) -> Response {
    let request =
        headers.iter().fold(Request::get(&format!("{target}/raw")), |request, (name, value)| request.header(name, value));
    site.send(&request).expect(200)
}

#[track_caller]
fn is(response: &Response, key: &str, expected: &str) {
    assert_eq!(response.value(key), Some(format!("str '{expected}'").as_str()), "{key}");
}

#[track_caller]
fn lacks(response: &Response, keys: &[&str]) {
    for key in keys {
        assert_eq!(response.value(key), None, "{key}");
    }
}

#[trial(reach(Reach::Everywhere))]
fn without_the_directive_headers_are_plain(site: &Site) {
    let response = with(site, "", &[("X-Forwarded-For", "192.0.2.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "h")]);
    is(&response, "REMOTE_ADDR", "127.0.0.1");
    is(&response, "HTTP_X_FORWARDED_FOR", "192.0.2.9");
    is(&response, "HTTP_X_FORWARDED_PROTO", "https");
    is(&response, "wsgi.url_scheme", "http");
    is(&response, "HTTP_HOST", "localhost");
}

#[trial]
fn without_named_headers_nothing_is_trusted(site: &Site) {
    let response = with(site, "/no-headers", &[("X-Forwarded-For", "192.0.2.9")]);
    is(&response, "REMOTE_ADDR", "127.0.0.1");
    is(&response, "HTTP_X_FORWARDED_FOR", "192.0.2.9");
}

#[trial(reach(Reach::Everywhere))]
fn a_trusted_proxy_says_who_the_client_is(site: &Site) {
    let response = with(site, "/trusted", &[("X-Forwarded-For", "198.51.100.4")]);
    is(&response, "REMOTE_ADDR", "198.51.100.4");
    let response = with(site, "/some", &[("X-Real-IP", "198.51.100.5")]);
    is(&response, "REMOTE_ADDR", "198.51.100.5");
    let response = with(site, "/trusted", &[]);
    is(&response, "REMOTE_ADDR", "127.0.0.1");
}

#[trial]
fn the_chain_is_walked_from_the_right(site: &Site) {
    let chain = |text: &str| with(site, "/trusted", &[("X-Forwarded-For", text)]);
    // 10.1.1.1 and 192.0.2.7 are trusted, so the one before them is the client; what stands left of it is hearsay.
    let response = chain("1.1.1.1, 198.51.100.4, 10.1.1.1, 192.0.2.7");
    is(&response, "REMOTE_ADDR", "198.51.100.4");
    is(&response, "HTTP_X_FORWARDED_FOR", "198.51.100.4, 10.1.1.1, 192.0.2.7");
    let response = chain("10.1.1.1, 198.51.100.4");
    is(&response, "REMOTE_ADDR", "198.51.100.4");
    is(&response, "HTTP_X_FORWARDED_FOR", "198.51.100.4");
    let response = chain("10.3.3.3, 10.2.2.2, 10.1.1.1");
    is(&response, "REMOTE_ADDR", "10.3.3.3");
    let response = chain("evil, 10.1.1.1");
    is(&response, "REMOTE_ADDR", "evil");
}

#[trial]
fn the_chain_may_hold_ipv6_addresses(site: &Site) {
    let response = with(site, "/v6", &[("X-Forwarded-For", "2001:db9::5, 2001:DB8::1")]);
    is(&response, "REMOTE_ADDR", "2001:db9::5");
    let response = with(site, "/v6", &[("X-Forwarded-For", "2001:db9::5, 2001:db9::6")]);
    is(&response, "REMOTE_ADDR", "2001:db9::6");
}

#[trial]
fn empty_items_of_the_chain_are_skipped(site: &Site) {
    let response = with(site, "/trusted", &[("X-Forwarded-For", ", 198.51.100.4,, 10.1.1.1, ,")]);
    is(&response, "REMOTE_ADDR", "198.51.100.4");
    let response = with(site, "/trusted", &[("X-Forwarded-For", " , ,")]);
    is(&response, "REMOTE_ADDR", "127.0.0.1");
}

#[trial]
fn without_a_list_the_first_address_counts(site: &Site) {
    let response = with(site, "/all", &[("X-Forwarded-For", ", 198.51.100.4, 10.1.1.1")]);
    is(&response, "REMOTE_ADDR", "198.51.100.4");
    is(&response, "HTTP_X_FORWARDED_FOR", ", 198.51.100.4, 10.1.1.1");
}

#[trial]
fn a_trusted_proxy_says_the_host_and_port(site: &Site) {
    let headers =
        [("X-Forwarded-Host", "www.example.org"), ("X-Forwarded-Server", "front.example.org"), ("X-Forwarded-Port", "8443")];
    let response = with(site, "/trusted", &headers);
    is(&response, "HTTP_HOST", "www.example.org");
    is(&response, "SERVER_NAME", "front.example.org");
    is(&response, "SERVER_PORT", "8443");
    is(&with(site, "/some", &[("X-Host", "other.example.org")]), "HTTP_HOST", "other.example.org");
}

#[trial]
fn a_trusted_proxy_says_the_mount_point(site: &Site) {
    let response = with(site, "/trusted", &[("X-Script-Name", "/mounted")]);
    is(&response, "SCRIPT_NAME", "/mounted");
    is(&response, "mod_wsgi.mount_point", "/mounted");
    is(&response, "mod_wsgi.script_name", "/trusted");
    is(&response, "PATH_INFO", "/raw");
    is(&with(site, "/some", &[("X-Forwarded-Script-Name", "/other")]), "SCRIPT_NAME", "/other");
    lacks(&with(site, "/trusted", &[]), &["mod_wsgi.mount_point"]);
}

#[trial]
fn a_trusted_proxy_says_the_scheme(site: &Site) {
    for (value, scheme) in [("https", "https"), ("HTTPS", "https"), ("http", "http"), ("gopher", "http")] {
        is(&with(site, "/trusted", &[("X-Forwarded-Proto", value)]), "wsgi.url_scheme", scheme);
    }
    for (value, scheme) in [("On", "https"), ("true", "https"), ("1", "https"), ("off", "http"), ("0", "http"), ("maybe", "http")]
    {
        is(&with(site, "/some", &[("X-Forwarded-SSL", value)]), "wsgi.url_scheme", scheme);
    }
}

const ALL: [(&str, &str); 10] = [
    ("X-Forwarded-For", "6.6.6.6"),
    ("X-Client-IP", "6.6.6.6"),
    ("X-Real-IP", "6.6.6.6"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Host", "evil.example"),
    ("X-Forwarded-Server", "evil.example"),
    ("X-Forwarded-Port", "666"),
    ("X-Script-Name", "/evil"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-SSL", "on"),
];

#[trial(reach(Reach::Everywhere))]
fn a_stranger_changes_nothing(site: &Site) {
    let response = with(site, "/stranger", &ALL);
    is(&response, "REMOTE_ADDR", "127.0.0.1");
    is(&response, "HTTP_HOST", "localhost");
    is(&response, "SERVER_NAME", "localhost");
    is(&response, "SCRIPT_NAME", "/stranger");
    is(&response, "wsgi.url_scheme", "http");
    assert_ne!(response.value("SERVER_PORT"), Some("str '666'"));
    lacks(&response, &["mod_wsgi.mount_point"]);
}

#[trial]
fn headers_of_a_stranger_do_not_arrive(site: &Site) {
    let response = with(site, "/stranger", &ALL);
    for (name, _) in ALL {
        lacks(&response, &[&format!("HTTP_{}", name.to_uppercase().replace('-', "_"))]);
    }
}

#[trial]
fn synonyms_that_were_not_named_do_not_arrive(site: &Site) {
    let headers =
        [("X-Forwarded-For", "198.51.100.4"), ("X-Client-IP", "6.6.6.6"), ("X-Real-IP", "6.6.6.6"), ("X-Scheme", "https")];
    let response = with(site, "/trusted", &headers);
    is(&response, "REMOTE_ADDR", "198.51.100.4");
    is(&response, "wsgi.url_scheme", "http");
    lacks(&response, &["HTTP_X_CLIENT_IP", "HTTP_X_REAL_IP", "HTTP_X_SCHEME"]);
}

#[trial]
fn of_two_named_headers_the_last_counts(site: &Site) {
    let response = with(site, "/twice", &[("X-Client-IP", "198.51.100.1"), ("X-Real-IP", "198.51.100.2")]);
    is(&response, "REMOTE_ADDR", "198.51.100.2");
    lacks(&response, &["HTTP_X_CLIENT_IP"]);
    let response = with(site, "/twice", &[("X-Scheme", "https"), ("X-Forwarded-HTTPS", "off")]);
    is(&response, "wsgi.url_scheme", "http");
}

#[trial]
fn every_spelling_of_a_strangers_header_is_dropped(site: &Site) {
    for name in ["x-forwarded-for", "X-FORWARDED-FOR", "X_Forwarded_For", "X-Forwarded_For", "X-Client-Ip", "x-client-ip"] {
        let response = with(site, "/stranger", &[(name, "6.6.6.6")]);
        assert!(!response.text().contains("6.6.6.6"), "{name}: {response:?}");
    }
}
