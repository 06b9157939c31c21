/*! `WSGIPassAuthorization`: whether the application gets the client's credentials. By default it does not, because where Apache itself asks
for a password, no application should see it; where it does not ask, the header that is missing is a frequent puzzle. *Runs in: child.* */

use std::sync::atomic::{AtomicBool, Ordering};

use protocol::log_code;

use crate::httpd::{Log, Request};
use config::RequestSettings;

/// This child has said it.
static SAID: AtomicBool = AtomicBool::new(false);

/// The header that the application gets. httpd has made its variables: `CGIPassAuth On` passes the header by itself.
pub fn passed<'r>(request: Request<'r>, settings: &RequestSettings<'_>) -> Option<&'r [u8]> {
    let sent = request.headers_in().get(c"Authorization")?;
    if settings.pass_authorization == Some(true) {
        return Some(sent);
    }
    let dropped = settings.pass_authorization.is_none()
        && request.environment().get(c"HTTP_AUTHORIZATION").is_none()
        // Passwords that Apache checks are not the application's.
        && !request.is_authenticated_by_apache();
    if dropped && !SAID.swap(true, Ordering::Relaxed) {
        Log::Request(request).log_code(
            &log_code::AUTHORIZATION_NOT_PASSED,
            format_args!(
                "the client sent an Authorization header, which was not passed to the application. To fix: set `WSGIPassAuthorization On` if the \
                 application checks credentials; otherwise set `WSGIPassAuthorization Off` here to suppress this message"
            ),
        );
    }
    None
}
