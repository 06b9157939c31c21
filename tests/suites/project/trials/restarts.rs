/*! Trials B: restarts and deployments under load, which no request may notice. *Runs in: tests.* */

use super::field::{Field, Who, at_most, fact, long};
use crate::support::client::{Client, Request};
use crate::support::load::{self, Stream, Tally, nothing_failed};
use crate::support::matrix::Setup;
use crate::support::poll;
use crate::support::processes;
use crate::support::response::Response;
use rustix::process::Signal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Waits until `count` more requests were served.
fn served_more(progress: &load::Progress, count: usize) {
    let until = progress.served() + count;
    poll::wait_for("requests that are served", || progress.served() >= until);
}

/// The streams whose gaps are compared: httpd's own, and ours of the same kinds.
fn compared(clients: usize) -> Vec<Stream> {
    let kinds = |target: &str| [Stream::kept(clients, target), Stream::fresh(clients.div_ceil(2), target)];
    [kinds("/floor"), kinds("/app/who")].concat()
}

/// Compares the first four streams with httpd's own files: no more closures, and no gap beyond httpd's longest.
fn no_worse_than_httpd(tallies: &[Tally]) {
    let [floor_kept, floor_fresh, kept, fresh] = &tallies[..4] else { panic!("four streams") };
    let gap = floor_kept.gap.max(floor_fresh.gap);
    let ours = kept.gap.max(fresh.gap);
    // Under a full test run, ten other servers take their share of the processors in between.
    let more = Duration::from_millis(if long() { 20 } else { 400 });
    fact(format!(
        "longest gap {} ms, httpd's own file {} ms; {} kept connections closed, httpd's own file {}",
        ours.as_millis(),
        gap.as_millis(),
        kept.closures,
        floor_kept.closures
    ));
    assert!(ours <= gap + more, "the longest gap was {ours:?}, of httpd's own file {gap:?}");
    // Which connections a restart closes is chance: the rates are compared, with room for it.
    let rate = |tally: &Tally| tally.closures * 1000 / (tally.served + 1);
    assert!(
        kept.closures <= 2 * floor_kept.closures + kept.closures.isqrt() * 3 + 10 || rate(kept) <= rate(floor_kept),
        "{} kept connections were closed, of httpd's own file {}",
        kept.closures,
        floor_kept.closures
    );
}

fn served(tallies: &[Tally]) -> usize {
    tallies.iter().map(|tally| tally.served).sum()
}

fn failed(tallies: &[Tally]) -> usize {
    tallies.iter().map(|tally| tally.failed.len()).sum()
}

/// B1: graceful restarts under kept and new connections, long requests and uploads.
pub fn graceful_restarts_lose_no_request(setup: &Setup) {
    let (clients, pause) = if long() { (120, 2000) } else { (12, 300) };
    let field = Field::start_with(setup, "graceful", "processes=2 threads=40", |plan| {
        if long() { plan.define("SERVERS", "64").define("WORKERS", "2048") } else { plan }
    });
    let mut streams = compared(clients);
    let request = if long() { "/app/sleep?for=5" } else { "/app/sleep?for=3" };
    streams.push(Stream::kept(if long() { 16 } else { 4 }, request));
    streams.push(Stream::uploads(if long() { 4 } else { 2 }, "/app/upload", 2_000_000).pause(Duration::from_millis(100)));
    let end = Instant::now() + Duration::from_secs(600);
    let mut restarts = 0;
    let tallies = load::run(field.server.files.port, &streams, &load::any, |progress| {
        served_more(progress, 20);
        while if long() { Instant::now() < end } else { restarts < 20 } {
            field.server.graceful();
            restarts += 1;
            // The rhythm of the restarts: some meet requests of the generation before the last one.
            poll::let_pass(Duration::from_millis(pause));
            served_more(progress, 20);
        }
    });
    fact(format!("{restarts} restarts, {} requests, {} failed", served(&tallies), failed(&tallies)));
    nothing_failed(&tallies);
    no_worse_than_httpd(&tallies);
    poll::wait_for("the processes of the old generations have gone", || field.loaded().len() <= 2 + 1);
}

/// B2: restarts without load leave nothing behind in the parent.
pub fn idle_restarts_leave_nothing_behind(setup: &Setup) {
    let (first, count) = if long() { (20, 2000) } else { (10, 40) };
    let field = Field::start(setup, "idle-restarts", "processes=1 threads=3");
    let pid = field.server.pid();
    let size = || (processes::anonymous_memory(pid) / 1024, processes::descriptors(pid), processes::mappings(pid));
    let restart = |times: usize| {
        for _ in 0..times {
            field.server.graceful();
        }
    };
    restart(first);
    let before = size();
    restart(count);
    let after = size();
    fact(format!(
        "{count} restarts: {} KiB more memory, descriptors {} then {}",
        after.0 as i64 - before.0 as i64,
        before.1,
        after.1
    ));
    field.recovers_within(Duration::from_secs(10));
    field.others_serve();
    assert_eq!(before.1, after.1, "descriptors of the parent");
    assert!(after.2 <= before.2 + 2, "mappings of the parent: {} then {}", before.2, after.2);
    let allowed = u64::try_from(count).unwrap() + 512;
    assert!(after.0 <= before.0 + allowed, "the parent grew from {} to {} KiB", before.0, after.0);
    poll::wait_for("one generation is left", || field.loaded().len() == 1);
}

/// B3 with several processes: rolling, and never back to old code.
pub fn new_code_comes_without_a_failed_request(setup: &Setup) {
    deployments(setup, 4);
}

/// B3 with a single process.
pub fn new_code_for_one_process_comes_without_a_failed_request(setup: &Setup) {
    deployments(setup, 1);
}

fn deployments(setup: &Setup, processes: usize) {
    let field = Field::start(setup, "deployments", &format!("processes={processes} threads=8"));
    poll::wait_for("all processes have loaded the application", || field.loaded().len() == processes);
    // From when on which version must answer: since the last process of the one before has gone.
    let swaps: Mutex<Vec<(Instant, usize)>> = Mutex::default();
    let accept = |response: &Response, begun: Instant| {
        let Some(who) = Who::of(response.text()) else { return Ok(()) };
        let swaps = swaps.lock().unwrap();
        match swaps.iter().rfind(|(since, _)| *since <= begun) {
            Some((_, least)) if who.version < *least => Err(format!("version {} after {least}", who.version)),
            _ => Ok(()),
        }
    };
    let streams = [Stream::kept(4, "/app/who"), Stream::fresh(2, "/app/who"), Stream::kept(2, "/app/sleep?for=1")];
    let done = AtomicBool::new(false);
    let mut slowest = Duration::ZERO;
    let (tallies, fewest) = std::thread::scope(|scope| {
        let fewest = scope.spawn(|| fewest_ready(&field, &done));
        let tallies = load::run(field.server.files.port, &streams, &accept, |progress| {
            for version in 1..=if long() { 20 } else { 5 } {
                served_more(progress, 20);
                field.deploy(version);
                let begun = Instant::now();
                let all_new = || {
                    let loaded = field.loaded();
                    loaded.len() == processes && loaded.iter().all(|(_, has)| *has == version)
                };
                assert!(
                    poll::until(Duration::from_secs(30), || all_new().then_some(())).is_some(),
                    "version {version} does not serve alone: {:?}",
                    field.loaded()
                );
                slowest = slowest.max(begun.elapsed());
                swaps.lock().unwrap().push((Instant::now(), version));
                served_more(progress, 20);
            }
        });
        done.store(true, Ordering::Release);
        (tallies, fewest.join().unwrap())
    });
    fact(format!(
        "{} requests, {} failed; never fewer than {fewest} of {processes} processes ready; new code alone after at most {} ms",
        served(&tallies),
        failed(&tallies),
        slowest.as_millis()
    ));
    nothing_failed(&tallies);
    assert!(fewest >= processes.saturating_sub(1).max(1), "only {fewest} of {processes} processes were ready");
}

/// The fewest processes with the application loaded that there were at any moment.
fn fewest_ready(field: &Field<'_>, done: &AtomicBool) -> usize {
    let mut fewest = usize::MAX;
    while !done.load(Ordering::Acquire) {
        fewest = fewest.min(field.loaded().len());
        poll::let_pass(Duration::from_millis(5));
    }
    fewest
}

/// B4: code that does not load never takes the place of code that does.
pub fn broken_code_is_not_deployed(setup: &Setup) {
    let field = Field::start(setup, "broken", "processes=2 threads=8 startup-timeout=7");
    // A process of the first start that finds broken code serves its 500: both have to have the good code before it is broken.
    let whole = poll::until(Duration::from_secs(30), || {
        field.who();
        (field.loaded().len() == 2).then_some(())
    });
    assert!(whole.is_some(), "both processes have loaded the first version: {:?}", field.loaded());
    let broken = [
        ("a syntax error", "def application(:\n".to_owned(), "SyntaxError"),
        (
            "an import error",
            format!("import no_such_module_here\n{}", super::field::source(8)),
            "No module named 'no_such_module_here'",
        ),
        ("a hang at import", format!("import time\ntime.sleep(60)\n{}", super::field::source(9)), "startup-timeout"),
    ];
    let site = field.site();
    if setup.is_ours() {
        site.allow_tracebacks();
        site.allow_log("re:WSGI1|SyntaxError|ModuleNotFoundError|^.*def application");
    }
    let streams = [Stream::kept(4, "/app/who"), Stream::fresh(2, "/app/who")];
    let tallies = load::run(field.server.files.port, &streams, &load::any, |progress| {
        for (number, (what, text, said)) in broken.iter().enumerate() {
            field.deploy_text(text);
            if setup.is_ours() {
                site.expect_log(said);
            } else {
                // What another server says of it is not known here, and it may say nothing: it has this long to take the broken code up.
                poll::let_pass(Duration::from_secs(3));
            }
            served_more(progress, 200);
            let good = number + 1;
            field.deploy(good);
            let recovered = poll::until(Duration::from_secs(30), || {
                let loaded = field.loaded();
                (loaded.len() == 2 && loaded.iter().all(|(_, has)| *has == good)).then_some(())
            });
            assert!(recovered.is_some(), "after {what} the next good version does not serve: {:?}", field.loaded());
        }
    });
    fact(format!("{} requests, {} failed", served(&tallies), failed(&tallies)));
    nothing_failed(&tallies);
    assert_eq!(field.who().version, broken.len());
    if let Err(why) = site.settle() {
        panic!("{why}");
    }
}

/// `maximum-requests` under load.
pub fn recycling_loses_no_request(setup: &Setup) {
    let field = Field::start(setup, "recycling", "processes=2 threads=8 maximum-requests=50");
    // Processes that last for fifty requests are replaced more often than the supervisor starts them without a word.
    field.server.announce("re:WSGI1371: ");
    let pids = Mutex::new(std::collections::BTreeSet::new());
    let note = |response: &Response, _: Instant| {
        if let Some(who) = Who::of(response.text()) {
            pids.lock().unwrap().insert(who.pid);
        }
        Ok(())
    };
    let mut streams = compared(4);
    streams.push(Stream::kept(2, "/app/sleep?for=1"));
    let tallies = load::run(field.server.files.port, &streams, &note, |progress| {
        let until = Instant::now() + Duration::from_secs(if long() { 60 } else { 6 });
        while Instant::now() < until {
            served_more(progress, 20);
        }
    });
    let pids = pids.into_inner().unwrap().len();
    fact(format!("{pids} processes served {} requests; longest gap {} ms", served(&tallies[2..]), tallies[2].gap.as_millis()));
    nothing_failed(&tallies);
    // A dozen processes start in each second of this: what is left of the processors makes requests wait, not their number.
    let gap = tallies[2].gap.max(tallies[3].gap);
    assert!(
        gap < tallies[0].gap + at_most(Duration::from_secs(1)),
        "the longest gap was {gap:?}, of httpd's own file {:?}",
        tallies[0].gap
    );
    assert_eq!(tallies[2].closures, 0, "a process that is replaced closes no client's connection");
    assert!(pids > 5, "only {pids} processes served");
}

/// B6: a stop lets requests finish until the limit, and an idle server stops at once.
pub fn a_stop_waits_for_requests_and_for_nothing_else(setup: &Setup) {
    let mut field = Field::start(setup, "stop-busy", "threads=4 shutdown-timeout=2");
    let mut client = Client::connect(field.server.files.port).unwrap();
    client.send(&Request::get("/app/gate?name=stop").header("Connection", "close").head_bytes()).unwrap();
    field.wait_for_note("begun-stop");
    // A graceful stop is what lets httpd's own children finish.
    field.server.signal(Signal::WINCH);
    poll::wait_for("no new connection is accepted", || Client::connect(field.server.files.port).is_err());
    field.open_gate("stop");
    let begun = Instant::now();
    let response = client.receive(false).map_err(|error| format!("the request in flight was lost: {error}"));
    response.unwrap_or_else(|why| panic!("{why}")).ok();
    poll::wait_for("httpd has ended", || field.server.has_ended());
    assert!(begun.elapsed() < at_most(Duration::from_secs(5)), "the graceful stop took {:?}", begun.elapsed());
    field.server.stop().unwrap();
}

/// B6: fifty idle groups.
pub fn fifty_idle_groups_stop_at_once(setup: &Setup) {
    let groups = 50;
    let mut field = Field::start_with(setup, "fifty-groups", "threads=2", |plan| {
        (0..groups).fold(plan, |plan, number| {
            let alias = "\"${APPS}/where.wsgi\" application-group=%{GLOBAL}";
            plan.line(&format!("WSGIDaemonProcess idle{number} threads=2 python-path=\"${{APPS}}/lib\""))
                .line(&format!("WSGIScriptAlias /idle{number} {alias} process-group=idle{number}"))
        })
    });
    field.who();
    let all = || processes::descendants(field.server.pid()).len();
    let started = poll::until(Duration::from_secs(60), || (all() >= groups + 2).then_some(()));
    assert!(started.is_some(), "{} processes run", all());
    // Until all of them idle: what starts cannot be called idle.
    let quiet = || processes::descendants(field.server.pid()).iter().all(|process| processes::is_quiet(process.pid));
    let mut in_a_row = 0;
    poll::until(Duration::from_secs(60), || {
        in_a_row = if quiet() { in_a_row + 1 } else { 0 };
        (in_a_row == 20).then_some(())
    });
    let begun = Instant::now();
    field.server.stop().unwrap();
    let took = begun.elapsed();
    fact(format!("{groups} idle groups stopped in {} ms", took.as_millis()));
    let limit = if long() { 1000 } else { 2500 };
    assert!(took < Duration::from_millis(limit), "the stop took {took:?}");
}
