/*! Large bodies on their way from a daemon process and to one: through its socket, and through memory that it shares with the child. Whole, in order, and nothing of
one request or response in another one. */

use crate::suite;
use registration::trial;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::client::{Client, Request};
use crate::support::matrix::{Reach, Suite};
use crate::support::poll;
use crate::support::response::Response;
use crate::support::site::Site;

/// The suite.
pub fn suite() -> Suite {
    suite!("bodies").plan(|plan| plan.modules(&["filter", "deflate"])).in_daemon_mode()
}

/// Sizes around every limit that there is on the way, and the pieces they come in.
const SHAPES: [(usize, usize); 11] = [
    (8191, 8191),
    (8192, 8192),
    (65_536, 65_536),
    (100_000, 100_000),
    (100_000, 9_000),
    (262_079, 262_079),
    (262_080, 262_080),
    (262_081, 262_081),
    (262_080, 16_384),
    (700_000, 16_384),
    (1_500_000, 300_000),
];

fn target(size: usize, piece: usize, form: &str, start: usize) -> String {
    format!("/pattern?size={size}&piece={piece}&form={form}&start={start}")
}

/// What [`target`] answers.
fn pattern(size: usize, start: usize) -> Vec<u8> {
    (start..start + size).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

fn ask(client: &mut Client, size: usize, piece: usize, form: &str, start: usize) {
    let response = client.exchange(&Request::get(&target(size, piece, form, start))).unwrap().expect(200);
    assert!(response.complete, "{form} of {size} in {piece}");
    let expected = pattern(size, start);
    let wrong = response.body.iter().zip(&expected).position(|(came, expected)| came != expected);
    assert!(
        response.body == expected,
        "{form} of {size} in {piece}: {} bytes came, the first wrong one is {wrong:?}",
        response.body.len()
    );
}

#[trial(reach(Reach::Everywhere))]
fn bodies_of_every_size_and_form_arrive_whole(site: &Site) {
    let mut client = site.connect();
    for round in 0..3 {
        for (number, (size, piece)) in SHAPES.into_iter().enumerate() {
            for form in ["list", "generator", "counted", "written"] {
                ask(&mut client, size, piece, form, 1000 * round + 7 * number);
            }
        }
    }
}

fn unzipped(response: &Response) -> Vec<u8> {
    assert_eq!(response.header("Content-Encoding").as_deref(), Some("gzip"));
    let mut gzip = Command::new("gzip").arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, zipped) = (gzip.stdin.take().unwrap(), response.body.clone());
    let writing = std::thread::spawn(move || input.write_all(&zipped));
    let output = gzip.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success());
    output.stdout
}

#[trial]
fn a_filter_that_works_on_the_body_gets_all_of_it(site: &Site) {
    let mut client = site.connect();
    for start in 0..3 {
        for (size, piece) in SHAPES {
            for form in ["list", "generator"] {
                let target = format!("/deflated{}", target(size, piece, form, start));
                let response = client.exchange(&Request::get(&target).header("Accept-Encoding", "gzip")).unwrap().expect(200);
                assert!(unzipped(&response) == pattern(size, start), "{form} of {size} in {piece}");
            }
        }
    }
}

/// Pieces of memory for bodies that httpd's children have.
fn memory(site: &Site) -> usize {
    let maps = |pid: i32| std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let program = |pid: i32| std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    let children = site.server.children().into_iter().map(|child| child.pid);
    let httpd = children.filter(|pid| program(*pid) == program(site.server.pid()));
    httpd.map(|pid| maps(pid).matches("memfd:wsgi-bodies").count()).sum()
}

/// Kilobytes that a process has of its memory for bodies, beyond the page with the head.
fn resident(process: i32) -> u32 {
    let maps = std::fs::read_to_string(format!("/proc/{process}/smaps")).unwrap();
    let regions = maps.split("memfd:wsgi-bodies").skip(1);
    let resident = regions.filter_map(|region| region.lines().find(|line| line.starts_with("Rss:")));
    resident.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u32>().ok()).map(|held| held.saturating_sub(4)).sum()
}

#[trial(threads())]
fn a_child_is_given_memory_once_for_each_connection(site: &Site) {
    let mut client = site.connect();
    for start in 0..5 {
        ask(&mut client, 100_000, 100_000, "list", start);
    }
    let given = memory(site);
    assert!(given >= 1, "large bodies went through the socket");
    for start in 0..50 {
        ask(&mut client, 100_000, 100_000, "list", start);
    }
    assert_eq!(memory(site), given, "one for each connection");
}

#[trial]
fn memory_for_bodies_is_given_back_by_an_idle_process(site: &Site) {
    let mut client = site.connect();
    for start in 0..5 {
        ask(&mut client, 250_000, 250_000, "list", start);
    }
    let served: i32 = client.exchange(&Request::get("/process")).unwrap().ok().parse().unwrap();
    assert!(resident(served) >= 200, "{} KB: it was not used", resident(served));
    poll::wait_for("the process gives its memory back", || resident(served) == 0);
    ask(&mut client, 250_000, 250_000, "list", 9);
}

#[trial]
fn a_client_that_reads_slowly_gets_all_of_it(site: &Site) {
    let (size, start) = (3_000_000, 3);
    for form in ["list", "generator"] {
        let mut client = site.connect();
        client.send(&Request::get(&target(size, 20_000, form, start)).header("Connection", "close").head_bytes()).unwrap();
        assert!(client.hears_something_within(poll::SOON).unwrap());
        // Others are served meanwhile, over the same process's connections.
        ask(&mut site.connect(), 100_000, 50_000, form, 5);
        let response = client.receive(false).unwrap().expect(200);
        assert!(response.complete && response.body == pattern(size, start), "{form}: {} bytes came", response.body.len());
    }
}

#[trial]
fn a_client_that_leaves_spoils_nobody_elses_body(site: &Site) {
    for start in 0..20 {
        let mut client = site.connect();
        client.send(&Request::get(&target(3_000_000, 20_000, "generator", start)).head_bytes()).unwrap();
        assert!(client.hears_something_within(poll::SOON).unwrap());
        drop(client);
        ask(&mut site.connect(), 250_000, 250_000, "list", start);
    }
}

/// Sizes around what is worth being put in memory, what may come unasked, and a bit.
const UPLOADS: [usize; 8] = [100, 8191, 8192, 40_000, 65_535, 65_536, 65_537, 300_000];

/// Has an upload echoed by a `reader` of the application's, which may leave something.
fn upload(client: &mut Client, size: usize, reader: &str, start: usize) {
    let sent = pattern(size, start);
    let response = client.exchange(&Request::post(&format!("/upload?reader={reader}"), sent.clone())).unwrap().expect(200);
    let expected = match reader {
        "read_half" => &sent[..size.min(5000)],
        "read_nothing" => &[],
        _ => &sent[..],
    };
    let wrong = response.body.iter().zip(expected).position(|(came, expected)| came != expected);
    assert!(
        response.body == expected,
        "{reader} of {size}: {} bytes came, the first wrong one is {wrong:?}",
        response.body.len()
    );
}

#[trial(reach(Reach::Everywhere))]
fn uploads_of_every_size_arrive_whole_however_they_are_read(site: &Site) {
    let mut client = site.connect();
    for round in 0..3 {
        for (number, size) in UPLOADS.into_iter().enumerate() {
            for reader in ["read_all", "read_half", "read_pieces", "read_nothing", "read_lines"] {
                let start = 1000 * round + 7 * number;
                if size > 65_536 && matches!(reader, "read_half" | "read_nothing") {
                    // A client whose body was not even fetched to its end is sent away.
                    upload(&mut site.connect(), size, reader, start);
                } else {
                    upload(&mut client, size, reader, start);
                }
            }
        }
        // The connection that was given memory may have ended with such a body.
        for start in 0..3 {
            upload(&mut client, 60_000, "read_all", start);
        }
        assert!(memory(site) >= 1, "large uploads went through the socket");
    }
}

#[trial]
fn memory_for_uploads_is_given_once_and_given_back_by_an_idle_process(site: &Site) {
    let mut client = site.connect();
    for start in 0..5 {
        upload(&mut client, 60_000, "read_all", start);
    }
    let given = memory(site);
    assert!(given >= 1, "large uploads went through the socket");
    for start in 0..50 {
        upload(&mut client, 60_000, if start % 3 == 0 { "read_nothing" } else { "read_all" }, start);
    }
    assert_eq!(memory(site), given, "one for each connection");
    let served: i32 = client.exchange(&Request::get("/process")).unwrap().ok().parse().unwrap();
    assert!(resident(served) >= 56, "{} KB: it was not used", resident(served));
    poll::wait_for("the process gives its memory back", || resident(served) == 0);
    upload(&mut client, 60_000, "read_all", 9);
}

#[trial]
fn uploads_side_by_side_do_not_mix(site: &Site) {
    std::thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || {
                let mut client = site.connect();
                for round in 0..40 {
                    upload(&mut client, 30_000 + 4000 * number, "read_pieces", 31 * number + round);
                }
            });
        }
    });
}

#[trial]
fn an_upload_that_comes_in_pieces_or_breaks_off_spoils_nothing(site: &Site) {
    let mut steady = site.connect();
    for start in 0..10 {
        let sent = pattern(50_000, start);
        let request = Request::post("/upload?reader=read_all", sent.clone());
        let mut client = site.connect();
        client.send(&request.head_bytes()).unwrap();
        client.send(&sent[..20_000]).unwrap();
        // Another one goes over in between.
        upload(&mut steady, 60_000, "read_all", start);
        if start < 9 {
            client.send(&sent[20_000..]).unwrap();
            assert!(client.receive(false).unwrap().expect(200).body == sent);
        } else {
            drop(client);
            site.expect_traceback("the client closed the connection before it had sent the whole request body");
        }
        let pieces: Vec<_> = sent.chunks(9000).collect();
        let response = steady.exchange(&Request::post_chunks("/upload?reader=read_all", &pieces)).unwrap().expect(200);
        assert!(response.body == sent, "{} bytes came", response.body.len());
    }
}

#[trial]
fn a_forked_process_has_no_part_in_an_upload(site: &Site) {
    let mut client = site.connect();
    for start in 0..4 {
        upload(&mut client, 60_000, "read_all", start);
    }
    assert!(memory(site) >= 1, "large uploads went through the socket");
    for start in 0..4 {
        let sent = pattern(60_000, start);
        let response = client.exchange(&Request::post("/forked", sent.clone())).unwrap().expect(200);
        assert!(response.body == [b"failed ", &sent[..]].concat(), "{}", String::from_utf8_lossy(&response.body[..20]));
    }
}
