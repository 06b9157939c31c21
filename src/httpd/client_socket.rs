/*! The socket of an HTTP/1 client, to see whether it is still there and has something to say. *Runs in: child.* */
#![expect(unsafe_code, reason = "reads httpd's structures")]

use std::os::fd::BorrowedFd;

use super::connection::Connection;
use super::status::Status;
use super::sys;

impl<'c> Connection<'c> {
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
