/*! What happens between an Apache child and the processes of a group: places in the table, kept connections, requests that are taken back, and new
code that is waited for. */

use crate::suite;
use crate::support::client::{Client, Request};
use crate::support::matrix::{Reach, Suite};
use crate::support::poll;
use crate::support::processes;
use crate::support::site::Site;
use crate::support::workdir::writable_directory;
use registration::trial;
use rustix::process::Signal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// The suite.
pub fn suite() -> Suite {
    suite!("channel").in_daemon_mode().plan(|plan| plan.announce("re:WSGI13(03|01|02): .*group lost"))
}

fn pid(site: &Site, target: &str) -> i32 {
    site.get(target).ok().split(' ').nth(1).unwrap().parse().unwrap()
}

/// Sockets that a process has open.
fn sockets(pid: i32) -> usize {
    let all = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let target = |entry: std::io::Result<std::fs::DirEntry>| std::fs::read_link(entry.unwrap().path()).ok();
    all.filter_map(target).filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

#[trial(reach(Reach::Everywhere))]
fn connections_are_kept(site: &Site) {
    let mut client = site.connect();
    let first = client.exchange(&Request::get("/single/process")).unwrap().ok();
    let pid: i32 = first.split(' ').nth(1).unwrap().parse().unwrap();
    let before = sockets(pid);
    for _ in 0..50 {
        assert_eq!(client.exchange(&Request::get("/single/process")).unwrap().ok(), first);
    }
    assert!(sockets(pid) <= before, "{before} sockets before, {} after", sockets(pid));
    // A body that is left unread does not stand in the way of the next request.
    assert_eq!(client.exchange(&Request::post("/single/unread", vec![b'x'; 300_000])).unwrap().ok(), "not read");
    assert_eq!(site.post("/single/whole", "a body").ok(), "a body");
    assert_eq!(site.get("/single/process").ok(), first);
}

#[trial(threads())]
fn a_request_that_waits_outlives_the_death_of_its_process(site: &Site) {
    site.allow_log("re:WSGI13(00|27): |re:WSGI1301:");
    let victim = pid(site, "/single/process");
    let (mut running, mut waiting) = (site.connect(), site.connect());
    running.send(&Request::get("/single/sleep?30").head_bytes()).unwrap();
    poll::wait_for("the request runs", || processes::Process::find(victim).is_some() && busy(site, "/single"));
    waiting.send(&Request::get("/single/process").head_bytes()).unwrap();
    // It does wait: nothing comes while the thread is busy.
    assert!(!waiting.hears_something_within(Duration::from_millis(300)).unwrap());
    processes::send(victim, Signal::KILL);
    running.receive(false).unwrap().expect(502);
    let served: i32 = waiting.receive(false).unwrap().ok().split(' ').nth(1).unwrap().parse().unwrap();
    assert_ne!(served, victim);
    site.expect_log("re:WSGI1300: process .* of group single");
}

/// Whether the only thread of a group is busy: a request gets no answer in a while. It is served later, which is as well.
fn busy(site: &Site, group: &str) -> bool {
    let mut probe = site.connect();
    probe.send(&Request::get(&format!("{group}/process")).head_bytes()).unwrap();
    !probe.hears_something_within(Duration::from_millis(100)).unwrap()
}

/// A request that keeps a thread of a group busy, and what lets it go.
fn held(site: &Site, group: &str) -> (Client, impl Fn() + use<>) {
    let directory = site.path("files").join(format!("held-{group}"));
    std::fs::create_dir_all(&directory).unwrap();
    writable_directory(&directory);
    let mut client = site.connect();
    client.send(&Request::get(&format!("/{group}/hold?{}", directory.display())).head_bytes()).unwrap();
    poll::wait_for("the request runs", || directory.join("begun").exists());
    (client, move || std::fs::write(directory.join("go"), "").unwrap())
}

#[trial(threads())]
fn a_request_that_waits_goes_to_the_process_that_is_free(site: &Site) {
    let begun = Instant::now();
    let mut slow: Vec<_> = ["/pair/sleep?4", "/pair/sleep?0.6"]
        .map(|target| {
            let mut client = site.connect();
            client.send(&Request::get(target).head_bytes()).unwrap();
            client
        })
        .into();
    poll::wait_for("both processes are busy", || busy(site, "/pair") || begun.elapsed() > Duration::from_secs(3));
    // Wherever it waits, it is served when the first of the two has time.
    site.get("/pair/process").ok();
    assert!(begun.elapsed() < Duration::from_millis(2500), "{:?}", begun.elapsed());
    for client in &mut slow {
        client.receive(false).unwrap().ok();
    }
}

#[trial(threads())]
fn fast_requests_pass_a_slow_one(site: &Site) {
    let (mut slow, go) = held(site, "pair");
    let (begun, mut longest) = (Instant::now(), Duration::ZERO);
    for _ in 0..1000 {
        let one = Instant::now();
        site.get("/pair/process").ok();
        longest = longest.max(one.elapsed());
        if begun.elapsed() > Duration::from_millis(1800) {
            break;
        }
    }
    go();
    slow.receive(false).unwrap().ok();
    // Whoever waited for the slow one would have waited for as long as all of this took.
    assert!(longest < Duration::from_secs(1), "{longest:?}");
}

#[trial]
fn a_group_that_cannot_start_is_503_at_once(site: &Site) {
    site.allow_log("re:WSGI13(39|01|03)");
    poll::wait_for("it is known that the group can't start", || site.get("/lost/process").status == 503);
    let begun = Instant::now();
    let response = site.get("/lost/process").expect(503);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(response.header("Retry-After").is_some());
    assert!(site.expect_log("WSGI1339").text.contains("`lost`"));
}

/// A script that says `text`, and in a header which process that is; with a query it takes its time.
fn write_script(site: &Site, text: &str) {
    let body = format!(
        "import os, time\n\n\ndef application(environ, start_response):\n    time.sleep(float(environ['QUERY_STRING'] or 0))\n    \
         start_response('200 OK', [('Content-Type', 'text/plain'), ('X-Process', str(os.getpid()))])\n    return [b'{text}']\n"
    );
    put_script(site, &body);
}

fn put_script(site: &Site, body: &str) {
    let (path, new) = (site.server.files.root.join("fresh.wsgi"), site.server.files.root.join("fresh.new"));
    std::fs::write(&new, body).unwrap();
    // The kernel's clock for files ticks every few milliseconds: two versions must not have the same time.
    static VERSION: AtomicU64 = AtomicU64::new(0);
    let later = Duration::from_secs(VERSION.fetch_add(1, Ordering::Relaxed));
    std::fs::File::options().write(true).open(&new).unwrap().set_modified(SystemTime::now() + later).unwrap();
    std::fs::rename(new, path).unwrap();
}

/// Waits until both processes of the group serve `text`, and nothing else.
fn both_serve(site: &Site, text: &str) {
    poll::wait_for("both processes serve the version", || {
        let mut clients = [site.connect(), site.connect()];
        for client in &mut clients {
            client.send(&Request::get("/fresh?0.2").head_bytes()).unwrap();
        }
        let [one, other] = clients.map(|mut client| client.receive(false).unwrap());
        let same = [&one, &other].into_iter().all(|response| response.status == 200 && response.text() == text);
        same && one.header("X-Process") != other.header("X-Process")
    });
}

#[trial(reach(Reach::Everywhere))]
fn the_request_after_a_change_sees_the_new_code(site: &Site) {
    write_script(site, "one");
    both_serve(site, "one");
    for text in ["two", "three"] {
        write_script(site, text);
        assert_eq!(site.get("/fresh").ok(), text);
        // The group's second process follows.
        both_serve(site, text);
    }
}

/// What [`tests/apps/asks.wsgi`] answers: its process, and whether its `reload_required` was asked about this script.
fn asked(site: &Site, target: &str) -> (String, bool) {
    let answer = site.get(target).ok();
    let mut words = answer.split(' ');
    (words.next().unwrap().to_owned(), words.next() == Some("True"))
}

/// By `__mtime__ = 0` or by `reload_required`: the request that finds it gets the new process, with its body, and no request fails. A script is heard when
/// it has been there for a second.
#[trial]
fn a_script_that_asks_for_it_gets_a_new_process(site: &Site) {
    for way in ["mtime", "function"] {
        let (before, _) = asked(site, "/asks");
        assert_eq!(asked(site, "/asks"), (before.clone(), true), "it goes on, and is asked each time");
        assert_eq!(asked(site, &format!("/asks/{way}")).0, before);
        let mut number = 0;
        let after = poll::until(Duration::from_secs(10), || {
            number += 1;
            // Large enough to go over in memory, which the process that refuses it keeps.
            let body = format!("body {number} ").repeat(3000);
            let answer = site.post("/asks", body.clone()).ok();
            let (pid, _) = answer.split_once(' ').unwrap();
            assert!(answer.ends_with(&body), "{} of {} bytes", answer.len(), body.len());
            (pid != before).then(|| pid.to_owned())
        });
        let after = after.expect("a new process serves");
        for _ in 0..20 {
            assert_eq!(asked(site, "/asks").0, after, "{way}: there is no way back");
        }
    }
}

#[trial]
fn a_script_that_always_asks_gets_a_process_a_second_at_most(site: &Site) {
    let (begun, mut pids) = (Instant::now(), std::collections::BTreeSet::new());
    while begun.elapsed() < Duration::from_millis(3500) {
        pids.insert(asked(site, "/always").0);
    }
    assert!((2..=5).contains(&pids.len()), "{} processes in 3.5 s", pids.len());
}

#[trial]
fn a_script_is_not_asked_where_reloading_is_off(site: &Site) {
    let before = asked(site, "/never/function");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(1500) {
        assert_eq!(asked(site, "/never/mtime"), (before.0.clone(), false));
    }
}

#[trial]
fn code_that_does_not_load_holds_nobody_up(site: &Site) {
    site.allow_log("re:WSGI1305|WSGI1202|SyntaxError|File \"|this is no Python| \\^");
    site.allow_tracebacks();
    write_script(site, "good");
    both_serve(site, "good");
    put_script(site, "this is no Python\n");
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(site.get("/fresh").ok(), "good");
    }
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    site.expect_log("WSGI1305");
    write_script(site, "better");
    both_serve(site, "better");
}

#[trial(threads())]
fn a_request_that_waits_too_long_is_taken_back(site: &Site) {
    site.allow_log("re:WSGI(1331|1590): ");
    site.allow_tracebacks();
    let (mut running, go) = held(site, "waits");
    let begun = Instant::now();
    // It fires by itself: the thread is still busy.
    site.get("/waits/process").expect(504);
    assert!(begun.elapsed() >= Duration::from_millis(950), "{:?}", begun.elapsed());
    go();
    running.receive(false).unwrap().ok();
    site.expect_log("WSGI1331");
    assert_eq!(site.get("/waits/process").status, 200);
}

#[trial]
fn a_group_that_starts_does_not_use_up_its_queue_timeout(site: &Site) {
    site.allow_log("re:WSGI1300: .* group late");
    // Its processes take a second and a half to start. A request may wait a second for a thread, and those that it finds then are free.
    let first = pid(site, "/late");
    processes::send(first, Signal::KILL);
    poll::wait_for("the process has gone", || processes::Process::find(first).is_none());
    let (mut one, mut other) = (site.connect(), site.connect());
    one.send(&Request::get("/late").head_bytes()).unwrap();
    other.send(&Request::get("/late").head_bytes()).unwrap();
    let served = one.receive(false).unwrap().ok();
    assert_eq!(other.receive(false).unwrap().ok(), served);
    assert_ne!(served, format!("process {first}"));
}

#[trial]
fn a_socket_that_another_has_replaced_is_made_good(site: &Site) {
    // Also later: each group looks after its sockets in its own time.
    site.server.announce("WSGI1340");
    let before = pid(site, "/single/process");
    for entry in std::fs::read_dir(site.server.files.root.join("run/mod_wsgi_rs")).unwrap() {
        let place = entry.unwrap().path();
        let beside = place.with_extension("another");
        // Nobody listens there any more when it comes to be in place.
        drop(std::os::unix::net::UnixListener::bind(&beside).unwrap());
        std::fs::rename(&beside, &place).unwrap();
    }
    site.expect_log("re:WSGI1340: process .* of group single");
    poll::wait_for("another process serves", || pid(site, "/single/process") != before);
    assert_eq!(site.get("/pair/process").status, 200);
}

#[trial]
fn a_removed_socket_is_made_good(site: &Site) {
    // Also later: each group looks after its sockets in its own time.
    site.server.announce("WSGI1340");
    let before = pid(site, "/single/process");
    for entry in std::fs::read_dir(site.server.files.root.join("run/mod_wsgi_rs")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    site.expect_log("re:WSGI1340: process .* of group single");
    poll::wait_for("another process serves", || pid(site, "/single/process") != before);
    assert_eq!(site.get("/pair/process").status, 200);
}
