/*! The connection that a request came by. For HTTP/2 that is a secondary one: nothing is kept on it. *Runs in: child.* */
#![expect(unsafe_code, reason = "reads httpd's structures")]

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::OnceLock;

use super::c_text::text;
use super::module::optional_function;
use super::sys;

/// A `conn_rec` that lives at least as long as `'c`.
#[derive(Clone, Copy)]
pub struct Connection<'c> {
    raw: NonNull<sys::conn_rec>,
    life: PhantomData<&'c sys::conn_rec>,
}

impl<'c> Connection<'c> {
    /// Borrows the connection of a request.
    ///
    /// # Safety
    /// `raw` is live for all of `'c`, used by one thread at a time.
    pub(in crate::httpd) const unsafe fn new(raw: NonNull<sys::conn_rec>) -> Self {
        Self { raw, life: PhantomData }
    }

    /// For the calls of this folder.
    pub(in crate::httpd) fn raw(self) -> *mut sys::conn_rec {
        self.raw.as_ptr()
    }

    fn get(self) -> &'c sys::conn_rec {
        // SAFETY: live for `'c` (new); this thread alone works on the connection.
        unsafe { self.raw.as_ref() }
    }

    /// The client is gone, as far as httpd knows.
    pub fn is_aborted(self) -> bool {
        self.get().aborted != 0
    }

    /// Closes the connection after this response (for HTTP/2 that means the stream).
    pub fn close_after_this(self) {
        // SAFETY: live, and this thread alone works on it; the field is plain data.
        unsafe { (*self.raw()).keepalive = sys::AP_CONN_CLOSE };
    }

    /// Nothing more goes to the client: httpd closes the connection without the end that a complete response has, and drops what it has not sent. A stream of
    /// HTTP/2 is reset by an error bucket instead.
    pub fn abort(self) {
        if !self.is_secondary() {
            // SAFETY: live, and this thread alone works on it; a plain field.
            unsafe { (*self.raw()).aborted = 1 };
        }
    }

    /// A stream of an HTTP/2 connection, which has another connection above it.
    pub fn is_secondary(self) -> bool {
        !self.get().master.is_null()
    }

    /// HTTP/1 over a socket, without TLS.
    pub fn is_plain(self) -> bool {
        self.get().master.is_null() && !self.is_tls()
    }

    /// Host name of the local address; usually empty.
    pub fn local_host(self) -> &'c [u8] {
        // SAFETY: null, or the address of the connection, whose name is null or a string.
        unsafe { self.get().local_addr.as_ref().and_then(|address| text(address.hostname)) }.unwrap_or_default()
    }

    /// Port of the local address.
    pub fn local_port(self) -> u16 {
        // SAFETY: null, or the address of the connection.
        unsafe { self.get().local_addr.as_ref() }.map_or(0, |address| address.port)
    }

    /// `c->log_id`, if one was made.
    pub fn log_id(self) -> Option<&'c [u8]> {
        // SAFETY: null, or a string of the connection.
        unsafe { text(self.get().log_id) }
    }

    /// mod_ssl says that the client's connection is TLS. Without mod_ssl it is not.
    pub fn is_tls(self) -> bool {
        // SAFETY: the type that mod_ssl.h declares for the name; the connection is live.
        ssl_is_https().is_some_and(|ask| unsafe { ask(self.raw()) } != 0)
    }
}

type SslIsHttps = unsafe extern "C" fn(*mut sys::conn_rec) -> std::ffi::c_int;

/// mod_ssl's optional function, looked up once per child.
fn ssl_is_https() -> Option<SslIsHttps> {
    static FOUND: OnceLock<Option<SslIsHttps>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        // SAFETY: mod_ssl.h declares `int ssl_is_https(conn_rec *)`; APR keeps it under a type without arguments.
        optional_function(c"ssl_is_https")
            .map(|found| unsafe { std::mem::transmute::<unsafe extern "C" fn(), SslIsHttps>(found) })
    })
}
