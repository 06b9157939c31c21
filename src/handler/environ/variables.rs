/*! What the application is given stands among httpd's own variables too (`r->subprocess_env`), as with mod_wsgi: for `%{mod_wsgi.process_group}e` in
a `LogFormat`, for `Header` and for the `REDIRECT_` variables of an `ErrorDocument`. *Runs in: child, once per request.* */

use super::Facts;
use crate::httpd::Request;
use crate::request::environ::Environ;

/// Puts what differs from httpd's variables among them. The `Authorization` header stays out: other programs that answer for the request would get it.
pub fn publish(request: Request<'_>, facts: &Facts<'_>, environ: &Environ<'_>) {
    let (variables, pool) = (request.environment(), request.pool());
    for (name, value) in facts.named() {
        variables.set_lent(name, pool.string(value));
    }
    if facts.head_as_get {
        variables.set_lent(c"REQUEST_METHOD", c"GET");
    }
    if facts.trusted_proxy_headers.is_empty() {
        return;
    }
    // What a trusted proxy has said of the client and of the host.
    for entry in &environ.entries {
        let paths = entry.key == b"SCRIPT_FILENAME" || entry.key == b"DOCUMENT_ROOT";
        let Some(value) = entry.value.as_deref().filter(|_| !paths && entry.key != b"HTTP_AUTHORIZATION") else { continue };
        let name = pool.string(entry.key);
        if variables.get(name) != Some(value) {
            variables.set_lent(name, pool.string(value));
        }
    }
}
