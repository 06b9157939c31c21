/*! `wsgi.file_wrapper`: real files by Apache's own means, everything else by reading. */

use crate::suite;
use crate::support::client::Request;
use crate::support::matrix::{Reach, Suite};
use crate::support::poll;
use crate::support::response::Framing;
use crate::support::site::Site;
use registration::trial;
use std::fs;

/// The suite.
pub fn suite() -> Suite {
    suite!("file_wrapper").plan(|plan| plan.modules(&["filter", "deflate"])).in_both_modes()
}

/// Writes a file of `size` recognisable bytes and gives its path and content.
fn file(site: &Site, name: &str, size: u32) -> (String, Vec<u8>) {
    let path = site.path("files").join(name);
    let bytes: Vec<u8> = (0..size).map(|n| (n.wrapping_mul(2_654_435_761) >> 23) as u8).collect();
    fs::write(&path, &bytes).unwrap();
    (path.display().to_string(), bytes)
}

fn arrives(site: &Site, target: &str, size: u32) {
    let (path, bytes) = file(site, &format!("size-{size}"), size);
    let response = site.get(&format!("{target}?file={path}")).expect(200);
    assert_eq!(response.framing, Framing::Length(bytes.len()));
    assert!(response.complete && response.body == bytes, "{} of {size} bytes came", response.body.len());
}

#[trial(reach(Reach::Everywhere))]
fn a_file_arrives_with_its_length(site: &Site) {
    arrives(site, "/file", 100_001);
    arrives(site, "/file", 1);
}

#[trial(reach(Reach::Everywhere))]
fn a_file_arrives_by_sendfile(site: &Site) {
    arrives(site, "/sendfile/file", 100_001);
    arrives(site, "/sendfile/file", 3);
}

#[trial]
fn a_large_file_arrives_whole(site: &Site) {
    arrives(site, "/file", 20_000_003);
    arrives(site, "/sendfile/file", 20_000_003);
}

#[trial]
fn an_empty_file_arrives(site: &Site) {
    arrives(site, "/file", 0);
}

#[trial]
fn a_file_passes_through_output_filters(site: &Site) {
    let (path, bytes) = file(site, "deflated", 50_000);
    let response = site.send(&Request::get(&format!("/deflated/file?file={path}")).header("Accept-Encoding", "gzip")).expect(200);
    assert_eq!(response.header("Content-Encoding").as_deref(), Some("gzip"));
    let zipped = site.path("files/answer.gz");
    fs::write(&zipped, &response.body).unwrap();
    let unzipped = std::process::Command::new("gzip").arg("-dc").arg(zipped).output().unwrap();
    assert!(unzipped.status.success() && unzipped.stdout == bytes);
}

#[trial]
fn a_file_is_sent_from_its_position(site: &Site) {
    let (path, bytes) = file(site, "position", 1000);
    let response = site.get(&format!("/from?file={path}&position=600")).expect(200);
    assert_eq!(response.framing, Framing::Length(400));
    assert!(response.body == bytes[600..]);
    let response = site.get(&format!("/from?file={path}&position=1000")).expect(200);
    assert_eq!(response.framing, Framing::Length(0));
}

#[trial(differs("answers with an error"))]
fn a_position_behind_the_end_gives_nothing(site: &Site) {
    let (path, _) = file(site, "behind", 1000);
    assert_eq!(site.get(&format!("/from?file={path}&position=5000")).expect(200).framing, Framing::Length(0));
}

#[trial]
fn the_application_may_answer_a_range(site: &Site) {
    let (path, bytes) = file(site, "range", 1000);
    let response = site.send(&Request::get(&format!("/range?file={path}")).header("Range", "bytes=100-299")).expect(206);
    assert_eq!(response.header("Content-Range").as_deref(), Some("bytes 100-299/1000"));
    assert!(response.body == bytes[100..300]);
}

#[trial]
fn a_content_length_shorter_than_the_file_counts(site: &Site) {
    let (path, bytes) = file(site, "shorter", 1000);
    let mut client = site.connect();
    let response = client.exchange(&Request::get(&format!("/length?file={path}&is=300"))).unwrap().expect(200);
    assert!(response.complete && response.body == bytes[..300]);
    client.exchange(&Request::get(&format!("/file?file={path}"))).unwrap().expect(200);
}

#[trial(differs("sends bytes that are not in the file"))]
fn a_content_length_longer_than_the_file_shows(site: &Site) {
    site.allow_log("re:WSGI|Content-Length|AH");
    site.allow_tracebacks();
    let (path, _) = file(site, "longer", 1000);
    let mut client = site.connect();
    let response = client.exchange(&Request::get(&format!("/length?file={path}&is=2000"))).unwrap();
    assert!(response.status == 500 || !response.complete, "{response:?}");
}

/// Its length has been promised. No process dies of it (a mapped file would be SIGBUS), and nothing else follows on the connection, where it would be
/// taken for the rest.
#[trial(embedded("a daemon process may have sent the file before its application closes it"))]
fn a_file_that_is_shortened_is_a_cut_response(site: &Site) {
    site.allow_log("re:WSGI|AH");
    for target in ["/shortened", "/sendfile/shortened"] {
        let (path, bytes) = file(site, &format!("shortened{}", target.len()), 3_000_000);
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
        let children = site.server.children();
        let mut client = site.connect();
        // httpd breaks the connection off, before or after the head.
        if let Ok(response) = client.exchange(&Request::get(&format!("{target}?file={path}"))) {
            assert!(!response.complete && bytes.starts_with(&response.body), "{target}: {} bytes", response.body.len());
            assert!(client.is_closed().unwrap(), "{target}");
        }
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 1000, "the application has shortened it");
        assert_eq!(site.server.children(), children, "{target}");
    }
}

#[trial]
fn a_head_of_a_file_has_its_length(site: &Site) {
    let (path, _) = file(site, "head", 12_345);
    let mut client = site.connect();
    let response = client.exchange(&Request::new("HEAD", &format!("/file?file={path}"))).unwrap().expect(200);
    assert_eq!(response.header("Content-Length").as_deref(), Some("12345"));
    client.exchange(&Request::get(&format!("/file?file={path}"))).unwrap().expect(200);
}

#[trial]
fn an_object_without_descriptor_is_read(site: &Site) {
    assert_eq!(site.get("/memory").ok(), "memory ".repeat(5000));
}

#[trial(differs("logs an error for an object without close()"))]
fn an_object_with_read_alone_is_read_in_blocks(site: &Site) {
    assert_eq!(site.get("/read-only").ok(), "11;11;11;11;11;");
}

#[trial]
fn a_pipe_is_read(site: &Site) {
    assert_eq!(site.get("/pipe").ok(), "through a pipe");
}

#[track_caller]
fn becomes(site: &Site, key: &str, value: &str) {
    let seen = poll::until(poll::SOON, || (site.get(&format!("/closed?key={key}")).ok() == value).then_some(()));
    assert!(seen.is_some(), "{key}: {}", site.get(&format!("/closed?key={key}")).ok());
}

#[trial(reach(Reach::Everywhere))]
fn the_file_is_closed_once(site: &Site) {
    let (path, bytes) = file(site, "noting", 5000);
    let response = site.get(&format!("/noting?file={path}&key=once")).expect(200);
    assert!(response.body == bytes);
    becomes(site, "once", "1");
}

#[trial(threads().differs("logs an error for it"))]
fn the_file_is_closed_when_the_client_has_gone(site: &Site) {
    let (path, _) = file(site, "left", 30_000_000);
    let mut client = site.connect();
    client.send(&Request::get(&format!("/noting?file={path}&key=left")).head_bytes()).unwrap();
    client.receive_head().unwrap();
    drop(client);
    becomes(site, "left", "1");
}

#[trial]
fn a_file_after_written_data_is_appended(site: &Site) {
    let (path, bytes) = file(site, "appended", 3000);
    let response = site.get(&format!("/after-write?file={path}")).expect(200);
    assert!(response.complete && response.body == [b"before;".as_slice(), &bytes].concat());
}

#[trial]
fn a_subclass_works_the_same(site: &Site) {
    arrives(site, "/subclass", 5000);
}

#[trial]
fn the_application_may_iterate_itself(site: &Site) {
    let path = site.path("files/iterated");
    fs::write(&path, "0123456789").unwrap();
    assert_eq!(site.get(&format!("/iterated?file={}", path.display())).ok(), "3 pieces;0123456789");
}

#[trial]
fn it_works_under_the_validator(site: &Site) {
    let (path, bytes) = file(site, "validated", 5500);
    assert!(site.get(&format!("/validated?file={path}")).expect(200).body == bytes);
}

#[trial]
fn attributes_and_arguments(site: &Site) {
    let response = site.get("/attributes").expect(200);
    for (key, value) in [
        ("filelike", "True"),
        ("blksize", "8192"),
        ("other", "5"),
        ("negative", "ValueError"),
        ("no file", "TypeError"),
        ("text size", "TypeError"),
        ("set filelike", "AttributeError"),
        ("set blksize", "AttributeError"),
        ("closed", "True"),
    ] {
        assert_eq!(response.value(key), Some(value), "{key}");
    }
}

#[trial]
fn a_closed_file_is_an_error(site: &Site) {
    site.allow_log("WSGI");
    site.allow_tracebacks();
    let (path, _) = file(site, "closed", 10);
    site.get(&format!("/closed-file?file={path}")).expect(500);
    site.expect_log("ValueError");
}

#[trial(differs("logs an error for an object without close()"))]
fn an_error_while_reading_cuts_the_response(site: &Site) {
    site.allow_log("WSGI");
    site.allow_tracebacks();
    let response = site.get("/failing").expect(200);
    assert_eq!((response.text(), response.complete), ("first", false));
    site.expect_log("OSError: the disk is gone");
}

#[trial]
fn the_position_is_not_moved_by_sending(site: &Site) {
    let (path, bytes) = file(site, "offset", 500);
    assert!(site.get(&format!("/offset-after?file={path}&key=offset")).expect(200).body == bytes[3..]);
    becomes(site, "offset", "3");
}
