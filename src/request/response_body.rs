/*! The response: head and body on their way from the application to Apache's filters.

What may wait is kept in one brigade, which is passed on once for a small response. Nothing of the head leaves before the first
pass, so until then any failure can still become an error page; after it, a response that breaks off must look broken: an error
bucket, and no keep-alive, as Apache's own proxy does it. *Runs in: child.* */

mod ending;

use std::os::fd::BorrowedFd;
use std::time::Duration;

use protocol::log_code;

use crate::httpd::stream::brigade::Piece;
use crate::httpd::stream::client_socket::WriteLimit;
use crate::httpd::stream::file_bucket;
use crate::httpd::{Brigade, Log, Request, Status};

/// More than what httpd adds to the head of a response (status line, date, server, ...) and chunking to a piece, and than what the kernel needs around it.
const HEAD: usize = 8192;

/// How a response takes bytes or a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It did.
    Ok,
    /// The client is gone.
    ClientGone,
    /// The client has taken nothing for as long as `Timeout` allows.
    Overdue,
    /// It could not (the log says why).
    Failed,
    /// Nothing was taken: sending it might wait for the client.
    WouldWait,
}

/// How the response stands when the application is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Complete.
    Done,
    /// Failed: an error page with this status if nothing has been sent, else as [`Ending::Truncated`].
    Failed(u16),
    /// Truncated: what there is goes out, and the client can see that the end is missing.
    Truncated,
    /// The client went away.
    ClientGone,
}

/// What becomes of bytes that the application gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// They are kept, to go with what comes next.
    Kept,
    /// They go down the filters, with what was kept; a client that does not take them at once is not waited for, within [`Limits::unflushed`].
    Passed,
    /// They, and all that was kept or passed, are sent.
    Flushed,
}

/// How a response may burden this child.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long one write may wait for the client; `None`: as httpd has it.
    pub write: Option<Duration>,
    /// How much may have been passed down the filters and not been flushed.
    pub unflushed: u64,
}

/// One response.
pub struct ResponseBody<'r> {
    request: Request<'r>,
    brigade: Brigade<'r>,
    /// `WSGIErrorOverride On`
    override_errors: bool,
    /// `WSGIEnableSendfile On`
    sendfile: bool,
    started: bool,
    /// The body is thrown away, because httpd makes the error page.
    overridden: Option<u16>,
    /// Something was passed to the filters.
    sent: bool,
    /// `Content-Length`
    promised: Option<i64>,
    given: i64,
    status: u16,
    /// A filter has answered the request itself: nothing of the application's answer may follow.
    answered: bool,
    /// As httpd had it before: within an `ErrorDocument` that of the error, by which httpd knows that it must not answer a further error with the same page.
    status_before: u16,
    /// Something could not be taken: what there is, is not the application's response.
    failed: bool,
    /// Files are among what was given.
    files: bool,
    /// A file ended before what was announced of it: nothing that follows may reach the client as its rest.
    short: bool,
    /// HTTP/1 over a plain socket; looked at once.
    plain: Option<bool>,
    /// Bytes that the client's socket takes without waiting, as far as known.
    room: usize,
    /// See [`Limits::unflushed`].
    most_unflushed: u64,
    unflushed: u64,
    /// Dropped with the response, which gives the client's socket its own limit back.
    write_limit: Option<WriteLimit<'r>>,
}

impl<'r> ResponseBody<'r> {
    /// Nothing is said yet.
    pub fn new(request: Request<'r>, override_errors: bool, sendfile: bool) -> Self {
        Self {
            request,
            brigade: request.new_brigade(),
            override_errors,
            sendfile,
            started: false,
            overridden: None,
            sent: false,
            promised: None,
            given: 0,
            status: 200,
            status_before: request.status(),
            answered: false,
            failed: false,
            files: false,
            short: false,
            plain: None,
            room: 0,
            most_unflushed: u64::MAX,
            unflushed: 0,
            write_limit: None,
        }
    }

    /// Sets limits for this response.
    pub fn limit(&mut self, limits: Limits) {
        self.most_unflushed = limits.unflushed;
        self.write_limit = limits.write.and_then(|limit| self.request.connection().limit_writes(limit));
    }

    /// Records status and headers. Once something has been sent, it is too late.
    pub fn start<'h>(&mut self, status: u16, reason: &[u8], headers: impl Iterator<Item = (&'h [u8], &'h [u8])>) -> Taken {
        if self.answered {
            return Taken::ClientGone;
        }
        if self.sent {
            return Taken::Failed;
        }
        if self.started {
            self.forget_head();
        }
        self.started = true;
        self.status = status;
        self.overridden = (self.override_errors && status >= 400).then_some(status);
        self.set_status_line(status, reason);
        for (name, value) in headers {
            self.set_header(name, value);
        }
        Taken::Ok
    }

    fn set_status_line(&self, status: u16, reason: &[u8]) {
        let known = Request::known_status_line(status);
        let digits = [b'0' + (status / 100 % 10) as u8, b'0' + (status / 10 % 10) as u8, b'0' + (status % 10) as u8];
        let usual = known.to_bytes().strip_prefix(&digits).and_then(|rest| rest.strip_prefix(b" "));
        // A status without a reason phrase gets httpd's own, where it knows one.
        let same = usual.is_some_and(|usual| reason.is_empty() || usual == reason);
        let line = if same { known } else { self.request.pool().string(&[&digits, b" ".as_slice(), reason].concat()) };
        self.request.set_status(status, line);
    }

    fn set_header(&mut self, name: &[u8], value: &[u8]) {
        let pool = self.request.pool();
        if name.eq_ignore_ascii_case(b"Content-Type") {
            self.request.set_content_type(pool.string(value));
        } else if let (true, Some(length)) = (name.eq_ignore_ascii_case(b"Content-Length"), decimal(value)) {
            self.promised = Some(length);
            self.request.set_content_length(length);
        } else if name.eq_ignore_ascii_case(b"WWW-Authenticate") {
            // Among the error headers it survives an error page, which is where a browser looks for it.
            self.request.error_headers_out().add_lent(pool.string(name), pool.string(value));
        } else {
            self.request.headers_out().add_lent(pool.string(name), pool.string(value));
        }
    }

    /// Takes bytes.
    pub fn write<'d>(&mut self, pieces: impl Iterator<Item = impl Into<Piece<'d>>>, passing: Passing) -> Taken {
        if self.answered {
            return Taken::ClientGone;
        }
        if self.overridden.is_some() {
            return Taken::Ok;
        }
        let (limit, mut given) = (self.promised, self.given);
        // Never more than was promised: what is beyond it would be the next response.
        let within = pieces.map(move |piece| {
            let room = limit.map_or(usize::MAX, |limit| usize::try_from(limit - given).unwrap_or(0));
            let piece: Piece<'d> = piece.into().first(room);
            given = given.saturating_add(i64::try_from(piece.len()).unwrap_or(i64::MAX));
            piece
        });
        let mut count = 0;
        let counted = within.inspect(|piece| count += piece.len());
        let flush = passing == Passing::Flushed || self.unflushed >= self.most_unflushed;
        let result = if passing == Passing::Kept {
            let brigade = &mut self.brigade;
            counted.filter(|piece| !piece.is_empty()).try_for_each(|piece| brigade.append_copy(piece))
        } else {
            self.begin();
            passed(self.request, &mut self.short, || self.request.pass_with(&mut self.brigade, counted, flush))
        };
        let count_passed = u64::try_from(count).unwrap_or(u64::MAX);
        self.unflushed = if passing != Passing::Kept && flush { 0 } else { self.unflushed.saturating_add(count_passed) };
        self.given = self.given.saturating_add(i64::try_from(count).unwrap_or(i64::MAX));
        self.taken(result)
    }

    /// As [`ResponseBody::write`] with [`Passing::Flushed`], if that waits for nobody beyond doubt: the caller may hold a lock that others
    /// wait for. So only through httpd's own filters, to a plain socket that has room for all of it, and with nothing to go before it.
    pub fn write_promptly<'d>(&mut self, pieces: impl Iterator<Item = &'d [u8]> + Clone) -> Taken {
        let connection = self.request.connection();
        let plain = self.is_plain();
        // Filters come and go with each piece: some are put in when the head passes.
        if !plain || !self.brigade.is_empty() || !self.request.sends_promptly() {
            return Taken::WouldWait;
        }
        let head = if self.sent { 0 } else { self.request.head_length() };
        let needed = pieces.clone().map(<[u8]>::len).sum::<usize>().saturating_add(head).saturating_add(HEAD);
        if self.room < needed {
            // What is queued only grows by what is written here, so room that was found once is used up before it is looked at again.
            self.room = connection.room();
        }
        if self.room < needed {
            return Taken::WouldWait;
        }
        self.room -= needed;
        self.write(pieces, Passing::Flushed)
    }

    fn is_plain(&mut self) -> bool {
        let connection = self.request.connection();
        *self.plain.get_or_insert_with(|| connection.is_plain())
    }

    /// Whether something that works on the content stands between here and the client.
    pub fn is_filtered(&self) -> bool {
        self.request.has_content_filter()
    }

    /// Takes `length` bytes of a file from `offset`.
    pub fn send_file(&mut self, file: BorrowedFd<'_>, offset: i64, length: i64) -> Taken {
        if self.answered {
            return Taken::ClientGone;
        }
        if self.overridden.is_some() || length <= 0 {
            return Taken::Ok;
        }
        let length = self.promised.map_or(length, |promised| length.min(promised - self.given));
        if length <= 0 {
            return Taken::Ok;
        }
        if !self.files && self.is_plain() && !self.request.is_subrequest() {
            self.request.send_files_by_core();
        }
        self.files = true;
        let result = self.brigade.append_file(file, offset, length, self.sendfile, self.request.pool());
        if result.is_ok() {
            self.given = self.given.saturating_add(length);
        }
        self.taken(result)
    }

    fn taken(&self, result: Result<(), Status>) -> Taken {
        match result {
            _ if self.short => Taken::Failed,
            Ok(()) if self.request.connection().is_aborted() => Taken::ClientGone,
            Ok(()) => Taken::Ok,
            Err(status) if status.is_timeout() => Taken::Overdue,
            Err(status) if status.is_peer_gone() || self.request.connection().is_aborted() => Taken::ClientGone,
            // A filter has answered in the application's place: nobody waits for the rest.
            Err(status) if status.is_filter_error() => Taken::ClientGone,
            Err(status) => {
                let log = Log::Request(self.request);
                log.log_code(&log_code::RESPONSE_NOT_SENT, format_args!("the response cannot be sent on: {status}"));
                Taken::Failed
            }
        }
    }

    /// A filter has answered the request itself, while its body was read.
    pub const fn answered_by_filter(&mut self) {
        self.answered = true;
    }

    /// Something could not be taken, so that the response cannot be complete.
    pub const fn failed(&mut self) {
        self.failed = true;
    }

    /// What is passed next may be the head.
    fn begin(&mut self) {
        if !self.sent {
            self.sent = true;
            self.request.answer_without_continue();
        }
    }

    /// Has anything left for the client?
    pub const fn is_sent(&self) -> bool {
        self.sent
    }

    /// Takes back what [`ResponseBody::start`] recorded.
    fn forget_head(&mut self) {
        self.request.headers_out().clear();
        self.request.error_headers_out().unset(c"WWW-Authenticate");
        self.promised = None;
    }
}

impl Drop for ResponseBody<'_> {
    /// A panic on the way: a response that has begun must not look complete, and no error page may follow it.
    fn drop(&mut self) {
        if std::thread::panicking() && self.sent && !self.request.has_ended() {
            // A second panic, in a destructor, would end the process.
            let abort = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.abort()));
            if let Err(payload) = abort {
                std::mem::forget(payload);
            }
        }
    }
}

/// Passes something on by `pass`, and notes it in `short` if a file turns out to be shorter than announced.
fn passed(request: Request<'_>, short: &mut bool, pass: impl FnOnce() -> Result<(), Status>) -> Result<(), Status> {
    let before = file_bucket::ended_early();
    let result = pass();
    if before != file_bucket::ended_early() && !*short {
        *short = true;
        Log::Request(request).log_code(
            &log_code::FILE_ENDED_EARLY,
            format_args!(
                "the response was aborted, because a file that the application returned became shorter while it was sent, or could not be read. To \
                 fix: let the program that changes such files write a new file, and rename it to the final name when it is complete"
            ),
        );
    }
    result
}

/// A decimal number, digits alone.
fn decimal(text: &[u8]) -> Option<i64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    digits.then(|| str::from_utf8(text).ok()?.parse().ok()).flatten()
}
