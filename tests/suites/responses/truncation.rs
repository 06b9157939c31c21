/*! A response that breaks off, seen from the other side of TLS, HTTP/2, mod_deflate and mod_cache: it never looks complete, and is never stored. */

use crate::suite;
use crate::support::client::Request;
use crate::support::curl;
use crate::support::matrix::Suite;
use crate::support::poll;
use crate::support::response::Response;
use crate::support::site::Site;
use crate::support::workdir::writable_directory;
use registration::trial;

/// How a response breaks off. The process dies in two of them.
const HOW: [&str; 3] = ["raise", "exit", "kill"];
const FRAMINGS: [&str; 2] = ["chunked", "length"];

/// The suite.
pub fn suite() -> Suite {
    suite!("truncation").in_daemon_mode().plan(|plan| {
        plan.modules(&["socache_shmcb", "ssl", "http2", "filter", "deflate", "cache", "cache_disk"])
            .certificate()
            .announce("re:\\[ssl:warn\\]|AH10034")
            .announce("re:WSGI13(00|01|28): |WSGI1200: |the trial wants it")
    })
}

/// Runs `trial` for each way to break off, when a process of the group serves.
fn each_way(site: &Site, mount: &str, mut trial: impl FnMut(&str)) {
    site.allow_tracebacks();
    for how in HOW {
        for framing in FRAMINGS {
            // After a death the next process is started, at once or after a pause.
            poll::wait_for("the group serves", || site.get(&format!("{mount}/whole/{framing}?{how}")).status == 200);
            trial(&format!("{mount}/{how}/{framing}"));
        }
    }
}

#[trial]
fn over_tls_it_shows(site: &Site) {
    each_way(site, "/secure", |target| {
        let url = format!("https://localhost:{}{target}", site.server.files.other_port);
        let fetched = curl::fetch(&site.path("files"), &["--http1.1"], &url);
        // 18: the transfer was shorter than it had to be; 56: it was broken off.
        assert!(matches!(fetched.exit, 18 | 56) && fetched.status == 200, "{target}: {fetched:?}");
        assert_eq!(fetched.body.len(), 2000, "{target}");
    });
}

#[trial(threads())]
fn over_http2_the_stream_is_reset(site: &Site) {
    each_way(site, "/streams", |target| {
        let url = format!("https://localhost:{}{target}", site.server.files.other_port);
        let fetched = curl::fetch(&site.path("files"), &["--http2"], &url);
        assert!(matches!(fetched.exit, 16 | 18 | 92) && fetched.version == "2", "{target}: {fetched:?}");
        assert!(fetched.body.len() <= 2000, "{target}: {} bytes", fetched.body.len());
        // Another stream is not concerned.
        let whole = format!("https://localhost:{}/packed/whole/chunked", site.server.files.other_port);
        assert_eq!(curl::fetch(&site.path("files"), &["--http2"], &whole).ok().len(), 4000);
    });
}

fn unpacked(site: &Site, target: &str) -> Response {
    site.send(&Request::get(target).header("Accept-Encoding", "gzip"))
}

#[trial]
fn behind_deflate_it_shows(site: &Site) {
    let whole = unpacked(site, "/packed/whole/chunked").expect(200);
    assert_eq!((whole.header("Content-Encoding").as_deref(), whole.complete), (Some("gzip"), true));
    each_way(site, "/packed", |target| {
        let cut = unpacked(site, target).expect(200);
        assert_eq!(cut.header("Content-Encoding").as_deref(), Some("gzip"), "{target}");
        assert!(!cut.complete, "{target}: {cut:?}");
    });
}

/// Asks the cache alone: 504 if it has nothing.
fn cached(site: &Site, target: &str) -> Response {
    site.send(&Request::get(target).header("Cache-Control", "only-if-cached"))
}

#[trial]
fn a_cache_does_not_store_it(site: &Site) {
    writable_directory(&site.path("files"));
    let whole = site.get("/cached/whole/length?control").expect(200);
    poll::wait_for("a whole response comes from the cache", || cached(site, "/cached/whole/length?control").status == 200);
    let kept = cached(site, "/cached/whole/length?control").expect(200);
    assert_eq!((kept.header("X-Stamp"), kept.body), (whole.header("X-Stamp"), whole.body));
    each_way(site, "/cached", |target| {
        let cut = site.get(target).expect(200);
        assert!(!cut.complete, "{target}: {cut:?}");
        assert_eq!(cached(site, target).status, 504, "{target} came from the cache");
    });
}
