/*! Faults on demand, for the tests of the panic guard: compiled with the feature `test-faults` alone.

A callback panics when the request says so (`X-Test-Fault: read`; [`in_handler`] has a word of its own), or, where there is no request, when the environment that httpd
was started with does (`MOD_WSGI_RS_TEST_FAULT=child_init`). The words are [`Kind::name`]'s. */
#![expect(unsafe_code, reason = "an exported symbol, and reads a request's headers")]

use super::c_text::text;
use super::guard::kind::Kind;
use super::log::target::Target;
use super::sys;

/// Seen from outside, so that the linkage test can tell that a shipped module is not this one.
#[unsafe(no_mangle)]
#[used]
pub static mod_wsgi_rs_test_faults: u8 = 1;

/// Panics if `kind` is asked for.
#[expect(clippy::panic, reason = "that is its purpose")]
pub fn here(kind: Kind, log: Target<'_>) {
    if is_wanted(log, kind.name()) {
        panic!("fault asked for by a test");
    }
}

/// Panics in the middle of the handler, when the application has given its response and it is not finished yet, if `late-handler` is asked for.
#[expect(clippy::panic, reason = "that is its purpose")]
pub fn in_handler<'l>(log: impl Into<Target<'l>>) {
    if is_wanted(log.into(), "late-handler") {
        panic!("fault asked for by a test");
    }
}

fn is_wanted(log: Target<'_>, wanted: &str) -> bool {
    match log.of_request() {
        // SAFETY: the request is live, and so is its table, whose values are strings.
        Some(request) => unsafe {
            text(sys::apr_table_get(request.as_ref().headers_in, c"X-Test-Fault".as_ptr())) == Some(wanted.as_bytes())
        },
        None => std::env::var_os("MOD_WSGI_RS_TEST_FAULT").is_some_and(|name| name == wanted),
    }
}
