/*! The requests of `tests/probes.txt`. */

use crate::support::client::Request;

/// One request with its name.
#[derive(Clone, Debug)]
pub struct Probe {
    /// As it stands in the table of differences.
    pub name: String,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl Probe {
    /// The request, with `$FILE` and `$EMPTY` replaced by paths below `files`.
    pub fn request(&self, files: &str) -> Request {
        let target = self.target.replace("$FILE", &format!("{files}/probe.bin")).replace("$EMPTY", &format!("{files}/empty.bin"));
        let body = self.body.as_ref().map(|body| body.replace("$LONG", &"x".repeat(2000)));
        let chunked = self.headers.iter().any(|(name, _)| name == "Transfer-Encoding");
        let request = match body {
            Some(body) if chunked => Request::raw_body(&self.method, &target, body),
            Some(body) => Request::post(&target, body).method(&self.method),
            None => Request::new(&self.method, &target),
        };
        self.headers.iter().fold(request, |request, (name, value)| request.header(name, value)).header("Connection", "close")
    }

    /// Is it a HEAD?
    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }
}

/// All requests.
pub fn read() -> Vec<Probe> {
    include_str!("../../../probes.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| parse(line).unwrap_or_else(|| panic!("tests/probes.txt: {line}")))
        .collect()
}

fn parse(line: &str) -> Option<Probe> {
    let (line, body) = line.split_once(" < ").map_or((line, None), |(line, body)| (line, Some(body)));
    let mut parts = line.split(" {");
    let mut words = parts.next()?.split_whitespace();
    let (name, method, target) = (words.next()?, words.next()?, words.next()?);
    let headers = parts
        .map(|part| {
            part.trim_end().strip_suffix('}')?.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        })
        .collect::<Option<Vec<_>>>()?;
    let unescape = |text: &str| text.replace("\\n", "\n").replace("\\r", "\r");
    Some(Probe { name: name.to_owned(), method: method.to_owned(), target: target.to_owned(), headers, body: body.map(unescape) })
}
