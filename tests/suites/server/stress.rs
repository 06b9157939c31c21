/*! Many requests at once: 10,000 over 64 connections, bodies of every size, each compared with what came back, byte for byte. */

use crate::suite;
use crate::support::client::{Client, Request};
use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::processes;
use crate::support::random::Random;
use registration::trial;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The suite.
pub fn suite() -> Suite {
    suite!("stress").reach(Reach::Full)
}

const REQUESTS: usize = 10_000;
const CONNECTIONS: usize = 64;
const LARGEST: usize = 300 * 1024;

#[trial]
fn ten_thousand_requests_over_64_connections(setup: &Setup) {
    let plan = Plan::new("stress.conf").define("OWN_SIZES", "1").define("NO_ACCESS_LOG", "1");
    let server = Httpd::start(setup, &plan, "stress");
    let children = server.children();
    let next = AtomicUsize::new(0);
    let failures: Vec<String> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                scope.spawn({
                    let next = &next;
                    let server = &server;
                    move || one_client(server, number, next)
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{} requests failed: {:?}", failures.len(), &failures[..failures.len().min(5)]);
    assert_eq!(server.children(), children, "the same processes serve");
    assert!(children.iter().all(|child| processes::threads(child.pid) < 80), "no thread is left behind");
}

/// Sends requests over one connection until all have been sent; gives what went wrong.
fn one_client(server: &Httpd, number: usize, next: &AtomicUsize) -> Vec<String> {
    let mut random = Random::new(number as u64 + 1);
    let mut failures = Vec::new();
    let mut client = Client::connect(server.files.port).expect("a connection");
    while next.fetch_add(1, Ordering::Relaxed) < REQUESTS && failures.len() < 5 {
        let size = random.below(LARGEST + 1);
        let body = random.bytes(size);
        let target = if random.below(2) == 0 { "/main/echo" } else { "/sub/echo" };
        let request = match random.below(3) {
            0 => Request::post_chunks(target, &body.chunks(10_007).collect::<Vec<_>>()),
            _ => Request::post(target, body.clone()),
        };
        match client.exchange(&request) {
            Ok(response) if response.status == 200 && response.complete && response.body == body => {}
            Ok(response) => failures.push(format!("{target} {size}: {} with {} bytes", response.status, response.body.len())),
            Err(error) => {
                // httpd may close a kept connection at any time; only a fresh one owes an answer.
                client = Client::connect(server.files.port).expect("a connection");
                let again = client.exchange(&request);
                let answered = again.as_ref().is_ok_and(|response| response.status == 200 && response.body == body);
                if !answered || error.kind() != std::io::ErrorKind::UnexpectedEof {
                    failures.push(format!("{target} {size}: {error}, then {:?}", again.map(|response| response.status)));
                }
            }
        }
    }
    failures
}
