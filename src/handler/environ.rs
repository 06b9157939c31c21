/*! The text entries of a request's environ: section 4 of the behaviour reference.

In goes what httpd collected (`subprocess_env` after `ap_add_common_vars` and `ap_add_cgi_vars`), out comes what the application
sees: without what must not arrive, with what mod_wsgi adds, and after the trusted proxies' say. What has another type than text
(`wsgi.input`, tuples, times) the engine adds. Unchanged entries are lent, never copied. *Runs in: child, once per request.* */

use std::borrow::Cow;

use crate::config::settings::{Network, Text};

/// One entry. Without a value the application finds `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: Option<Cow<'a, [u8]>>,
}

/// What the environ is made of besides httpd's table.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The method is HEAD, and `WSGIMapHEADToGET` wants it shown as GET (see [`shows_head_as_get`]).
    pub head_as_get: bool,
    /// mod_ssl says that the connection is TLS (`ssl_is_https`).
    pub tls: bool,
    /// The `Authorization` header, if it was sent and `WSGIPassAuthorization` lets it pass.
    pub authorization: Option<&'a [u8]>,
    /// From [`super::route::split_url`].
    pub script_name: &'a [u8],
    /// From [`super::route::split_url`].
    pub path_info: &'a [u8],
    /// Resolved process group.
    pub process_group: &'a [u8],
    /// Resolved application group, as the application is told.
    pub application_group: &'a [u8],
    /// Resolved callable.
    pub callable_object: &'a [u8],
    /// `r->handler`
    pub request_handler: &'a [u8],
    /// Path of the `WSGIHandlerScript`, or empty.
    pub handler_script: &'a [u8],
    /// Host name of the local address (`c->local_addr->hostname`), usually empty.
    pub listener_host: &'a [u8],
    /// Port of the local address, as text.
    pub listener_port: &'a [u8],
    /// Process id of this Apache child, as text.
    pub server_pid: &'a [u8],
    /// `r->log_id`
    pub request_id: &'a [u8],
    /// `c->log_id`, if there is one.
    pub connection_id: Option<&'a [u8]>,
    /// `WSGITrustedProxies`
    pub trusted_proxies: Option<&'a [Network]>,
    /// `WSGITrustedProxyHeaders`
    pub trusted_proxy_headers: &'a [Text],
}

/// The finished environ.
#[derive(Debug)]
pub struct Environ<'a> {
    /// Its text entries.
    pub entries: Vec<Entry<'a>>,
    /// `wsgi.url_scheme` is `https`.
    pub https: bool,
}

/// Builds the environ from `table` (httpd's `subprocess_env`, in order) and `facts`.
pub fn build<'a>(table: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>, facts: &Facts<'a>) -> Environ<'a>;

/// Whether `REQUEST_METHOD` shows GET for a HEAD request. `content_filter`: the first output filter of the request has a type
/// below `AP_FTYPE_PROTOCOL` (it needs the body to make its headers).
pub fn shows_head_as_get(map_head: MapHead, content_filter: bool) -> bool;

/// Whether a request header may become an environ entry. What it says no to is removed from `headers_in` before httpd makes
/// variables of them: a name with another character than letters, digits and `-`, and `Proxy` (httpoxy).
pub fn keeps_header(name: &[u8]) -> bool;
