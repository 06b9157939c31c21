/*! Sub-interpreters and threads: what is kept apart, and what is kept. In `reloading`: script files that change. */

mod reloading;

use crate::suite;
use crate::support::client::{Client, Request};
use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::response::Response;
use crate::support::site::Site;
use registration::trial;
use std::collections::{BTreeMap, BTreeSet};

/// The suite.
pub fn suite() -> Suite {
    suite!("interpreters", reloading)
}

fn number(response: &Response, key: &str) -> u64 {
    response.value(key).and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{key} in {response:?}"))
}

#[trial(reach(Reach::Everywhere).differs("each named group is a sub-interpreter there"))]
fn the_first_static_group_lives_in_the_main_interpreter(site: &Site) {
    let first = site.get("/first/").expect(200);
    assert_eq!((first.value("interpreter"), first.value("mod_wsgi.application_group")), (Some("0"), Some("first")));
    for target in ["/second/", "/third/", "/resource/"] {
        assert_ne!(site.get(target).expect(200).value("interpreter"), Some("0"), "{target}");
    }
}

#[trial(reach(Reach::Everywhere))]
fn groups_have_modules_of_their_own(site: &Site) {
    let mut client = site.connect();
    for (target, group) in [("/first/modules", "first"), ("/second/modules", "second"), ("/third/modules", "third")] {
        client.exchange(&Request::get(target)).unwrap().expect(200);
        let marked = client.exchange(&Request::get(target)).unwrap().ok();
        assert_eq!(marked, format!("marked={group}\n"));
    }
}

#[trial]
fn a_script_in_two_groups_is_two_modules(site: &Site) {
    let mut client = site.connect();
    let mut counts = |target: &str| {
        let response = client.exchange(&Request::get(target)).unwrap().expect(200);
        (number(&response, "module"), number(&response, "sys"))
    };
    let before = counts("/first/count");
    counts("/second/count");
    counts("/second/count");
    assert_eq!(counts("/first/count"), (before.0 + 1, before.1 + 1), "the other group's requests are not counted here");
}

#[trial(reach(Reach::Everywhere))]
fn thread_locals_survive_between_requests(site: &Site) {
    let mut expected: BTreeMap<(String, String, u64), u64> = BTreeMap::new();
    let mut clients: Vec<Client> = (0..3).map(|_| site.connect()).collect();
    for round in 0..48 {
        for group in ["first", "second"] {
            let response = clients[round % 3].exchange(&Request::get(&format!("/{group}/local"))).unwrap().expect(200);
            let key = (group.to_owned(), response.value("pid").unwrap().to_owned(), number(&response, "thread"));
            let count = number(&response, "count");
            let before = expected.insert(key, count);
            assert!(before.is_none_or(|before| before + 1 == count), "round {round}: {before:?} then {count}");
        }
    }
    assert!(expected.values().any(|count| *count > 1), "some thread served twice: {expected:?}");
}

#[trial(threads())]
fn no_request_runs_on_the_main_thread(site: &Site) {
    // The last one has an interpreter that its own request asks for, so that the request's thread would be the nearest one to make it.
    for group in ["first", "second", "fresh"] {
        let response =
            site.send(&Request::get(&format!("/{group}/threads")).header("Host", format!("{group}-threads.example"))).expect(200);
        assert_eq!((response.value("is_main"), response.value("alive")), (Some("False"), Some("True")), "{group}");
        assert_eq!(response.value("in_enumerate"), Some("True"));
    }
}

/// Requests that only answer when all of them are inside the application.
fn meet(site: &Site, targets: &[String]) {
    let mut clients: Vec<Client> = targets.iter().map(|_| site.connect()).collect();
    for (client, target) in clients.iter_mut().zip(targets) {
        client.send(&Request::get(target).head_bytes()).unwrap();
    }
    for client in &mut clients {
        assert_eq!(client.receive(false).unwrap().ok(), "met");
    }
}

#[trial(reach(Reach::Everywhere).threads())]
fn requests_run_side_by_side(site: &Site) {
    meet(site, &vec!["/first/barrier?key=one-group&parties=6".to_owned(); 6]);
}

#[trial(threads())]
fn groups_run_side_by_side(site: &Site) {
    let mut targets = vec!["/first/barrier?key=a&parties=3".to_owned(); 3];
    targets.extend(vec!["/second/barrier?key=a&parties=3".to_owned(); 3]);
    meet(site, &targets);
}

/// The names that mod_wsgi 6.1.1 offers.
const NAMES: &str = "version process_group application_group maximum_processes threads_per_process FileWrapper RequestTimeout LogHandler \
    subscribe_events subscribe_shutdown subscribe_signals request_data start_recording_metrics request_metrics process_metrics \
    server_metrics event_callbacks shutdown_callbacks signal_callbacks active_requests";

#[trial]
fn every_name_of_mod_wsgis_is_there(site: &Site) {
    for target in ["/first/module", "/second/module"] {
        let response = site.send(&Request::get(target).header("X-Names", NAMES)).expect(200);
        let there: Vec<&str> = response.value("names").unwrap().split(' ').collect();
        assert_eq!(response.value("unlisted"), Some(""), "{target}");
        for name in NAMES.split_whitespace() {
            assert!(there.contains(&name), "{name} in {target}");
        }
    }
}

#[trial(reach(Reach::Everywhere))]
fn the_modules_mod_wsgi_and_apache_are_there(site: &Site) {
    for (target, group) in [("/first/module", "first"), ("/second/module", "second")] {
        let response = site.get(target).expect(200);
        assert_eq!(response.value("version"), Some("(6, 1, 1)"));
        assert_eq!(response.value("process_group"), Some("''"));
        assert_eq!(response.value("application_group"), Some(format!("'{group}'").as_str()));
        assert_eq!(response.value("known"), Some("True"));
        let (processes, threads) = if site.setup.mpm.threaded() { ("1", "16") } else { ("8", "1") };
        assert_eq!(response.value("maximum_processes"), Some(processes));
        assert_eq!(response.value("threads_per_process"), Some(threads));
        assert_eq!(response.value("apache.mpm_name").map(str::to_lowercase), Some(format!("'{}'", site.setup.mpm.name())));
        assert!(response.value("apache.version").unwrap().starts_with("(2, 4, "));
        assert_eq!(response.value("apache.description"), Some("'Apache/'"));
        if site.setup.is_ours() {
            assert_eq!(response.value("rs_version"), Some("tuple"));
        }
    }
}

#[trial(differs("it counts those that httpd has had so far"))]
fn the_maximum_of_processes_is_what_the_configuration_allows(setup: &Setup) {
    let plan = Plan::new("interpreters.conf").define("OWN_SIZES", "1");
    let sizes = ["StartServers 1", "ThreadsPerChild 4", "MaxRequestWorkers 24", "MinSpareThreads 1", "MaxSpareThreads 24"];
    let server = Httpd::start(setup, &sizes.into_iter().fold(plan, Plan::line), "maximum");
    let response = Site::new(&server, setup).get("/first/module").expect(200);
    assert_eq!(response.value("maximum_processes"), Some("6"));
    assert_eq!(response.value("threads_per_process"), Some("4"));
}

#[trial]
fn a_child_process_can_be_run(site: &Site) {
    for group in ["first", "second"] {
        let response = site.get(&format!("/{group}/subprocess")).expect(200);
        assert_eq!((response.value("said"), response.value("status")), (Some("42"), Some("0")), "{group}: {response:?}");
    }
}

#[trial]
fn a_thread_of_the_application_runs_in_its_interpreter(site: &Site) {
    for group in ["first", "second"] {
        assert_eq!(site.get(&format!("/{group}/thread-runs")).ok(), "same=True\n", "{group}");
    }
}

#[trial(differs("the group is a sub-interpreter there, where such code misbehaves before Python 3.12"))]
fn c_code_can_call_back_in_the_main_interpreter(site: &Site) {
    // The thread that serves it has very likely served a sub-interpreter before.
    for _ in 0..8 {
        site.get("/second/").expect(200);
        assert_eq!(site.get("/first/callback").ok(), "sorted=[1, 1, 3, 4, 5]\nsame=True\n");
    }
}

/// The client chooses the Host header; each interpreter costs megabytes.
#[trial(reach(Reach::Once).differs("each port that a client names is an interpreter there"))]
fn a_host_in_all_its_spellings_is_one_interpreter(site: &Site) {
    let mut client = site.connect();
    let mut names = |target: &str, host: &str| {
        let response = client.exchange(&Request::get(target).header("Host", host)).unwrap().expect(200);
        response.value("mod_wsgi.application_group").unwrap().to_owned()
    };
    let listening = site.server.files.port;
    let named: BTreeSet<String> = (1..=60)
        .filter(|port| *port != listening)
        .flat_map(|port| [names("/resource/", &format!("x:{port}")), names("/by-host", &format!("spelt.example:{port}"))])
        .collect();
    // Of 60 ports only 80 is one that names do not show; all others become the configured one.
    let of = |text: &str| named.iter().filter(|name| name.contains(text)).count();
    assert!(of("|/resource") <= 2 && of("spelt.example") <= 2 && named.len() <= 4, "{named:?}");
    for host in ["SPELT.example", "spelt.example.", "Spelt.Example:80"] {
        assert_eq!(names("/by-host", host), "spelt.example", "{host}");
    }
    assert_eq!(names("http://Spelt.example/by-host", "other.example"), "spelt.example");
    let long = names("/by-host", "[2001:db8:0:0:0:0:0:1]");
    assert_eq!(names("/by-host", "[2001:DB8::1]"), long);
}

#[trial(reach(Reach::Once).differs("there is no bound"))]
fn groups_named_by_clients_are_bounded(setup: &Setup) {
    let server = Httpd::start(setup, &Plan::new("interpreters.conf"), "bounded");
    server.announce("re:WSGI1[0-9]+: could not create an interpreter for the application group");
    let site = Site::new(&server, setup);
    let named = |number: u32| site.send(&Request::get("/by-host").header("Host", format!("host-{number}.example"))).status;
    let statuses: Vec<u16> = (0..103).map(named).collect();
    let (good, refused): (Vec<u16>, Vec<u16>) = statuses.iter().partition(|status| **status == 200);
    assert_eq!((good.len(), statuses[..100].iter().all(|s| *s == 200)), (100, true), "{statuses:?}");
    assert!(refused.iter().all(|status| *status == 503), "{refused:?}");
    site.expect_log("re:WSGI1[0-9]+.*100");
    assert_eq!(named(3), 200, "a group that exists goes on");
    site.get("/second/").expect(200);
}
