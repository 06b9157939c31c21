/*! An HTTP/1.1 client on a plain socket: it sends exactly the bytes it is told to and shows exactly what came back.

Every operation has a deadline, so that a hanging server fails a trial instead of the run. */

use crate::support::response::{Incoming, Response};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// How long one read or write may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A request of this size goes into the socket's buffer whether the server reads or not.
const FITS_ANY_BUFFER: usize = 16 * 1024;

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    None,
    Whole(Vec<u8>),
    Chunked(Vec<Vec<u8>>),
    /// As it is, without a header that says its length.
    Raw(Vec<u8>),
}

impl Request {
    /// A request without a body.
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: Body::None }
    }

    /// A GET.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A POST whose body's length is announced.
    pub fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: Body::Whole(body.into()), ..Self::new("POST", target) }
    }

    /// A POST in chunks.
    pub fn post_chunks<C: AsRef<[u8]>>(target: &str, chunks: &[C]) -> Self {
        Self { body: Body::Chunked(chunks.iter().map(|c| c.as_ref().to_vec()).collect()), ..Self::new("POST", target) }
    }

    /// A request with a body as it is; headers that say where it ends are the caller's.
    pub fn raw_body(method: &str, target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: Body::Raw(body.into()), ..Self::new(method, target) }
    }

    /// Changes the method.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        Self { method: method.to_owned(), ..self }
    }

    /// Head and body as they stand on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head_bytes();
        bytes.extend_from_slice(&self.body_bytes());
        bytes
    }

    /// Adds a header line, byte for byte.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// The request line and the headers, with `Host` unless one was given.
    pub fn head_bytes(&self) -> Vec<u8> {
        let mut out = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Host")) {
            out.extend_from_slice(b"Host: localhost\r\n");
        }
        for (name, value) in &self.headers {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
        match &self.body {
            Body::None | Body::Raw(_) => {}
            Body::Whole(body) => out.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes()),
            Body::Chunked(_) => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        }
        out.extend_from_slice(b"\r\n");
        out
    }

    /// The body as it stands on the wire.
    pub fn body_bytes(&self) -> Vec<u8> {
        match &self.body {
            Body::None => Vec::new(),
            Body::Whole(body) | Body::Raw(body) => body.clone(),
            Body::Chunked(chunks) => {
                let mut out: Vec<u8> = chunks.iter().flat_map(|data| chunk(data)).collect();
                out.extend_from_slice(b"0\r\n\r\n");
                out
            }
        }
    }
}

/// One chunk on the wire.
pub fn chunk(data: &[u8]) -> Vec<u8> {
    let mut out = format!("{:x}\r\n", data.len()).into_bytes();
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
    out
}

/// A connection to a server on this machine.
#[derive(Debug)]
pub struct Client {
    incoming: Incoming<TcpStream>,
}

impl Client {
    /// Connects.
    pub fn connect(port: u16) -> io::Result<Self> {
        Self::connect_with(port, PATIENCE)
    }

    /// Connects, and waits for no longer than `patience` in each read or write.
    pub fn connect_with(port: u16, patience: Duration) -> io::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = TcpStream::connect_timeout(&address, patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        stream.set_nodelay(true)?;
        Ok(Self { incoming: Incoming::new(stream) })
    }

    /// Sends a request and reads its response. The body is sent while the response is waited for, so a server that answers
    /// early or reads late cannot stall the two sides.
    pub fn exchange(&mut self, request: &Request) -> io::Result<Response> {
        let bytes = request.bytes();
        if bytes.len() <= FITS_ANY_BUFFER {
            self.send(&bytes)?;
            return self.incoming.response(request.is_head());
        }
        let mut writer = self.incoming.source().try_clone()?;
        std::thread::scope(|scope| {
            // A server that refuses a body closes early: what it answered counts, not that the rest could not be sent.
            scope.spawn(move || writer.write_all(&bytes).and_then(|()| writer.flush()).ok());
            let response = self.incoming.response(request.is_head());
            if response.as_ref().is_err() {
                self.incoming.source().shutdown(Shutdown::Both).ok();
            }
            response
        })
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.incoming.source();
        stream.write_all(bytes)?;
        stream.flush()
    }

    /// Reads one response. `to_head`: it answers a HEAD, so no body follows.
    pub fn receive(&mut self, to_head: bool) -> io::Result<Response> {
        self.incoming.response(to_head)
    }

    /// Reads one response head, interim ones included; the body stays on the wire.
    pub fn receive_head(&mut self) -> io::Result<Response> {
        self.incoming.head()
    }

    /// Does anything arrive within `time`? What arrives is kept for the next read.
    pub fn hears_something_within(&mut self, time: Duration) -> io::Result<bool> {
        if !self.incoming.pending().is_empty() {
            return Ok(true);
        }
        self.incoming.source().set_read_timeout(Some(time))?;
        let heard = self.incoming.more();
        self.incoming.source().set_read_timeout(Some(PATIENCE))?;
        match heard {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Has any byte come of the response that was asked for last?
    pub const fn heard_anything(&self) -> bool {
        self.incoming.heard()
    }

    /// Reads everything until the server closes, raw.
    pub fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        let mut all = self.incoming.pending().to_vec();
        match self.incoming.source().read_to_end(&mut all) {
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(error),
            _ => Ok(all),
        }
    }

    /// Hands everything that comes until the server closes to `take`, piece by piece: for what is too large to be kept.
    pub fn read_pieces(&mut self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        take(self.incoming.pending());
        let mut buffer = vec![0; 1 << 18];
        loop {
            match self.incoming.source().read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => take(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The same connection once more, for a thread that writes while this one reads.
    pub fn second_half(&mut self) -> io::Result<TcpStream> {
        self.incoming.source().try_clone()
    }

    /// Says that nothing more will be sent.
    pub fn finish_sending(&mut self) -> io::Result<()> {
        self.incoming.source().shutdown(Shutdown::Write)
    }

    /// Has the server closed the connection (or does it, within the deadline), with nothing more sent?
    pub fn is_closed(&mut self) -> io::Result<bool> {
        if !self.incoming.pending().is_empty() {
            return Ok(false);
        }
        self.incoming.source().set_read_timeout(Some(Duration::from_secs(2)))?;
        match self.incoming.more() {
            Ok(more) => Ok(!more),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
