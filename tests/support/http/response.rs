/*! Reading one HTTP/1.1 response from a socket, without hiding anything: interim responses, each header line as it came, each chunk,
and whether the body reached its proper end. */

use std::fmt;
use std::io::{self, Read};

/// How the end of a body is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body can follow (HEAD, 204, 304).
    Nothing,
    /// `Content-Length`
    Length(usize),
    /// `Transfer-Encoding: chunked`
    Chunked,
    /// The connection's end.
    Close,
}

/// A response as it stood on the wire.
#[derive(Clone)]
pub struct Response {
    /// `HTTP/1.1`
    pub version: String,
    /// The number.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// Header lines in their order, names as sent.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The decoded body.
    pub body: Vec<u8>,
    /// How the body's end was marked.
    pub framing: Framing,
    /// Did the body reach that end (all bytes of the length, the final chunk)?
    pub complete: bool,
    /// Sizes of the chunks.
    pub chunks: Vec<usize>,
    /// Statuses of the interim responses before it (100, 103).
    pub interim: Vec<u16>,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {} {} ({:?}, complete: {})", self.version, self.status, self.reason, self.framing, self.complete)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {}", latin1(value))?;
        }
        write!(f, "{}", String::from_utf8_lossy(&self.body).chars().take(1000).collect::<String>())
    }
}

impl Response {
    /// The one value of a header; `None` if it is absent. Panics if it was sent more than once.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<String> {
        let all = self.header_lines(name);
        assert!(all.len() < 2, "{name} was sent {} times: {all:?}", all.len());
        all.into_iter().next()
    }

    /// All values of a header, in order, decoded as latin-1.
    pub fn header_lines(&self, name: &str) -> Vec<String> {
        self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| latin1(value)).collect()
    }

    /// The body as text. Panics if it is not UTF-8.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body should be UTF-8")
    }

    /// Asserts the status, showing the body if it is another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        let body = String::from_utf8_lossy(&self.body);
        let shown: String = body.chars().take(600).collect();
        assert_eq!(self.status, status, "{} {}; body: {shown}", self.status, self.reason);
        self
    }

    /// Asserts that the response is 200 and whole, and gives its text.
    #[track_caller]
    pub fn ok(self) -> String {
        let this = self.expect(200);
        assert!(this.complete, "the response was cut: {this:?}");
        this.text().to_owned()
    }

    /// The value that an application wrote as a line `key=value` into the body.
    #[track_caller]
    pub fn value(&self, key: &str) -> Option<&str> {
        self.text().lines().find_map(|line| line.split_once('=').filter(|(k, _)| *k == key).map(|(_, v)| v))
    }
}

/// Bytes as latin-1 text.
pub fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(*b)).collect()
}

/// A socket with what was read from it ahead of need.
#[derive(Debug)]
pub struct Incoming<R> {
    source: R,
    pending: Vec<u8>,
    ended: bool,
    /// Something came since the last response began to be read.
    heard: bool,
}

impl<R: Read> Incoming<R> {
    /// Reads from `source`.
    pub const fn new(source: R) -> Self {
        Self { source, pending: Vec::new(), ended: false, heard: false }
    }

    /// The source itself.
    pub const fn source(&mut self) -> &mut R {
        &mut self.source
    }

    /// Bytes that came but belong to no response read so far.
    pub fn pending(&self) -> &[u8] {
        &self.pending
    }

    /// Has anything come of the response that was asked for last?
    pub const fn heard(&self) -> bool {
        self.heard
    }

    /// Reads more; false at the end of the stream (a reset counts as one, for a connection that was cut).
    pub fn more(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let mut buffer = [0; 65536];
        match self.source.read(&mut buffer) {
            Ok(0) => self.ended = true,
            Ok(count) => {
                self.heard = true;
                self.pending.extend_from_slice(&buffer[..count]);
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => self.ended = true,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(!self.ended)
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.pending.windows(2).position(|pair| pair == b"\r\n") {
                let line = latin1(&self.pending[..end]);
                self.pending.drain(..end + 2);
                return Ok(Some(line));
            }
            if !self.more()? {
                return Ok(None);
            }
        }
    }

    fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.pending.len() < count && self.more()? {}
        let have = count.min(self.pending.len());
        Ok(self.pending.drain(..have).collect())
    }

    /// Reads the next status line and header block (interim or final). An error if the connection ends before it.
    pub fn head(&mut self) -> io::Result<Response> {
        let gone = || io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended before a whole response head");
        let line = self.line()?.ok_or_else(gone)?;
        let mut words = line.splitn(3, ' ');
        let version = words.next().unwrap_or_default().to_owned();
        let status = words.next().and_then(|number| number.parse().ok());
        let status = status.filter(|_| version.starts_with("HTTP/1."));
        let status = status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("not a status line: {line:?}")))?;
        let reason = words.next().unwrap_or_default().to_owned();
        let mut headers = Vec::new();
        loop {
            let line = self.line()?.ok_or_else(gone)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("not a header line: {line:?}")))?;
            let value = value.trim_matches([' ', '\t']).chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
            headers.push((name.to_owned(), value));
        }
        Ok(Response {
            version,
            status,
            reason,
            headers,
            body: Vec::new(),
            framing: Framing::Nothing,
            complete: true,
            chunks: Vec::new(),
            interim: Vec::new(),
        })
    }

    /// Reads a whole response: interim ones, the head, the body.
    pub fn response(&mut self, to_head: bool) -> io::Result<Response> {
        let mut interim = Vec::new();
        let mut response = loop {
            let head = self.head()?;
            if head.status >= 200 || head.status == 101 {
                break head;
            }
            interim.push(head.status);
        };
        response.interim = interim;
        self.body(&mut response, to_head)?;
        self.heard = !self.pending.is_empty();
        Ok(response)
    }

    fn body(&mut self, response: &mut Response, to_head: bool) -> io::Result<()> {
        response.framing = framing(response, to_head)?;
        match response.framing {
            Framing::Nothing => {}
            Framing::Length(length) => {
                response.body = self.exactly(length)?;
                response.complete = response.body.len() == length;
            }
            Framing::Chunked => response.complete = self.chunked(response)?,
            Framing::Close => {
                while self.more()? {}
                response.body = std::mem::take(&mut self.pending);
            }
        }
        Ok(())
    }

    /// True if the final chunk was there.
    fn chunked(&mut self, response: &mut Response) -> io::Result<bool> {
        loop {
            let Some(line) = self.line()? else { return Ok(false) };
            let digits = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(digits, 16)
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("not a chunk size: {line:?}")))?;
            if size == 0 {
                // Trailers, if any, end with an empty line.
                while let Some(line) = self.line()? {
                    if line.is_empty() {
                        return Ok(true);
                    }
                }
                return Ok(false);
            }
            let data = self.exactly(size)?;
            response.chunks.push(data.len());
            response.body.extend_from_slice(&data);
            if data.len() < size || self.line()?.is_none_or(|end| !end.is_empty()) {
                return Ok(false);
            }
        }
    }
}

fn framing(response: &Response, to_head: bool) -> io::Result<Framing> {
    let bad = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let lengths = response.header_lines("Content-Length");
    let encodings = response.header_lines("Transfer-Encoding");
    if lengths.len() + encodings.len() > 1 {
        return Err(bad(format!("ambiguous framing: {lengths:?} {encodings:?}")));
    }
    if to_head || matches!(response.status, 204 | 304) {
        return Ok(Framing::Nothing);
    }
    match (lengths.first(), encodings.first()) {
        (Some(length), _) => length.parse().map(Framing::Length).map_err(|_| bad(format!("Content-Length: {length}"))),
        (None, Some(encoding)) if encoding == "chunked" => Ok(Framing::Chunked),
        (None, Some(encoding)) => Err(bad(format!("Transfer-Encoding: {encoding}"))),
        (None, None) => Ok(Framing::Close),
    }
}
