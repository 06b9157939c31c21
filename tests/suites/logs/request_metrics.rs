/*! `mod_wsgi.start_recording_metrics`, `process_metrics` and `request_metrics`: what a process tells of its requests. Most of it is tried on mod_wsgi, too. */

use crate::suite;
use crate::support::client::Request;
use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::{Mode, Reach, Setup, Suite};
use crate::support::poll;
use crate::support::response::Response;
use crate::support::site::Site;
use registration::trial;

/// The suite.
pub fn suite() -> Suite {
    suite!("request_metrics").in_both_modes()
}

fn number(response: &Response, key: &str) -> f64 {
    response.value(key).and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{key} in {response:?}"))
}

/// The numbers of a list.
fn numbers(response: &Response, key: &str) -> Vec<f64> {
    let list = response.value(key).unwrap_or_else(|| panic!("{key} in {response:?}"));
    list.trim_matches(['[', ']']).split(", ").map(|item| item.parse().unwrap()).collect()
}

/// Makes sure that requests are recorded, and forgets what was.
fn record(site: &Site) {
    site.get("/start").ok();
    site.get("/forget").ok();
}

/// What was recorded since then, when there is at least as much as is wanted.
fn total(site: &Site, enough: impl Fn(&Response) -> bool) -> Response {
    poll::until(poll::SOON, || Some(site.get("/total").expect(200)).filter(|response| enough(response)))
        .unwrap_or_else(|| panic!("in vain: {:?}", site.get("/total")))
}

#[trial]
fn nobody_is_told_before_recording_begins(setup: &Setup) {
    let server = Httpd::start(setup, &Plan::new("request_metrics.conf"), "request-metrics-off");
    let site = Site::new(&server, setup);
    assert_eq!(site.get("/requests").ok(), "None");
    assert_eq!(site.get("/process").ok(), "None");
    // Once or twice: it is all the same, and forgets nothing.
    for _ in 0..2 {
        assert_eq!(site.get("/start").ok(), "None");
    }
    assert_ne!(site.get("/requests").ok(), "None");
    assert_ne!(site.get("/process").ok(), "None");
}

#[trial(differs("it counts the requests before, too"))]
fn requests_are_counted_from_then_on(setup: &Setup) {
    let server = Httpd::start(setup, &Plan::new("request_metrics.conf"), "request-metrics-begin");
    let site = Site::new(&server, setup);
    for _ in 0..3 {
        site.get("/status").ok();
    }
    site.get("/start").ok();
    let metrics = site.get("/process").expect(200);
    assert_eq!((metrics.value("request_count"), metrics.value("active_requests")), (Some("0"), Some("1")), "{metrics:?}");
}

/// What mod_wsgi 6.1.1 tells, by `request_metrics()`; each of `PHASES` has four values.
const KEYS: &str = "capacity_utilization cpu_system_time cpu_system_utilization cpu_time cpu_user_time cpu_user_utilization cpu_utilization \
    gil_wait_count input_bytes input_reads memory_max_rss memory_rss output_bytes output_writes pid request_count request_threads_active \
    request_threads_buckets request_threads_busy_time request_threads_completed request_threads_cpu_time request_threads_current_elapsed \
    request_threads_max_duration request_threads_maximum request_threads_started request_throughput sample_period start_time status_1xx \
    status_2xx status_3xx status_4xx status_5xx stop_time";
const PHASES: [&str; 8] = ["application", "daemon", "gil_wait", "input_read", "output_write", "queue", "request", "server"];
const PROCESS_KEYS: &str = "active_requests cpu_system_time cpu_time cpu_user_time current_time memory_max_rss memory_rss pid request_busy_time \
    request_count request_threads restart_time running_time threads";

fn keys(response: &Response) -> Vec<String> {
    response.text().lines().filter_map(|line| line.split_once('=')).map(|(key, _)| key.to_owned()).collect()
}

#[trial]
fn every_name_of_mod_wsgis_is_there(site: &Site) {
    record(site);
    let phases = PHASES.iter().flat_map(|phase| ["", "_buckets", "_max_us", "_min_us"].map(|end| format!("{phase}_time{end}")));
    let mut all: Vec<String> = KEYS.split_whitespace().map(str::to_owned).chain(phases).collect();
    all.sort();
    let metrics = poll::until(poll::SOON, || {
        record(site);
        Some(site.get("/requests").expect(200)).filter(|response| response.text() != "None")
    });
    let metrics = metrics.expect("request_metrics()");
    assert_eq!(keys(&metrics), all);
    for phase in PHASES {
        assert_eq!(numbers(&metrics, &format!("{phase}_time_buckets")).len(), 65, "{phase}");
    }
    let there = site.setup.mode == Mode::Daemon;
    for phase in ["queue_time", "daemon_time"] {
        assert_eq!(metrics.value(phase) != Some("null"), there, "{phase} in {metrics:?}");
    }
}

#[trial(threads())]
fn requests_are_counted_in_one_interval(site: &Site) {
    record(site);
    site.get("/status?404+Not+Found").expect(404);
    site.get("/status?404+Not+Found").expect(404);
    site.get("/status?302+Found").expect(302);
    site.get("/raises").expect(500);
    site.allow_tracebacks();
    site.expect_log("RuntimeError: of the application");
    site.allow_log("re:WSGI[0-9]+: ");
    assert_eq!(site.post("/read?201+Made", "0123456789").expect(201).text(), "0123456789");
    let all = |response: &Response| {
        ["status_3xx", "status_4xx", "status_5xx"].map(|key| number(response, key)) == [1.0, 2.0, 1.0]
            && number(response, "input_bytes") == 10.0
    };
    let metrics = total(site, all);
    assert!(number(&metrics, "input_reads") >= 1.0);
    let count = number(&metrics, "request_count");
    let (ours, statuses) = (number(&metrics, "status_2xx"), 4.0);
    assert_eq!(ours + statuses, count, "{metrics:?}");
    for list in ["request_threads_completed", "request_time_buckets", "application_time_buckets", "server_time_buckets"] {
        assert_eq!(numbers(&metrics, list).iter().sum::<f64>(), count, "{list} in {metrics:?}");
    }
    assert_eq!(numbers(&metrics, "request_threads_completed").len(), 16);
    // All that was told of is not told of again.
    record(site);
    let metrics = total(site, |response| number(response, "request_count") > 0.0);
    assert_eq!(["status_3xx", "status_4xx", "status_5xx", "input_bytes"].map(|key| number(&metrics, key)), [0.0; 4]);
}

#[trial(threads())]
fn their_times_are_sorted_by_length(site: &Site) {
    record(site);
    site.get("/busy").ok();
    let metrics = total(site, |response| number(response, "application_time_max_us") >= 50_000.0);
    assert!(number(&metrics, "application_time_min_us") < 50_000.0, "{metrics:?}");
    assert!(number(&metrics, "request_time_max_us") >= number(&metrics, "application_time_max_us"), "{metrics:?}");
    for list in ["application_time_buckets", "request_time_buckets"] {
        let buckets = numbers(&metrics, list);
        // 50 ms is in the part of an octave that begins with 48 ms: the third of the sixth.
        assert_eq!(buckets[22..].iter().filter(|count| **count > 0.0).count(), 1, "{list} in {metrics:?}");
    }
    assert!(numbers(&metrics, "request_threads_cpu_time").iter().sum::<f64>() >= 0.03, "{metrics:?}");
    assert!(numbers(&metrics, "request_threads_max_duration").iter().any(|time| *time >= 0.05), "{metrics:?}");
    assert!(numbers(&metrics, "request_threads_busy_time").iter().sum::<f64>() >= 0.05, "{metrics:?}");
}

#[trial(threads())]
fn a_request_that_runs_is_shown(site: &Site) {
    record(site);
    let mut waiting = site.connect();
    waiting.send(&Request::get("/wait").head_bytes()).unwrap();
    poll::wait_for("two requests are active", || number(&site.get("/process").expect(200), "active_requests") >= 2.0);
    poll::wait_for("its time is shown", || {
        let metrics = site.get("/requests").expect(200);
        let running = numbers(&metrics, "request_threads_current_elapsed");
        running.iter().any(|elapsed| *elapsed >= 0.1) && numbers(&metrics, "request_threads_busy_time").iter().sum::<f64>() > 0.0
    });
    site.get("/release").ok();
    waiting.receive(false).unwrap().ok();
    poll::wait_for("it is no longer active", || number(&site.get("/process").expect(200), "active_requests") == 1.0);
}

#[trial(reach(Reach::Everywhere))]
fn the_process_is_described(site: &Site) {
    let metrics = poll::until(poll::SOON, || {
        record(site);
        Some(site.get("/process").expect(200)).filter(|response| response.text() != "None")
    });
    let metrics = metrics.expect("process_metrics()");
    assert_eq!(keys(&metrics), PROCESS_KEYS.split_whitespace().collect::<Vec<_>>());
    let pid = metrics.value("pid").unwrap();
    assert!(std::path::Path::new("/proc").join(pid).exists(), "{pid}");
    let value = |key: &str| number(&metrics, key);
    assert!(value("memory_rss") > 1e6 && value("memory_max_rss") > 1e6, "{metrics:?}");
    assert!((value("cpu_user_time") + value("cpu_system_time") - value("cpu_time")).abs() < 0.001, "{metrics:?}");
    assert!(value("cpu_time") > 0.0 && value("restart_time") < value("current_time"), "{metrics:?}");
    assert!((value("current_time") - value("restart_time") - value("running_time")).abs() <= 1.01, "{metrics:?}");
    assert!(metrics.value("threads").unwrap().contains("[{\"thread_id\": "), "{metrics:?}");
}
