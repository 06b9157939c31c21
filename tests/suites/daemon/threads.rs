/*! The threads of a daemon process: how large their stacks are, and what happens where there is no room for all of them. */

use crate::suite;
use crate::support::client::Request;
use crate::support::matrix::Suite;
use crate::support::poll;
use crate::support::site::Site;
use crate::support::workdir::writable_directory;
use registration::trial;
use std::fs;
use std::time::Duration;

/// The suite.
pub fn suite() -> Suite {
    suite!("daemon_threads")
        .in_daemon_mode()
        .plan(|plan| plan.announce("re:WSGI1511: |WSGI1325: |WSGI1590: |\\]   |WSGI13(00|01|39): .*group .?none"))
}

/// With a place in the table for each thread that was configured, requests would have been sent to threads that are not there.
#[trial(threads())]
fn a_process_takes_as_many_requests_as_it_has_got_threads(site: &Site) {
    let directory = site.path("files").join("held");
    fs::create_dir_all(&directory).unwrap();
    writable_directory(&directory);
    site.get("/tight/process").expect(200);
    let log = site.server.whole_log();
    let line = log.iter().find(|line| line.text.contains("of 40 worker threads")).expect("the shortage is told");
    assert!(line.text.contains("raise `memory-limit=`, which is 100000000"), "{}", line.text);
    let number = |before: &str| -> usize {
        let rest = line.text.split(before).nth(1).unwrap();
        rest.split([' ', '.']).next().unwrap().parse().unwrap()
    };
    let threads = number("the process continues with ");
    assert_eq!(number("WSGI1511: could not start ") + threads, 40, "{}", line.text);
    assert!((1..10).contains(&threads), "{}", line.text);
    let held: Vec<_> = (0..threads)
        .map(|number| {
            let own = directory.join(number.to_string());
            fs::create_dir_all(&own).unwrap();
            writable_directory(&own);
            let mut client = site.connect();
            client.send(&Request::get(&format!("/tight/hold?{}", own.display())).head_bytes()).unwrap();
            poll::wait_for("the request runs", || own.join("begun").exists());
            (client, own)
        })
        .collect();
    // One more may wait for a thread, and of two the other is turned away.
    let mut more: Vec<_> = (0..2).map(|_| site.connect()).collect();
    for client in &mut more {
        client.send(&Request::get("/tight/process").head_bytes()).unwrap();
    }
    let mut hears = |index: usize| more[index].hears_something_within(Duration::from_millis(20)).unwrap();
    let refused = poll::until(Duration::from_secs(10), || (0..2).find(|index| hears(*index)));
    let refused = refused.expect("nobody is turned away");
    more.remove(refused).receive(false).unwrap().expect(503);
    for (mut client, own) in held {
        fs::write(own.join("go"), "").unwrap();
        client.receive(false).unwrap().expect(200);
    }
    more.remove(0).receive(false).unwrap().expect(200);
}

#[trial]
fn a_group_whose_processes_get_no_thread_is_503(site: &Site) {
    assert!(site.get("/none/process").expect(503).header("Retry-After").is_some());
    let log = site.server.whole_log();
    assert!(
        log.iter().any(|line| line.text.contains("WSGI1511: could not start 2 of 2 worker threads")
            && line.text.contains("the process exits"))
    );
}

/// Python functions that call each other 9000 deep, which Python 3.9 can do with the usual 8 MB, ended the process with the 2 MB of Rust's threads.
#[trial]
fn a_stack_is_as_large_as_the_systems_or_as_named(site: &Site) {
    let sizes = |group: &str| -> Vec<u64> {
        site.get(&format!("/{group}/stack")).ok().split(' ').map(|word| word.parse().unwrap()).collect()
    };
    let [stack, limit] = sizes("plain")[..] else { panic!("two numbers") };
    assert!(limit == 0 || stack == limit, "the stack has {stack}, the limit is {limit}");
    assert_eq!(sizes("shallow")[0], 262_144);
}
