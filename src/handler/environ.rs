/*! The text entries of a request's environ.

In goes what httpd collected (`subprocess_env` after `ap_add_common_vars` and `ap_add_cgi_vars`), out comes what the application
sees: without what must not arrive, with what mod_wsgi adds, and after the trusted proxies' say. What has another type than text
(`wsgi.input`, tuples, times) the engine adds. Unchanged entries are lent, never copied. *Runs in: child, once per request.* */

pub mod authorization;
pub mod filter;
pub mod trusted_proxy;
pub mod variables;

use std::borrow::Cow;
use std::ffi::CStr;

use self::filter::EnvAction;
use crate::request::environ::{Entry, Environ};
use config::daemon::chroot;
use config::settings::MapHead;
use config::settings::network::Network;
use config::settings::proxy_header::ProxyHeader;

/// What the environ is made of besides httpd's table.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The method is HEAD, and `WSGIMapHEADToGET` wants it shown as GET (see [`shows_head_as_get`]).
    pub head_as_get: bool,
    /// mod_ssl says that the connection is TLS (`ssl_is_https`).
    pub tls: bool,
    /// The `Authorization` header, if it was sent and `WSGIPassAuthorization` lets it pass.
    pub authorization: Option<&'a [u8]>,
    /// From [`super::mapping::route::split_url`].
    pub script_name: &'a [u8],
    /// From [`super::mapping::route::split_url`].
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
    pub trusted_proxy_headers: &'a [&'static ProxyHeader],
    /// `chroot=` of the process group.
    pub chroot: Option<&'a [u8]>,
}

impl<'a> Facts<'a> {
    /// What the application gets besides httpd's own variables, but for what a client proves itself with.
    pub fn named(&self) -> impl Iterator<Item = (&'static CStr, &'a [u8])> + use<'a> {
        let fixed = [
            (c"SCRIPT_NAME", self.script_name),
            (c"PATH_INFO", self.path_info),
            (c"mod_wsgi.script_name", self.script_name),
            (c"mod_wsgi.path_info", self.path_info),
            (c"mod_wsgi.process_group", self.process_group),
            (c"mod_wsgi.application_group", self.application_group),
            (c"mod_wsgi.callable_object", self.callable_object),
            (c"mod_wsgi.request_handler", self.request_handler),
            (c"mod_wsgi.handler_script", self.handler_script),
            (c"mod_wsgi.listener_host", self.listener_host),
            (c"mod_wsgi.listener_port", self.listener_port),
            (c"mod_wsgi.server_pid", self.server_pid),
            (c"mod_wsgi.request_id", self.request_id),
        ];
        fixed.into_iter().chain(self.connection_id.map(|id| (c"mod_wsgi.connection_id", id)))
    }
}

/// Room for what [`build`] adds to httpd's table.
const ADDED: usize = 20;

/// Builds the environ from `table` (httpd's `subprocess_env`, in order) and `facts`.
pub fn build<'a>(table: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>, facts: &Facts<'a>) -> Environ<'a> {
    let mut entries = Vec::with_capacity(table.size_hint().0.max(40) + ADDED);
    let mut https = facts.tls;
    for (key, value) in table {
        match filter::action(key, facts.head_as_get, facts.authorization.is_some()) {
            EnvAction::Kept => entries.push(Entry { key, value: value.map(Cow::Borrowed) }),
            EnvAction::Dropped => {}
            EnvAction::Scheme => https |= value.is_some_and(says_https),
        }
    }
    if let Some(chroot) = facts.chroot {
        move_into(chroot, &mut entries);
    }
    add(&mut entries, facts);
    if !facts.trusted_proxy_headers.is_empty() {
        let scheme = trusted_proxy::apply(&mut entries, facts.trusted_proxies, facts.trusted_proxy_headers);
        https = scheme.unwrap_or(https);
    }
    Environ { entries, https }
}

/// Paths become what they are for a process whose root directory is `chroot`; a document root that does not lie in it is no place there.
fn move_into(chroot: &[u8], entries: &mut Vec<Entry<'_>>) {
    entries.retain_mut(|entry| {
        let document_root = entry.key.eq_ignore_ascii_case(b"DOCUMENT_ROOT");
        if !document_root && !entry.key.eq_ignore_ascii_case(b"SCRIPT_FILENAME") {
            return true;
        }
        let Some(path) = &entry.value else { return true };
        match chroot::inside(chroot, path) {
            Some(inside) => {
                entry.value = Some(Cow::Owned(inside.to_vec()));
                true
            }
            None => !document_root,
        }
    });
}

/// `HTTPS=on` in any case, or `HTTPS=1`.
fn says_https(value: &[u8]) -> bool {
    value.eq_ignore_ascii_case(b"on") || value == b"1"
}

fn add<'a>(entries: &mut Vec<Entry<'a>>, facts: &Facts<'a>) {
    let lent = |(key, value): (&'static [u8], &'a [u8])| Entry { key, value: Some(Cow::Borrowed(value)) };
    entries.extend(facts.named().map(|(key, value)| lent((key.to_bytes(), value))));
    entries.extend(facts.authorization.map(|value| lent((b"HTTP_AUTHORIZATION", value))));
    if facts.head_as_get {
        entries.push(lent((b"REQUEST_METHOD", b"GET")));
    }
}

/// Whether `REQUEST_METHOD` shows GET for a HEAD request. `content_filter`: the first output filter of the request has a type
/// below `AP_FTYPE_PROTOCOL`, so it needs the body to make its headers.
pub const fn shows_head_as_get(map_head: MapHead, content_filter: bool) -> bool {
    match map_head {
        MapHead::Off => false,
        MapHead::On => true,
        MapHead::Auto => content_filter,
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::{Environ, Facts, build, shows_head_as_get};
    use config::settings::MapHead;
    use config::test_support::Sample;

    const FACTS: Facts<'static> = Facts {
        head_as_get: false,
        tls: false,
        authorization: None,
        script_name: b"/app",
        path_info: b"/page",
        process_group: b"",
        application_group: b"example.org|/app",
        callable_object: b"application",
        request_handler: b"wsgi-script",
        handler_script: b"",
        listener_host: b"",
        listener_port: b"8080",
        server_pid: b"42",
        request_id: b"r1",
        connection_id: Some(b"c1"),
        trusted_proxies: None,
        trusted_proxy_headers: &[],
        chroot: None,
    };

    fn built<'a>(table: &'a [(&'a str, &'a str)], facts: &Facts<'a>) -> Environ<'a> {
        build(table.iter().map(|(key, value)| (key.as_bytes(), Some(value.as_bytes()))), facts)
    }

    fn value(environ: &Environ<'_>, key: &str) -> Option<String> {
        let mut found = environ.entries.iter().filter(|entry| entry.key == key.as_bytes());
        let entry = found.next()?;
        assert!(found.next().is_none(), "{key} stands twice");
        entry.value.as_ref().map(|value| String::from_utf8_lossy(value).into_owned())
    }

    #[test]
    fn what_mod_wsgi_adds_is_there() {
        let environ = built(&[], &Facts { authorization: Some(b"Basic x"), ..FACTS });
        let expected = [
            ("SCRIPT_NAME", "/app"),
            ("PATH_INFO", "/page"),
            ("mod_wsgi.script_name", "/app"),
            ("mod_wsgi.path_info", "/page"),
            ("mod_wsgi.process_group", ""),
            ("mod_wsgi.application_group", "example.org|/app"),
            ("mod_wsgi.callable_object", "application"),
            ("mod_wsgi.request_handler", "wsgi-script"),
            ("mod_wsgi.handler_script", ""),
            ("mod_wsgi.listener_host", ""),
            ("mod_wsgi.listener_port", "8080"),
            ("mod_wsgi.server_pid", "42"),
            ("mod_wsgi.request_id", "r1"),
            ("mod_wsgi.connection_id", "c1"),
            ("HTTP_AUTHORIZATION", "Basic x"),
        ];
        assert_eq!(environ.entries.len(), expected.len());
        for (key, expected) in expected {
            assert_eq!(value(&environ, key).as_deref(), Some(expected), "{key}");
        }
        assert_eq!(value(&built(&[], &Facts { connection_id: None, ..FACTS }), "mod_wsgi.connection_id"), None);
    }

    #[test]
    fn what_must_not_arrive_is_left_out() {
        let dropped = [
            "GATEWAY_INTERFACE",
            "PATH_TRANSLATED",
            "SERVER_SIGNATURE",
            "REMOTE_HOST",
            "REMOTE_IDENT",
            "PATH",
            "HTTPS",
            "HTTP_PROXY",
            "LD_LIBRARY_PATH",
            "DYLD_LIBRARY_PATH",
            "LIBPATH",
            "SHLIB_PATH",
            "path",
            "Https",
            "wsgi.input",
            "wsgi.url_scheme",
            "wsgi.errors",
            "WSGI.version",
            "mod_wsgi.process_group",
            "Mod_Wsgi.Application_Group",
            "mod_wsgi.x-magic",
            "mod_wsgi.version",
            "apache.request_rec",
            "apache.version",
            "",
        ];
        for key in dropped {
            let table = [(key, "evil")];
            let environ = built(&table, &FACTS);
            assert!(environ.entries.iter().all(|entry| entry.value.as_deref() != Some(b"evil")), "{key}");
        }
    }

    #[test]
    fn everything_else_is_lent_unchanged() {
        let kept = [
            "REQUEST_METHOD",
            "QUERY_STRING",
            "REQUEST_URI",
            "CONTENT_TYPE",
            "CONTENT_LENGTH",
            "HTTP_HOST",
            "HTTP_AUTHORIZATION",
            "HTTP_PROXY_AUTHORIZATION",
            "SERVER_NAME",
            "SERVER_SOFTWARE",
            "REMOTE_ADDR",
            "REMOTE_PORT",
            "REMOTE_USER",
            "AUTH_TYPE",
            "REQUEST_SCHEME",
            "DOCUMENT_ROOT",
            "SCRIPT_FILENAME",
            "REDIRECT_URL",
            "SSL_PROTOCOL",
            "PATHS",
            "wsgi",
            "wsgiorg.routing",
            "MOD_WSGI",
            "apache",
            "GATEWAY",
            "my.key",
            "HTTPS_ONLY",
        ];
        for key in kept {
            let table = [(key, "kept")];
            let environ = built(&table, &FACTS);
            let entry = environ.entries.iter().find(|entry| entry.key == key.as_bytes());
            let lent = entry.and_then(|entry| entry.value.as_ref()).is_some_and(|value| matches!(value, Cow::Borrowed(b"kept")));
            assert!(lent, "{key}");
        }
    }

    #[test]
    fn a_key_without_a_value_stays_without_one() {
        let environ = build([(b"FLAG".as_slice(), None)].into_iter(), &FACTS);
        assert!(environ.entries.iter().any(|entry| entry.key == b"FLAG" && entry.value.is_none()));
    }

    #[test]
    fn what_the_table_says_of_the_scripts_name_does_not_count() {
        let table = [("SCRIPT_NAME", "/other"), ("PATH_INFO", "/else"), ("HTTP_AUTHORIZATION", "set by somebody")];
        let environ = built(&table, &Facts { authorization: Some(b"sent"), ..FACTS });
        assert_eq!(value(&environ, "SCRIPT_NAME").as_deref(), Some("/app"));
        assert_eq!(value(&environ, "PATH_INFO").as_deref(), Some("/page"));
        assert_eq!(value(&environ, "HTTP_AUTHORIZATION").as_deref(), Some("sent"));
    }

    #[test]
    fn a_mapped_head_is_shown_as_get() {
        let table = [("REQUEST_METHOD", "HEAD")];
        assert_eq!(value(&built(&table, &FACTS), "REQUEST_METHOD").as_deref(), Some("HEAD"));
        assert_eq!(value(&built(&table, &Facts { head_as_get: true, ..FACTS }), "REQUEST_METHOD").as_deref(), Some("GET"));
        for (map_head, without, with) in [(MapHead::Off, false, false), (MapHead::On, true, true), (MapHead::Auto, false, true)] {
            assert_eq!((shows_head_as_get(map_head, false), shows_head_as_get(map_head, true)), (without, with), "{map_head:?}");
        }
    }

    #[test]
    fn the_scheme_comes_from_tls_from_the_table_or_from_a_trusted_proxy() {
        let https = |table: &[(&str, &str)], facts: &Facts<'_>| {
            build(table.iter().map(|(k, v)| (k.as_bytes(), Some(v.as_bytes()))), facts).https
        };
        for (value, expected) in [("on", true), ("ON", true), ("1", true), ("off", false), ("true", false), ("", false)] {
            assert_eq!(https(&[("HTTPS", value)], &FACTS), expected, "{value}");
        }
        let tls = Facts { tls: true, ..FACTS };
        assert!(https(&[], &tls));
        assert!(https(&[("HTTPS", "off")], &tls));
        let headers = Sample::of(&["WSGITrustedProxyHeaders X-Forwarded-Proto"]).directory.trusted_proxy_headers;
        let proxied = Facts { trusted_proxy_headers: headers.as_deref().unwrap_or_default(), ..tls };
        assert!(!https(&[("HTTP_X_FORWARDED_PROTO", "http")], &proxied), "the proxy knows better than mod_ssl");
        assert!(https(&[("HTTP_X_FORWARDED_PROTO", "junk")], &proxied));
        assert!(https(&[("HTTP_X_FORWARDED_PROTO", "https")], &Facts { tls: false, ..proxied }));
        assert!(!https(&[("HTTP_X_FORWARDED_PROTO", "https")], &FACTS), "nobody asked to believe it");
    }

    #[test]
    fn a_trusted_script_name_leaves_the_original_in_place() {
        let headers = Sample::of(&["WSGITrustedProxyHeaders X-Script-Name"]).directory.trusted_proxy_headers;
        let facts = Facts { trusted_proxy_headers: headers.as_deref().unwrap_or_default(), ..FACTS };
        let environ = built(&[("HTTP_X_SCRIPT_NAME", "/outside")], &facts);
        assert_eq!(value(&environ, "SCRIPT_NAME").as_deref(), Some("/outside"));
        assert_eq!(value(&environ, "mod_wsgi.mount_point").as_deref(), Some("/outside"));
        assert_eq!(value(&environ, "mod_wsgi.script_name").as_deref(), Some("/app"));
    }

    #[test]
    fn in_a_jail_paths_are_shortened() {
        let jailed = Facts { chroot: Some(b"/jail"), ..FACTS };
        let paths = |script, root| [("SCRIPT_FILENAME", script), ("DOCUMENT_ROOT", root), ("CONTEXT_PREFIX", "/jail/x")];
        let (inside, outside) = (paths("/jail/srv/app.wsgi", "/jail/www"), paths("/srv/app.wsgi", "/var/www"));
        let environ = built(&inside, &jailed);
        assert_eq!(value(&environ, "SCRIPT_FILENAME").as_deref(), Some("/srv/app.wsgi"));
        assert_eq!(value(&environ, "DOCUMENT_ROOT").as_deref(), Some("/www"));
        assert_eq!(value(&environ, "CONTEXT_PREFIX").as_deref(), Some("/jail/x"));
        let environ = built(&outside, &jailed);
        assert_eq!(value(&environ, "DOCUMENT_ROOT"), None);
        assert_eq!(value(&built(&inside, &FACTS), "SCRIPT_FILENAME").as_deref(), Some("/jail/srv/app.wsgi"));
    }
}
