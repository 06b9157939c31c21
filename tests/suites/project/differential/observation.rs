/*! What a client sees of an answer, without what differs from one run to the next (ports, numbers, addresses, times). */

use super::probes::Probe;
use crate::support::client::Client;
use crate::support::response::{Framing, latin1};
use crate::support::site::Site;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

/// What was seen, by aspect: `status`, `headers`, `end`, `body`, or `body:key` where the body has lines of `key=value`.
#[derive(Clone, Debug, Default)]
pub struct Observation(BTreeMap<String, String>);

impl Observation {
    /// The aspects in which two observations differ, with what each saw. Of answers with different statuses the rest says nothing.
    pub fn differences(&self, other: &Self) -> Vec<(String, String, String)> {
        let status = "status".to_owned();
        let names: BTreeSet<&String> = if self.0.get(&status) == other.0.get(&status) {
            self.0.keys().chain(other.0.keys()).collect()
        } else {
            BTreeSet::from([&status])
        };
        let value = |of: &Self, name: &String| of.0.get(name).cloned().unwrap_or_else(|| "-".to_owned());
        names
            .into_iter()
            .map(|name| (name.clone(), value(self, name), value(other, name)))
            .filter(|(_, left, right)| left != right)
            .collect()
    }
}

/// An answer that has not come by then is none.
const PATIENCE: Duration = Duration::from_secs(4);

/// Sends a request and notes what comes.
pub fn observe(site: &Site, probe: &Probe) -> Observation {
    let files = site.path("files");
    std::fs::write(files.join("probe.bin"), (0..2000).map(|n| b'a' + (n % 26) as u8).collect::<Vec<u8>>()).unwrap();
    std::fs::write(files.join("empty.bin"), "").unwrap();
    let mut seen = Observation::default();
    let answer = Client::connect_with(site.server.files.port, PATIENCE)
        .and_then(|mut client| client.send(&probe.request(&files.display().to_string()).bytes()).map(|()| client))
        .and_then(|mut client| client.receive(probe.is_head()));
    let response = match answer {
        Ok(response) => response,
        Err(_) => {
            seen.0.insert("status".to_owned(), "no whole answer came".to_owned());
            return seen;
        }
    };
    seen.0.insert("status".to_owned(), format!("{} {}", response.status, response.reason));
    let framing = match response.framing {
        Framing::Length(_) => "length",
        Framing::Chunked => "chunked",
        Framing::Close => "close",
        Framing::Nothing => "none",
    };
    seen.0.insert("framing".to_owned(), framing.to_owned());
    seen.0.insert("end".to_owned(), if response.complete { "whole" } else { "cut" }.to_owned());
    let headers: Vec<String> = response
        .headers
        .iter()
        .filter(|(name, _)| {
            !["Date", "Server", "Transfer-Encoding", "Content-Length", "Connection", "Keep-Alive"].contains(&name.as_str())
        })
        .map(|(name, value)| format!("{name}: {}", latin1(value)))
        .collect();
    seen.0.insert("headers".to_owned(), headers.join("; "));
    let root = site.server.files.root.display().to_string();
    // The run's directory has a process number in its name, which may be that of a port.
    let run = site.setup.run.workdir.path().display().to_string();
    body(&normal(&latin1(&response.body).replace(&root, "ROOT").replace(&run, "RUN"), site), &mut seen);
    seen
}

fn body(text: &str, seen: &mut Observation) {
    let lines: Vec<Option<(&str, &str)>> = text.lines().map(|line| line.split_once('=')).collect();
    if lines.is_empty() || lines.iter().any(Option::is_none) || text.starts_with('<') {
        seen.0.insert("body".to_owned(), text.to_owned());
        return;
    }
    for (key, value) in lines.into_iter().flatten() {
        seen.0.insert(format!("body:{}", key.replace(' ', "-")), value.to_owned());
    }
}

/// What changes from run to run, and what stands for it.
static CHANGING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"0x[0-9a-f]{6,}", "ADDRESS"),
        (r"\b(pid|thread|mod_wsgi\.server_pid|mod_wsgi\.thread_id)=((str|int) )?'?[0-9]+'?", "$1=NUMBER"),
        (r"(REMOTE_PORT|mod_wsgi\.request_id|mod_wsgi\.connection_id)=(str )?'[^']*'", "$1=CHANGES"),
        (r"=float [0-9.]+", "=float TIME"),
        (r"(interpreter)=[1-9][0-9]*", "$1=SUB"),
    ]
    .map(|(pattern, stands)| (Regex::new(pattern).expect("a literal pattern"), stands))
    .into()
});

fn normal(text: &str, site: &Site) -> String {
    let text = text.replace(&site.server.files.port.to_string(), "PORT");
    CHANGING.iter().fold(text, |text, (pattern, stands)| pattern.replace_all(&text, *stands).into_owned())
}
