/*! The alias that mapped a request, as later phases find it. *Runs in: child.* */

use std::ffi::CStr;

use crate::httpd::Request;
use crate::httpd::configuration::module_config;
use config::settings::Alias;

/// The note that names the alias which mapped the request, by its number in the configuration. A module that serves another URL in the place of the
/// requested one without a new request (`FallbackResource`, a URL as `DirectoryIndex`) hands the notes of that URL on, and nothing else of a module's own.
const ALIAS: &CStr = c"mod_wsgi_rs.alias";

/// Notes that `alias` has mapped `request`, for [`of`].
pub fn note(request: Request<'_>, alias: &Alias) {
    request.notes().set_lent(ALIAS, request.pool().string(alias.order.to_string().as_bytes()));
}

/// The alias that mapped `request`, if one did.
pub fn of(request: Request<'_>) -> Option<&Alias> {
    let order = str::from_utf8(request.notes().get(ALIAS)?).ok()?.parse().ok()?;
    module_config::of_server(request.server()).aliases.iter().find(|alias| alias.order == order)
}
