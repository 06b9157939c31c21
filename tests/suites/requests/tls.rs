/*! TLS and HTTP/2: the same applications through mod_ssl and mod_http2, whose requests run on connections and threads of their own. */

use crate::suite;
use crate::support::curl::{self, Fetched};
use crate::support::matrix::{Reach, Suite};
use crate::support::site::Site;
use registration::trial;
use std::fs;
use std::process::Command;

/// The suite.
pub fn suite() -> Suite {
    suite!("tls")
        .in_both_modes()
        .plan(|plan| plan.modules(&["socache_shmcb", "ssl", "http2"]).certificate().announce("re:\\[ssl:warn\\]|AH10034"))
}

fn tls(site: &Site, arguments: &[&str], target: &str) -> Fetched {
    curl::fetch(&site.path("files"), arguments, &format!("https://localhost:{}{target}", site.server.files.other_port))
}

/// Over HTTP/2 inside TLS.
fn http2(site: &Site, arguments: &[&str], target: &str) -> Fetched {
    let fetched = tls(site, &[&["--http2"], arguments].concat(), target);
    assert!(fetched.version == "2" || fetched.exit != 0, "{fetched:?}");
    fetched
}

#[track_caller]
fn contains(text: &str, line: &str) {
    assert!(text.lines().any(|l| l == line), "`{line}` is not in:\n{text}");
}

#[trial(reach(Reach::Everywhere))]
fn the_scheme_is_https(site: &Site) {
    let fetched = tls(site, &["--http1.1"], "/environ/raw");
    let text = fetched.ok();
    contains(text, "wsgi.url_scheme=str 'https'");
    contains(text, "REQUEST_SCHEME=str 'https'");
    contains(text, &format!("SERVER_PORT=str '{}'", site.server.files.other_port));
    assert!(!text.contains("\nHTTPS=") && !text.contains("SSL_PROTOCOL"), "{text}");
}

#[trial]
fn ssl_variables_come_when_asked_for(site: &Site) {
    let fetched = tls(site, &["--http1.1"], "/environ/variables");
    assert!(fetched.ok().contains("SSL_PROTOCOL='TLSv1"), "{fetched:?}");
    let fetched = http2(site, &[], "/environ/variables");
    assert!(fetched.ok().contains("SSL_PROTOCOL='TLSv1"), "{fetched:?}");
}

/// A file of recognisable bytes for an upload, and curl's argument for it.
fn upload(site: &Site, size: u32) -> (Vec<u8>, String) {
    let bytes: Vec<u8> = (0..size).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let path = site.path(&format!("files/upload-{size}"));
    fs::write(&path, &bytes).unwrap();
    (bytes, format!("@{}", path.display()))
}

#[trial]
fn an_upload_over_tls_arrives(site: &Site) {
    let (bytes, data) = upload(site, 700_001);
    let fetched = tls(site, &["--http1.1", "--data-binary", &data], "/input/echo");
    assert!(fetched.exit == 0 && fetched.body == bytes, "{} bytes came back", fetched.body.len());
}

#[trial(threads().reach(Reach::Everywhere))]
fn http2_serves_requests(site: &Site) {
    let fetched = http2(site, &["-H", "X-Some: header"], "/environ/raw?q=1");
    let text = fetched.ok();
    contains(text, "SERVER_PROTOCOL=str 'HTTP/2.0'");
    contains(text, "wsgi.url_scheme=str 'https'");
    contains(text, "HTTP_X_SOME=str 'header'");
    contains(text, "QUERY_STRING=str 'q=1'");
    contains(text, &format!("HTTP_HOST=str 'localhost:{}'", site.server.files.other_port));
}

#[trial(threads())]
fn http2_without_tls_serves_requests(site: &Site) {
    let url = format!("http://localhost:{}/environ/raw", site.server.files.port);
    let fetched = curl::fetch(&site.path("files"), &["--http2-prior-knowledge"], &url);
    contains(fetched.ok(), "wsgi.url_scheme=str 'http'");
    contains(fetched.ok(), "SERVER_PROTOCOL=str 'HTTP/2.0'");
}

#[trial(threads())]
fn http2_has_no_hop_by_hop_headers(site: &Site) {
    for target in ["/response/list", "/response/generator", "/response/headers"] {
        let head = http2(site, &[], target).head.to_lowercase();
        assert!(!head.contains("transfer-encoding") && !head.contains("\nconnection:"), "{head}");
    }
    let fetched = http2(site, &[], "/response/headers");
    assert_eq!(fetched.exit, 0, "{fetched:?}");
    let head = fetched.head.to_lowercase();
    assert_eq!(head.matches("\nset-cookie:").count(), 2, "{head}");
}

#[trial(threads())]
fn an_upload_over_http2_arrives(site: &Site) {
    for size in [0, 1, 16_384, 1_000_003] {
        let (bytes, data) = upload(site, size);
        let fetched = http2(site, &["--data-binary", &data], "/input/echo");
        assert!(
            fetched.exit == 0 && fetched.status == 200 && fetched.body == bytes,
            "{size}: {} bytes came back",
            fetched.body.len()
        );
    }
}

#[trial(threads())]
fn an_upload_without_length_over_http2_arrives(site: &Site) {
    let (bytes, data) = upload(site, 200_000);
    let fetched = http2(site, &["-X", "POST", "-T", data.trim_start_matches('@'), "-H", "Content-Length:"], "/input/length");
    contains(fetched.ok(), &format!("read={}", bytes.len()));
}

#[trial(threads())]
fn a_large_download_over_http2_arrives(site: &Site) {
    for target in ["/response/big-list?count=1&size=5000000", "/response/big-generator?count=500&size=10000"] {
        let fetched = http2(site, &[], target);
        assert_eq!((fetched.exit, fetched.body.len()), (0, 5_000_000), "{target}");
    }
}

#[trial(threads())]
fn a_file_over_http2_arrives(site: &Site) {
    let (bytes, data) = upload(site, 3_000_000);
    let fetched = http2(site, &[], &format!("/file_wrapper/file?file={}", data.trim_start_matches('@')));
    assert!(fetched.exit == 0 && fetched.body == bytes);
}

#[trial(threads())]
fn a_head_over_http2_has_no_body(site: &Site) {
    let fetched = http2(site, &["--head"], "/response/list");
    assert_eq!((fetched.exit, fetched.status), (0, 200), "{fetched:?}");
}

#[trial(threads())]
fn an_exception_over_http2_is_500(site: &Site) {
    site.allow_log("re:WSGI1200|WSGI0174");
    site.allow_tracebacks();
    assert_eq!(http2(site, &[], "/errors/raise?what=value").status, 500);
    site.expect_log("ValueError: invalid literal");
}

/// curl's exit status for a stream that was reset, or (HTTP/2 framing of a broken end) an error of the layer.
fn was_reset(fetched: &Fetched) -> bool {
    matches!(fetched.exit, 16 | 18 | 92)
}

#[trial(threads().differs("the stream ends as if the response were whole"))]
fn a_cut_response_over_http2_is_reset(site: &Site) {
    site.allow_log("re:WSGI1200|WSGI0174");
    site.allow_tracebacks();
    let fetched = http2(site, &[], "/errors/raise-later?what=value&sent=begun");
    assert!(was_reset(&fetched), "{fetched:?}");
    site.expect_log("ValueError: invalid literal");
    http2(site, &[], "/response/list").ok();
}

#[trial(threads().differs("the stream ends as if the response were whole"))]
fn a_short_body_over_http2_is_reset(site: &Site) {
    site.allow_log("Content-Length");
    let fetched = http2(site, &[], "/response/length?is=20&kind=generator");
    assert!(was_reset(&fetched), "{fetched:?}");
}

#[trial(threads())]
fn many_streams_share_a_connection(site: &Site) {
    let urls: Vec<String> = (0..60)
        .map(|n| format!("https://localhost:{}/response/big-list?count={}&size=7000", site.server.files.other_port, n % 9 + 1))
        .collect();
    let output = Command::new("curl")
        .args(["--silent", "--insecure", "--noproxy", "*", "--max-time", "30", "--http2", "--parallel", "--parallel-max", "20"])
        .args(["--write-out", "%{http_version} %{http_code} %{size_download} %{exitcode}\n"])
        .args(urls.iter().flat_map(|url| ["--output", "/dev/null", url]))
        .output()
        .unwrap();
    let mut lines: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    let mut expected: Vec<String> = (0..60).map(|n| format!("2 200 {} 0", (n % 9 + 1) * 7000)).collect();
    lines.sort();
    expected.sort();
    assert_eq!(lines, expected);
}
