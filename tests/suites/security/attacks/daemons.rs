/*! Attacks by a daemon process that belongs to its attacker from the first byte on (`tests/apps/attacker`): there is no engine in it. Each attack has a group of
its own, with one process, on a server that all attacks of a kind share. *Runs in: tests.* */

use super::siege::{Siege, ask};
use super::table::{By, Row};
use crate::suites::security::privileges::other_user;
use crate::support::client::{Client, Request};
use crate::support::httpd::Plan;
use crate::support::installation::server_user;
use crate::support::poll;
use crate::support::site::Site;
use std::time::Duration;

/// Options of a group that attacks.
const OPTIONS: &str = "threads=2 socket-timeout=2 connect-timeout=3 queue-timeout=3 request-timeout=4 startup-timeout=5 \
                       shutdown-timeout=2 listen-backlog=4";

/// The server of one kind of attacks: a group for each of them.
pub fn plan(rows: &[Row]) -> Plan {
    let mut plan = Plan::new("attacks.conf")
        .define("OWN_GROUPS", "1")
        .define("OWN_SIZES", "1")
        // What is said of attackers is theirs to bring about. What must not be there each attack looks for.
        .announce("re:WSGI1[0-9]{3}: ")
        .announce("re:forged-line|output of an attacker|\\] (one|begun|x+|.*red)$");
    if server_user().is_some() && rows.iter().any(|row| row.by == By::Tenant) {
        plan = plan.define("TENANT", other_user().0);
    }
    let user = if server_user().is_some() { format!("user={}", other_user().0) } else { String::new() };
    for name in rows.iter().filter(|row| row.by == By::Daemon).map(|row| row.name) {
        plan = plan
            .line(&format!("WSGIDaemonProcess {name} python=${{APPS}}/attacker/python {user} {OPTIONS} display-name={name}"))
            .line(&format!(
                "WSGIScriptAlias /attack/{name} \"${{APPS}}/where.wsgi\" process-group={name} application-group=%{{GLOBAL}}"
            ));
    }
    plan
}

/// How long a group may take until it serves again: what its processes have done makes the supervisor wait between the starts.
const PATIENCE: Duration = Duration::from_secs(60);

/// The page of the group that is not attacked by its own process.
pub const VICTIM: &str = "/victim";

/// The attack is a request's: `statuses` that the attacker's own client may get; 0 stands for a connection that ends.
#[track_caller]
pub fn asked(site: &Site, name: &str, statuses: &[u16]) {
    attacked(site, &Request::get(&format!("/attack/{name}")), name, statuses);
}

/// The same with a body that is larger than what is sent unasked.
#[track_caller]
pub fn posted(site: &Site, name: &str, statuses: &[u16]) {
    attacked(site, &Request::post(&format!("/attack/{name}"), vec![b'x'; 2_000_000]), name, statuses);
}

#[track_caller]
fn attacked(site: &Site, request: &Request, name: &str, statuses: &[u16]) {
    let siege = Siege::lay(site, VICTIM);
    let (status, response) = ask(site, request);
    assert!(statuses.contains(&status), "{name}: {status} is none of {statuses:?}: {response:?}");
    siege.lift();
}

/// The attack is a request's, whose answer must be cut so that it shows.
#[track_caller]
pub fn cut(site: &Site, name: &str) {
    let siege = Siege::lay(site, VICTIM);
    let (status, response) = ask(site, &Request::get(&format!("/attack/{name}")));
    let whole = response.as_ref().is_some_and(|response| response.complete && status == 200);
    assert!(!whole, "{name}: the client takes it for a whole response: {response:?}");
    siege.lift();
}

/// On one client's connection, what follows the attack is the victim's own answer, or nothing.
#[track_caller]
pub fn followed(site: &Site, name: &str) {
    let siege = Siege::lay(site, VICTIM);
    let mut client = site.connect();
    if let Ok(first) = client.exchange(&Request::get(&format!("/attack/{name}"))) {
        assert!(first.header_lines("X-Injected").is_empty(), "{first:?}");
        assert!(first.interim.is_empty(), "an interim response was sent: {first:?}");
        if let Ok(next) = client.exchange(&Request::get(VICTIM)) {
            assert!(next.header_lines("X-Injected").is_empty() && !next.text().contains("injected"), "{next:?}");
            assert!(next.text().contains("mod_wsgi.process_group=victim"), "the victim's page is its own: {next:?}");
        }
    }
    siege.lift();
}

/// Several clients at a time ask for the attack, as many as would take all workers of a small server, and a few more.
#[track_caller]
pub fn crowded(site: &Site, name: &str, statuses: &[u16]) {
    let siege = Siege::lay(site, VICTIM);
    let target = format!("/attack/{name}");
    let port = site.server.files.port;
    let clients: Vec<_> = std::iter::repeat_with(|| {
        let target = target.clone();
        std::thread::spawn(move || {
            let request = Request::get(&target).header("Connection", "close");
            Client::connect(port).and_then(|mut client| client.exchange(&request)).map_or(0, |response| response.status)
        })
    })
    .take(40)
    .collect();
    for client in clients {
        let status = client.join().unwrap();
        assert!(statuses.contains(&status), "{name}: {status} is none of {statuses:?}");
    }
    siege.lift();
}

/// The attack begins with a request, and goes on for as long as `going_on` needs.
#[track_caller]
pub fn begun(site: &Site, name: &str, going_on: Duration) {
    let siege = Siege::lay(site, VICTIM);
    let (status, response) = ask(site, &Request::get(&format!("/attack/{name}")));
    assert!([200, 502, 503, 504, 0].contains(&status), "{name}: {response:?}");
    poll::let_pass(going_on);
    siege.lift();
}

/// The attack is the end of its process: another one takes its place.
#[track_caller]
pub fn replaced(site: &Site, name: &str, going_on: Duration) {
    let process = || {
        let (status, response) = ask(site, &Request::get(&format!("/attack/{name}/pid")));
        response.filter(|_| status == 200).and_then(|response| response.text().parse::<i32>().ok())
    };
    let before = poll::until(PATIENCE, process).unwrap_or_else(|| panic!("{name}: its process does not serve"));
    begun(site, name, going_on);
    poll::until(PATIENCE, || process().filter(|pid| *pid != before))
        .unwrap_or_else(|| panic!("{name}: {before} was not replaced"));
}

/// The attack disturbs its own group, which serves again.
#[track_caller]
pub fn recovered(site: &Site, name: &str, going_on: Duration) {
    begun(site, name, going_on);
    let serves = || (ask(site, &Request::get(&format!("/attack/{name}/pid"))).0 == 200).then_some(());
    poll::until(PATIENCE, serves).unwrap_or_else(|| panic!("{name}: the group does not serve again"));
}

/// The attacker tries what must be refused, and says what was not.
#[track_caller]
pub fn refused(site: &Site, name: &str) {
    if server_user().is_none() {
        site.setup.skip("the suites do not run as root, so every process is of one user");
    }
    let siege = Siege::lay(site, VICTIM);
    assert_eq!(site.get(&format!("/attack/{name}")).ok(), "refused", "{name}");
    siege.lift();
}

/// After the attack on the table requests to the group end in some way, and the victim's are served.
#[track_caller]
pub fn scribbled(site: &Site, name: &str) {
    let siege = Siege::lay(site, VICTIM);
    let target = format!("/attack/{name}");
    for _ in 0..4 {
        let (status, response) = ask(site, &Request::get(&target));
        assert!([200, 500, 502, 503, 504, 0].contains(&status), "{name}: {response:?}");
    }
    siege.lift();
}

/// The attack begins with the process: the server has started, and the group's own clients get no answer, or some.
#[track_caller]
pub fn starting(site: &Site, name: &str) {
    asked(site, name, &[200, 502, 503, 504, 0]);
}

/// The attack comes with the second request of one connection to the attacker's process, for whose memory the first one has asked.
#[track_caller]
pub fn remembered(site: &Site, name: &str) {
    let siege = Siege::lay(site, VICTIM);
    let request = Request::get(&format!("/attack/{name}"));
    for _ in 0..2 {
        // The group's process may not be there yet: the attack begins with an answer of its own.
        let answer = || Some(ask(site, &request)).filter(|(status, _)| *status != 503);
        let (status, response) = poll::until(PATIENCE, answer).unwrap_or_else(|| panic!("{name}: its process does not serve"));
        assert!([200, 502, 0].contains(&status), "{name}: {response:?}");
        assert!(response.is_none_or(|response| response.body != b"resized"), "{name}: the memory was made shorter");
    }
    siege.lift();
}
