/*! A file that becomes shorter while it is sent: its length has been announced, so the response is broken off, and nothing that comes later on
the connection is taken for the rest of it. httpd sends files in many ways, of which each has its own idea of a file that ends early. */

use crate::suite;
use crate::support::curl;
use crate::support::matrix::{Reach, Suite};
use crate::support::poll;
use crate::support::random::Random;
use crate::support::site::Site;
use crate::support::workdir::unique_number;
use registration::trial;
use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const THEIRS: &str = "the response never ends, goes on with other bytes, or looks whole; a process that has mapped the file ends";

/// The suite.
pub fn suite() -> Suite {
    suite!("shrinking_files").in_both_modes().plan(|plan| {
        plan.modules(&["socache_shmcb", "ssl", "http2", "filter", "deflate", "substitute"])
            .certificate()
            .announce("re:\\[ssl:warn\\]|AH10034")
    })
}

const SENT_BEFORE: &str = "a daemon process may have sent the file before its application closes it";

/// More than all buffers between a server and a client that does not read.
const LARGE: usize = 24_000_000;

/// Where the file goes by another way.
const WAYS: [&str; 5] = ["/file", "/sendfile/file", "/mapped/file", "/packed/file", "/copied/file"];

/// A new file that no filter can pack to anything shorter.
fn file(site: &Site, size: usize) -> (PathBuf, Vec<u8>) {
    let path = site.path(&format!("files/sent-{}", unique_number()));
    let bytes = Random::new(u64::from(unique_number())).bytes(size);
    fs::write(&path, &bytes).unwrap();
    (path, bytes)
}

fn plain(site: &Site) -> String {
    format!("http://localhost:{}", site.server.files.port)
}

fn tls(site: &Site) -> String {
    format!("https://localhost:{}", site.server.files.other_port)
}

/// Fetches files, each of which becomes shorter when its client has begun to read.
fn each_way_breaks_off(site: &Site, protocol: &str, origin: &str) {
    site.allow_log("re:WSGI1151|AH10298|AH02013");
    let children = site.server.children();
    for target in WAYS {
        let (path, bytes) = file(site, LARGE);
        let (exit, got) = fetched_while_it_shrinks(&format!("{origin}{target}?file={}", path.display()), protocol, &path);
        // 28: nothing has come any more, and no end either.
        assert!(!matches!(exit, 0 | 28), "{target}: curl's exit is {exit} after {} bytes", got.len());
        assert!(got.len() < bytes.len() && bytes.starts_with(&got), "{target}: {} bytes, not those of the file", got.len());
        fs::remove_file(path).unwrap();
        // The next response is whole, by the same connection where that goes on.
        assert_eq!(curl::fetch(&site.path("files"), &[protocol], &format!("{origin}/closed?key=none")).ok(), "0");
    }
    assert_eq!(site.server.children(), children, "no process ended");
}

/// curl's exit, and the body: packed responses are unpacked.
fn fetched_while_it_shrinks(url: &str, protocol: &str, path: &PathBuf) -> (i32, Vec<u8>) {
    let mut client = Command::new("curl")
        .args(["--silent", "--insecure", "--noproxy", "*", "--max-time", "60", "--no-buffer", "--compressed", protocol, url])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut body = client.stdout.take().unwrap();
    // What the pipe cannot take, curl does not read, and httpd cannot send.
    let mut got = vec![0; 1000];
    let begun = body.read_exact(&mut got);
    // To nothing: of a page that stays in part the kernel clears the rest, also where `sendfile` has only lent it to a socket.
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(0).unwrap();
    let read = body.read_to_end(&mut got);
    let exit = client.wait().unwrap().code().unwrap_or(-1);
    begun.unwrap_or_else(|error| panic!("{url}: the response does not begin: {error}, curl's exit is {exit}"));
    read.unwrap();
    (exit, got)
}

#[trial(reach(Reach::Everywhere).differs(THEIRS))]
fn over_http1_the_connection_ends(site: &Site) {
    each_way_breaks_off(site, "--http1.1", &plain(site));
}

#[trial(reach(Reach::Everywhere).differs(THEIRS))]
fn over_tls_the_connection_ends(site: &Site) {
    each_way_breaks_off(site, "--http1.1", &tls(site));
}

#[trial(threads().differs(THEIRS))]
fn over_http2_the_stream_is_reset(site: &Site) {
    each_way_breaks_off(site, "--http2", &tls(site));
}

#[trial(threads().differs(THEIRS))]
fn over_http2_without_tls_the_stream_is_reset(site: &Site) {
    each_way_breaks_off(site, "--http2-prior-knowledge", &plain(site));
}

#[trial(threads().differs(THEIRS))]
fn other_streams_of_the_connection_go_on(site: &Site) {
    site.allow_log("re:WSGI1151");
    let ((shrinking, bytes), (other, whole)) = (file(site, LARGE), file(site, 5_000_000));
    let (origin, fetched) = (tls(site), site.path(&format!("files/fetched-{}", unique_number())));
    let mut client = Command::new("curl")
        .args(["--silent", "--insecure", "--noproxy", "*", "--max-time", "60", "--http2", "--parallel", "--no-progress-meter"])
        .args(["--write-out", "%{stderr}%{num_connects} %{size_download} %{exitcode}\n", "--output", "-"])
        .arg(format!("{origin}/file?file={}", shrinking.display()))
        .arg("--output")
        .arg(&fetched)
        .arg(format!("{origin}/file?file={}", other.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut got = vec![0; 1000];
    client.stdout.as_mut().unwrap().read_exact(&mut got).unwrap();
    fs::OpenOptions::new().write(true).open(&shrinking).unwrap().set_len(0).unwrap();
    let output = client.wait_with_output().unwrap();
    got.extend_from_slice(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(got.len() < bytes.len() && bytes.starts_with(&got), "{} bytes, not those of the file: {said}", got.len());
    let mut connects: Vec<&str> = said.lines().filter_map(|line| line.split(' ').next()).collect();
    connects.sort_unstable();
    assert_eq!(connects, ["0", "1"], "both by one connection: {said}");
    assert!(fs::read(&fetched).unwrap() == whole, "the other file: {said}");
}

/// mod_substitute drops what it cannot read and passes the rest on, as if that were all.
#[trial(embedded(SENT_BEFORE).differs(THEIRS))]
fn behind_a_filter_that_reads_less_it_shows(site: &Site) {
    site.allow_log("re:WSGI1151");
    let path = site.path(&format!("files/lines-{}", unique_number()));
    let text = "a line that stays as it is\n".repeat(40_000);
    for (protocol, origin) in [("--http1.1", plain(site)), ("--http1.1", tls(site)), ("--http2", tls(site))] {
        fs::write(&path, &text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
        let url = format!("{origin}/substituted/shortened?file={}", path.display());
        let cut = curl::fetch(&site.path("files"), &[protocol], &url);
        assert!(!matches!(cut.exit, 0 | 28), "{origin} {protocol}: {} bytes, {}", cut.body.len(), cut.exit);
        assert!(text.as_bytes().starts_with(&cut.body), "{origin} {protocol}: {} bytes", cut.body.len());
    }
}

/// Where a request's own thread reads the file, it can tell.
#[trial(differs("it says nothing"))]
fn the_log_says_so(site: &Site) {
    for target in ["/file", "/copied/file"] {
        let (path, _) = file(site, LARGE);
        fetched_while_it_shrinks(&format!("{}{target}?file={}", tls(site), path.display()), "--http1.1", &path);
        let said = || site.log().iter().filter(|line| line.text.contains("WSGI1151: ")).count();
        poll::wait_for(target, || said() > usize::from(target != "/file"));
    }
    site.expect_log("re:WSGI1151: .*shorter");
}

fn every_way(site: &Site) -> Vec<(String, &'static str)> {
    let http1 = [plain(site), tls(site)].map(|origin| (origin, "--http1.1"));
    let http2 = [(tls(site), "--http2"), (plain(site), "--http2-prior-knowledge")];
    http1.into_iter().chain(http2.into_iter().filter(|_| site.setup.mpm.threaded())).collect()
}

#[trial(reach(Reach::Everywhere))]
fn a_whole_file_arrives_by_every_way(site: &Site) {
    let (path, bytes) = file(site, 3_000_001);
    for (origin, protocol) in every_way(site) {
        for target in WAYS {
            let url = format!("{origin}{target}?file={}", path.display());
            let fetched = curl::fetch(&site.path("files"), &[protocol, "--compressed"], &url);
            assert!(
                fetched.exit == 0 && fetched.body == bytes,
                "{url} {protocol}: {}, {} bytes",
                fetched.exit,
                fetched.body.len()
            );
        }
    }
}

/// httpd makes the part of a response that it has as a whole.
#[trial(threads().differs("in daemon mode the whole file comes"))]
fn a_range_of_a_file_arrives_by_every_way(site: &Site) {
    let (path, bytes) = file(site, 300_000);
    for (origin, protocol) in every_way(site) {
        for target in ["/file", "/sendfile/file"] {
            let url = format!("{origin}{target}?file={}", path.display());
            let fetched = curl::fetch(&site.path("files"), &[protocol, "--range", "1000-250000"], &url);
            assert_eq!((fetched.exit, fetched.status), (0, 206), "{url} {protocol}");
            assert!(fetched.body == bytes[1000..=250_000], "{url} {protocol}: {} bytes", fetched.body.len());
        }
    }
}
