/*! The socket of an HTTP/1 client: whether it is still there and has something to say, and how long it may take what it is sent. *Runs in: child.* */
#![expect(unsafe_code, reason = "reads httpd's structures")]

use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::time::Duration;

use crate::httpd::connection::Connection;
use crate::httpd::status::Status;
use crate::httpd::sys;

/// Writes to a client wait at most so long, until this is dropped: then the socket's own limit holds again, for what comes next on the connection.
pub struct WriteLimit<'c> {
    connection: Connection<'c>,
    socket: NonNull<sys::apr_socket_t>,
    before: sys::apr_interval_time_t,
}

impl Drop for WriteLimit<'_> {
    fn drop(&mut self) {
        if !self.connection.is_aborted() {
            // SAFETY: the core keeps the socket for as long as the connection lives; a number is set.
            unsafe { sys::apr_socket_timeout_set(self.socket.as_ptr(), self.before) };
        }
    }
}

impl<'c> Connection<'c> {
    /// Limits how long a write to the client may wait. None for a secondary connection (HTTP/2), which has limits of its own.
    pub fn limit_writes(self, limit: Duration) -> Option<WriteLimit<'c>> {
        if self.is_secondary() {
            return None;
        }
        let limit = sys::apr_interval_time_t::try_from(limit.as_micros()).unwrap_or(sys::apr_interval_time_t::MAX);
        let mut before = 0;
        // SAFETY: the connection is live, and so is the socket that the core keeps for it.
        let socket = unsafe {
            let socket = NonNull::new(sys::ap_get_conn_socket(self.raw()))?;
            Status::check(sys::apr_socket_timeout_get(socket.as_ptr(), &raw mut before)).ok()?;
            Status::check(sys::apr_socket_timeout_set(socket.as_ptr(), limit)).ok()?;
            socket
        };
        Some(WriteLimit { connection: self, socket, before })
    }

    /// The client's socket, to be watched and nothing else. None for a secondary connection (HTTP/2), whose socket is another thread's.
    pub fn client_socket(self) -> Option<BorrowedFd<'c>> {
        let mut descriptor = -1;
        // SAFETY: the connection is live, and so is the socket that the core keeps for it; its number is written on success.
        unsafe {
            if !(*self.raw()).master.is_null() {
                return None;
            }
            let socket = sys::ap_get_conn_socket(self.raw());
            if socket.is_null() || Status::check(sys::apr_os_sock_get(&raw mut descriptor, socket)).is_err() || descriptor < 0 {
                return None;
            }
            // httpd closes it after the connection has ended, which a handler of one of its requests does not outlive.
            Some(BorrowedFd::borrow_raw(descriptor))
        }
    }
}
