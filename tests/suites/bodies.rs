/*! Large bodies on their way from a daemon process: through its socket, and through memory that its child was given for them. Whole, in order, and nothing of one
response in another one. */

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::case;
use crate::support::client::{Client, Request};
use crate::support::matrix::{Reach, Suite};
use crate::support::poll;
use crate::support::response::Response;
use crate::support::site::Site;

/// The suite.
pub fn suite() -> Suite {
    Suite::new(
        "bodies",
        vec![
            case!(bodies_of_every_size_and_form_arrive_whole).reach(Reach::Everywhere),
            case!(a_filter_that_works_on_the_body_gets_all_of_it),
            case!(a_child_is_given_memory_once_for_each_connection).threads(),
            case!(memory_for_bodies_is_given_back_by_an_idle_process),
            case!(a_client_that_reads_slowly_gets_all_of_it),
            case!(a_client_that_leaves_spoils_nobody_elses_body),
        ],
    )
    .plan(|plan| plan.modules(&["filter", "deflate"]))
    .in_daemon_mode()
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

fn memory_for_bodies_is_given_back_by_an_idle_process(site: &Site) {
    let mut client = site.connect();
    for start in 0..5 {
        ask(&mut client, 250_000, 250_000, "list", start);
    }
    let served: i32 = client.exchange(&Request::get("/process")).unwrap().ok().parse().unwrap();
    // Kilobytes that the process has of it, beyond the page with the count.
    let held = || {
        let maps = std::fs::read_to_string(format!("/proc/{served}/smaps")).unwrap();
        let regions = maps.split("memfd:wsgi-bodies").skip(1);
        let resident = regions.filter_map(|region| region.lines().find(|line| line.starts_with("Rss:")));
        resident
            .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u32>().ok())
            .map(|held| held.saturating_sub(4))
            .sum::<u32>()
    };
    assert!(held() >= 200, "{} KB: it was not used", held());
    poll::wait_for("the process gives its memory back", || held() == 0);
    ask(&mut client, 250_000, 250_000, "list", 9);
}

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

fn a_client_that_leaves_spoils_nobody_elses_body(site: &Site) {
    for start in 0..20 {
        let mut client = site.connect();
        client.send(&Request::get(&target(3_000_000, 20_000, "generator", start)).head_bytes()).unwrap();
        assert!(client.hears_something_within(poll::SOON).unwrap());
        drop(client);
        ask(&mut site.connect(), 250_000, 250_000, "list", start);
    }
}
