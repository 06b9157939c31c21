/*! Which filters a request's data passes, and whether one of them could make this thread wait for the client.

Asked where a lock is held that others wait for (Python's GIL). Only filters of httpd that are known to pass on what they get count as
prompt: a filter that limits the rate sleeps, one of another module may do anything. *Runs in: child.* */
#![expect(unsafe_code, reason = "reads httpd's structures")]

use std::ffi::{CStr, c_int};

use crate::httpd::connection::Connection;
use crate::httpd::request::Request;
use crate::httpd::sys;
use crate::httpd::table::Table;

/// Output filters that add to what they get or count it, and pass it on. In lower case, as httpd keeps names.
const PROMPT_OUTPUT: [&[u8]; 9] = [
    b"byterange",
    b"content_length",
    b"http_header",
    b"chunk",
    b"http_outerror",
    b"old_write",
    b"reqtimeout",
    b"log_input_output",
    b"core",
];

/// Input filters that return at once when they are asked not to wait.
const PROMPT_INPUT: [&[u8]; 5] = [b"http_in", b"reqtimeout", b"log_input_output", b"net_time", b"core_in"];

/// Are all filters from `first` on among `known`?
///
/// # Safety
/// `first` is null, or the first of a chain of live filters.
unsafe fn are_all(first: *const sys::ap_filter_t, known: &[&[u8]]) -> bool {
    // SAFETY: promised by the caller; a chain ends with null.
    let chain = std::iter::successors(unsafe { first.as_ref() }, |filter| unsafe { filter.next.as_ref() });
    let mut any = false;
    for filter in chain {
        any = true;
        // SAFETY: a filter has a record with a name, NUL-terminated, both of which live as long as the process.
        let name =
            unsafe { filter.frec.as_ref().filter(|record| !record.name.is_null()).map(|record| CStr::from_ptr(record.name)) };
        if !name.is_some_and(|name| known.contains(&name.to_bytes())) {
            return false;
        }
    }
    any
}

/// Do filters that pass on what they get, and reach the core by that, begin with `first`?
///
/// # Safety
/// As [`are_all`].
pub(in crate::httpd) unsafe fn lead_to_core(first: *const sys::ap_filter_t) -> bool {
    // SAFETY: promised by the caller.
    unsafe { are_all(first, &PROMPT_OUTPUT) }
}

impl Request<'_> {
    /// No filter between here and the client's socket can wait, and nothing that was sent before is kept by one. The socket itself may
    /// be full (see [`Connection::room`]).
    pub fn sends_promptly(self) -> bool {
        // SAFETY: the request and its chain of filters are live, and this thread alone works on them.
        !self.is_subrequest()
            && !self.connection().keeps_output()
            && unsafe { are_all((*self.raw()).output_filters, &PROMPT_OUTPUT) }
    }

    /// Reading without waiting does not wait in any filter. Over TLS a read may write (and wait for the client to take that); over HTTP/2 other
    /// threads are involved.
    pub fn reads_promptly(self) -> bool {
        // SAFETY: as above.
        self.connection().is_plain() && unsafe { are_all((*self.raw()).input_filters, &PROMPT_INPUT) }
    }

    /// How long the head of the response is at least, in bytes: what its tables of headers hold.
    pub fn head_length(self) -> usize {
        let length =
            |name: &CStr, value: Option<&[u8]>| name.to_bytes().len() + value.unwrap_or_default().len() + b": \r\n".len();
        let tables = [self.headers_out(), self.error_headers_out()];
        tables.into_iter().flat_map(Table::entries).map(|(name, value)| length(name, value)).sum()
    }
}

/// `SO_MEMINFO` gives so many numbers (`linux/sock_diag.h`): those that are used here stand at these places.
const NUMBERS: usize = 9;
const SEND_BUFFER: usize = 3;
const QUEUED: usize = 5;

impl Connection<'_> {
    /// httpd keeps output of this connection that the client has not taken, and sends it before anything else.
    pub fn keeps_output(self) -> bool {
        // SAFETY: the connection is live, and this thread alone works on it.
        unsafe { (*self.raw()).data_in_output_filters != 0 }
    }

    /// How many bytes the client's socket takes without waiting; 0 if unknown. The kernel charges what it needs around the data to the buffer,
    /// for tiny pieces many times their length; `SO_MEMINFO` counts that. For new data half of what is free is taken up at most.
    pub fn room(self) -> usize {
        let mut descriptor = -1;
        let mut numbers = [0u32; NUMBERS];
        let mut length = size_of_val(&numbers) as libc::socklen_t;
        let mut unsent: c_int = 0;
        // SAFETY: the connection is live and has httpd's socket; the calls only fill in the numbers that they are given places for.
        let known = unsafe {
            let socket = sys::ap_get_conn_socket(self.raw());
            !socket.is_null()
                && sys::apr_os_sock_get(&raw mut descriptor, socket) == 0
                && libc::getsockopt(descriptor, libc::SOL_SOCKET, libc::SO_MEMINFO, (&raw mut numbers).cast(), &raw mut length)
                    == 0
                && libc::ioctl(descriptor, libc::TIOCOUTQ, &raw mut unsent) == 0
        };
        if !known || usize::try_from(length).unwrap_or(0) < size_of_val(&numbers) {
            return 0;
        }
        let [size, queued] = [SEND_BUFFER, QUEUED].map(|at| numbers.get(at).map_or(0, |number| *number as usize));
        let unsent = usize::try_from(unsent).unwrap_or(usize::MAX);
        (size.saturating_sub(queued) / 2).min(unsent_limit().saturating_sub(unsent))
    }
}

/// `net.ipv4.tcp_notsent_lowat`: a socket that has so much unsent takes no more, however much room it has. Unlimited by default, and where it
/// cannot be read, as on a system without it.
fn unsent_limit() -> usize {
    static LIMIT: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *LIMIT.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_notsent_lowat");
        text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(usize::MAX)
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::{PROMPT_OUTPUT, are_all, sys};

    /// Asks `are_all` about a chain of filters with these names.
    fn are_known(names: &[&'static CStr]) -> bool {
        // SAFETY: all-zero records and filters are valid: null pointers and numbers.
        let mut records: Vec<sys::ap_filter_rec_t> = names.iter().map(|_| unsafe { std::mem::zeroed() }).collect();
        // SAFETY: as above.
        let mut filters: Vec<sys::ap_filter_t> = names.iter().map(|_| unsafe { std::mem::zeroed() }).collect();
        let mut next: *mut sys::ap_filter_t = std::ptr::null_mut();
        for ((name, record), filter) in names.iter().zip(&mut records).zip(&mut filters).rev() {
            record.name = name.as_ptr();
            filter.frec = record;
            filter.next = next;
            next = filter;
        }
        // SAFETY: the chain was just made and lives until the end of this function.
        unsafe { are_all(next, &PROMPT_OUTPUT) }
    }

    #[test]
    fn only_known_filters_are_prompt() {
        assert!(are_known(&[c"byterange", c"content_length", c"http_header", c"http_outerror", c"reqtimeout", c"core"]));
        for unknown in
            [c"rate_limit", c"deflate", c"ssl/tls filter", c"h2_c1_out", c"cores", c"", c"includes", c"fixup_headers_out"]
        {
            assert!(!are_known(&[unknown, c"http_header", c"core"]), "{unknown:?}");
            assert!(!are_known(&[c"http_header", unknown, c"core"]), "{unknown:?}");
            assert!(!are_known(&[c"http_header", unknown]), "{unknown:?}");
        }
        assert!(!are_known(&[]), "no chain at all is not known to be one");
    }
}
