/*! What a configured group or callable name means for one request.

A name is resolved twice over: to what the application sees (`mod_wsgi.application_group`), and to the interpreter that runs it,
which is the main one for the group that is promoted to it. *Runs in: child, once per request.* */

use std::borrow::Cow;
use std::net::Ipv6Addr;

use config::global_checks::{host_and_port, shown_port};
use config::settings::{CallableName, GroupName};

/// What the names of a request are made of.
pub trait RequestFacts {
    /// The server's `ServerName` (`r->server->server_hostname`).
    fn server_host(&self) -> &[u8];
    /// `ap_get_server_port(r)`: by default the client's choice, because it comes from the Host header.
    fn server_port(&self) -> u16;
    /// The server's port as configured: the same value as [`config::global_checks::ServerView::port`] of that server.
    fn configured_port(&self) -> u16;
    /// The port that the client's connection came to (`c->local_addr`): one that httpd listens on.
    fn local_port(&self) -> u16;
    /// The host of the Host header, without the port (`r->hostname`), if there was one.
    fn host_header(&self) -> Option<&[u8]>;
    /// Whether `ServerName` or a `ServerAlias` without wildcards of the server is `host` (in any case).
    fn is_configured_host(&self, host: &[u8]) -> bool;
    /// `SCRIPT_NAME`, before any trusted proxy rewrote it.
    fn script_name(&self) -> &[u8];
    /// Whether a `WSGIScriptAlias` (not a regular expression, not `AddHandler`) mapped the request, so that the client cannot
    /// invent a `SCRIPT_NAME`.
    fn mapped_by_path(&self) -> bool;
    /// `WSGICaseSensitivity`
    fn case_sensitive(&self) -> bool;
    /// A variable of the request's notes, then of `subprocess_env`, then of the process's environment.
    fn lookup_env(&self, name: &[u8]) -> Option<Cow<'_, [u8]>>;
}

/// A resolved application group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved<'a> {
    /// The name that the application is told; empty for `%{GLOBAL}`.
    pub name: Cow<'a, [u8]>,
    /// The promoted group's own name, if this is it under another port.
    promoted: Option<&'a [u8]>,
    /// The client may have a hand in the name, so the limit on dynamically named interpreters applies.
    pub dynamic: bool,
}

impl Resolved<'_> {
    /// The name to hand to the engine. It differs from `name` only for the group in the main interpreter, when the request came
    /// by another port than the configured one: that must not make a second interpreter of the application.
    pub fn interpreter(&self) -> &[u8] {
        self.promoted.unwrap_or(&self.name)
    }
}

/// Resolves an application group. `main_group` is what [`config::global_checks::main_group`] found.
pub fn application_group<'a>(configured: &'a GroupName, facts: &dyn RequestFacts, main_group: Option<&'a [u8]>) -> Resolved<'a> {
    match configured {
        GroupName::Global => fixed(Cow::Borrowed(b"")),
        GroupName::Literal(name) => fixed(Cow::Borrowed(name)),
        GroupName::Env(name) => {
            let form = variable(name, facts);
            let (name, promoted) = match &form {
                GroupName::Server | GroupName::Resource => of_server(&form, facts, main_group),
                form => (expand(form, facts, port(facts)), None),
            };
            Resolved { name: Cow::Owned(name), promoted, dynamic: true }
        }
        GroupName::Host => {
            // A host that the configuration names always gets its interpreter, however many others clients have made up.
            let invented = !facts.is_configured_host(&host(facts));
            Resolved { name: Cow::Owned(expand(configured, facts, port(facts))), promoted: None, dynamic: invented }
        }
        GroupName::Server | GroupName::Resource => {
            let (name, promoted) = of_server(configured, facts, main_group);
            let invented = *configured == GroupName::Resource && !facts.mapped_by_path();
            Resolved { name: Cow::Owned(name), promoted, dynamic: promoted.is_none() && invented }
        }
    }
}

const fn fixed(name: Cow<'_, [u8]>) -> Resolved<'_> {
    Resolved { name, promoted: None, dynamic: false }
}

/// The port that names show. `ap_get_server_port` takes any number from the Host header, and each would make an interpreter: a number
/// counts if the request did come to that port, or if names do not show it (80 and 443, also those of a proxy in front that keeps
/// the Host header); in all other cases the configured port does.
fn port(facts: &dyn RequestFacts) -> u16 {
    let asked = facts.server_port();
    if shown_port(asked).is_none() || asked == facts.local_port() { asked } else { facts.configured_port() }
}

/// The host that names show: that of the Host header in the one form that stands for all its spellings, else `ServerName`.
fn host(facts: &dyn RequestFacts) -> Cow<'_, [u8]> {
    let Some(host) = facts.host_header() else { return Cow::Borrowed(facts.server_host()) };
    let (inner, brackets) = match host {
        [b'[', inner @ .., b']'] => (inner, true),
        host => (host, false),
    };
    if let Some(address) = str::from_utf8(inner).ok().and_then(|text| text.parse::<Ipv6Addr>().ok()) {
        let text = if brackets { format!("[{address}]") } else { address.to_string() };
        return Cow::Owned(text.into_bytes());
    }
    let dots = host.iter().rev().take_while(|byte| **byte == b'.').count();
    let host = host.get(..host.len() - dots).unwrap_or_default();
    if host.iter().any(u8::is_ascii_uppercase) { Cow::Owned(host.to_ascii_lowercase()) } else { Cow::Borrowed(host) }
}

/// A name that the server is part of, and the promoted group if it is that one.
fn of_server<'a>(form: &GroupName, facts: &dyn RequestFacts, main_group: Option<&'a [u8]>) -> (Vec<u8>, Option<&'a [u8]>) {
    let as_configured = expand(form, facts, facts.configured_port());
    let promoted = main_group.filter(|main| *main == as_configured);
    let port = port(facts);
    let name = if shown_port(port) == shown_port(facts.configured_port()) { as_configured } else { expand(form, facts, port) };
    (name, promoted)
}

/// Resolves a process group; the empty name is embedded mode.
pub fn process_group<'a>(configured: &'a GroupName, facts: &dyn RequestFacts) -> Cow<'a, [u8]> {
    match configured {
        GroupName::Global => Cow::Borrowed(b""),
        GroupName::Literal(name) => Cow::Borrowed(name),
        GroupName::Env(name) => Cow::Owned(expand(&variable(name, facts), facts, port(facts))),
        form => Cow::Owned(expand(form, facts, port(facts))),
    }
}

/// Resolves the name of the callable; `application` when nothing names one.
pub fn callable<'a>(configured: Option<&'a CallableName>, facts: &dyn RequestFacts) -> Cow<'a, [u8]> {
    const DEFAULT: &[u8] = b"application";
    match configured {
        None => Cow::Borrowed(DEFAULT),
        Some(CallableName::Literal(name)) => Cow::Borrowed(name),
        Some(CallableName::Env(name)) => match variable(name, facts) {
            GroupName::Literal(name) => Cow::Owned(name.to_vec()),
            // A variable that is not set names nothing, unlike that of a group.
            _ => Cow::Borrowed(DEFAULT),
        },
    }
}

/// What `%{ENV:name}` stands for. A value that is itself a form is read once more, though not `%{ENV:}` again; a variable that
/// does not exist leaves the text as it was written.
fn variable(name: &[u8], facts: &dyn RequestFacts) -> GroupName {
    match facts.lookup_env(name) {
        Some(value) if value.starts_with(b"%{ENV:") => GroupName::Literal(value.as_ref().into()),
        Some(value) => GroupName::parse(&value),
        None => GroupName::Env(name.into()),
    }
}

/// The text of a name. A variable that is left over stands for itself.
fn expand(form: &GroupName, facts: &dyn RequestFacts, port: u16) -> Vec<u8> {
    match form {
        GroupName::Global => Vec::new(),
        GroupName::Literal(name) => name.to_vec(),
        GroupName::Env(name) => [b"%{ENV:", &**name, b"}"].concat(),
        GroupName::Server => host_and_port(facts.server_host(), port),
        GroupName::Host => host_and_port(&host(facts), port),
        GroupName::Resource => {
            let mut name = host_and_port(facts.server_host(), port);
            name.push(b'|');
            let before = name.len();
            name.extend_from_slice(facts.script_name());
            if let Some(script_name) = name.get_mut(before..).filter(|_| !facts.case_sensitive()) {
                script_name.make_ascii_lowercase();
            }
            name
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::{RequestFacts, application_group, callable, process_group};
    use config::settings::{CallableName, GroupName};

    struct Facts {
        port: u16,
        local_port: u16,
        host_header: Option<&'static [u8]>,
        mapped_by_path: bool,
        case_sensitive: bool,
    }

    const PLAIN: Facts =
        Facts { port: 80, local_port: 80, host_header: Some(b"www.example.org"), mapped_by_path: true, case_sensitive: true };

    impl RequestFacts for Facts {
        fn server_host(&self) -> &[u8] {
            b"example.org"
        }
        fn server_port(&self) -> u16 {
            self.port
        }
        fn configured_port(&self) -> u16 {
            80
        }
        fn local_port(&self) -> u16 {
            self.local_port
        }
        fn host_header(&self) -> Option<&[u8]> {
            self.host_header
        }
        fn is_configured_host(&self, host: &[u8]) -> bool {
            host == b"example.org" || host == b"alias.example.org"
        }
        fn script_name(&self) -> &[u8] {
            b"/Shop"
        }
        fn mapped_by_path(&self) -> bool {
            self.mapped_by_path
        }
        fn case_sensitive(&self) -> bool {
            self.case_sensitive
        }
        fn lookup_env(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
            let value: &[u8] = match name {
                b"GROUP" => b"tenant-1",
                b"EMPTY" => b"",
                b"FORM" => b"%{RESOURCE}",
                b"MAIN" => b"%{GLOBAL}",
                b"LOOP" => b"%{ENV:LOOP}",
                b"ODD" => b"%{NOTHING}",
                _ => return None,
            };
            Some(Cow::Borrowed(value))
        }
    }

    fn resolved(word: &[u8], facts: &Facts) -> (String, bool) {
        let name = GroupName::parse(word);
        let resolved = application_group(&name, facts, None);
        (String::from_utf8_lossy(&resolved.name).into_owned(), resolved.dynamic)
    }

    #[test]
    fn application_groups_are_named_as_documented() {
        let cases: &[(&[u8], &str, bool)] = &[
            (b"%{GLOBAL}", "", false),
            (b"", "", false),
            (b"%{SERVER}", "example.org", false),
            (b"%{HOST}", "www.example.org", true),
            (b"%{RESOURCE}", "example.org|/Shop", false),
            (b"%{ENV:GROUP}", "tenant-1", true),
            (b"%{ENV:EMPTY}", "", true),
            (b"%{ENV:FORM}", "example.org|/Shop", true),
            (b"%{ENV:MAIN}", "", true),
            (b"%{ENV:LOOP}", "%{ENV:LOOP}", true),
            (b"%{ENV:ODD}", "%{NOTHING}", true),
            (b"%{ENV:MISSING}", "%{ENV:MISSING}", true),
            (b"%{NOTHING}", "%{NOTHING}", false),
            (b"x%{SERVER}", "x%{SERVER}", false),
            (b"plain", "plain", false),
        ];
        for (word, name, dynamic) in cases {
            assert_eq!(resolved(word, &PLAIN), ((*name).to_owned(), *dynamic), "{}", word.escape_ascii());
        }
    }

    #[test]
    fn the_port_is_named_unless_it_is_the_schemes_own() {
        for (port, suffix) in [(80, ""), (443, ""), (8080, ":8080"), (1, ":1")] {
            let facts = Facts { port, local_port: port, ..PLAIN };
            assert_eq!(resolved(b"%{SERVER}", &facts).0, format!("example.org{suffix}"));
            assert_eq!(resolved(b"%{HOST}", &facts).0, format!("www.example.org{suffix}"));
            assert_eq!(resolved(b"%{RESOURCE}", &facts).0, format!("example.org{suffix}|/Shop"));
        }
        assert_eq!(resolved(b"%{HOST}", &Facts { host_header: None, ..PLAIN }).0, "example.org");
    }

    #[test]
    fn case_is_dropped_from_the_script_name_alone() {
        assert_eq!(resolved(b"%{RESOURCE}", &Facts { case_sensitive: false, ..PLAIN }).0, "example.org|/shop");
    }

    #[test]
    fn what_a_client_can_invent_is_dynamic() {
        assert!(resolved(b"%{RESOURCE}", &Facts { mapped_by_path: false, ..PLAIN }).1, "a SCRIPT_NAME of a regular expression");
        assert!(!resolved(b"%{SERVER}", &Facts { port: 81, local_port: 81, ..PLAIN }).1, "a port that httpd listens on");
        assert!(!resolved(b"%{SERVER}", &Facts { port: 443, ..PLAIN }).1, "443 is not shown");
        assert!(!resolved(b"%{SERVER}", &Facts { mapped_by_path: false, ..PLAIN }).1);
        assert!(!resolved(b"plain", &Facts { port: 81, mapped_by_path: false, ..PLAIN }).1);
    }

    #[test]
    fn a_port_that_the_client_made_up_is_not_named() {
        for asked in [1, 81, 8080, 65_535] {
            let facts = Facts { port: asked, ..PLAIN };
            assert_eq!(resolved(b"%{SERVER}", &facts), ("example.org".to_owned(), false));
            assert_eq!(resolved(b"%{RESOURCE}", &facts), ("example.org|/Shop".to_owned(), false));
            assert_eq!(resolved(b"%{HOST}", &facts).0, "www.example.org");
            assert_eq!(&*process_group(&GroupName::Host, &facts), b"www.example.org");
        }
        let behind_a_proxy = Facts { port: 80, local_port: 8080, ..PLAIN };
        assert_eq!(resolved(b"%{HOST}", &behind_a_proxy).0, "www.example.org");
    }

    #[test]
    fn all_spellings_of_a_host_are_one_name() {
        let named = |host: &'static [u8]| resolved(b"%{HOST}", &Facts { host_header: Some(host), ..PLAIN });
        for host in [&b"alias.example.org"[..], b"ALIAS.example.org", b"alias.example.org.", b"Alias.Example.Org.."] {
            assert_eq!(named(host), ("alias.example.org".to_owned(), false), "{}", host.escape_ascii());
        }
        for host in [&b"[2001:db8::1]"[..], b"[2001:DB8::1]", b"[2001:db8:0:0:0:0:0:1]", b"[2001:0db8::0001]"] {
            assert_eq!(named(host), ("[2001:db8::1]".to_owned(), true), "{}", host.escape_ascii());
        }
        assert_eq!(named(b"2001:DB8::1").0, "2001:db8::1");
        assert_eq!(named(b"other.example.org"), ("other.example.org".to_owned(), true), "no name of the configuration");
        assert_eq!(named(b""), (String::new(), true));
    }

    #[test]
    fn the_promoted_group_keeps_its_interpreter_under_another_port() {
        let facts = Facts { port: 8000, local_port: 8000, ..PLAIN };
        let main = Some(b"example.org|/Shop".as_slice());
        let group = application_group(&GroupName::Resource, &facts, main);
        assert_eq!(&*group.name, b"example.org:8000|/Shop");
        assert_eq!(group.interpreter(), b"example.org|/Shop");
        assert!(!group.dynamic);
        let other = application_group(&GroupName::Server, &facts, main);
        assert_eq!(other.interpreter(), b"example.org:8000");
        assert!(!other.dynamic);
    }

    #[test]
    fn process_groups_and_callables_follow_the_same_forms() {
        for (word, name) in [
            (b"%{GLOBAL}".as_slice(), ""),
            (b"%{ENV:MAIN}", ""),
            (b"%{ENV:GROUP}", "tenant-1"),
            (b"%{ENV:X}", "%{ENV:X}"),
            (b"%{SERVER}", "example.org"),
        ] {
            assert_eq!(&*process_group(&GroupName::parse(word), &PLAIN), name.as_bytes());
        }
        let env = |name: &str| CallableName::Env(name.as_bytes().into());
        assert_eq!(&*callable(None, &PLAIN), b"application");
        assert_eq!(&*callable(Some(&CallableName::Literal(b"app".as_slice().into())), &PLAIN), b"app");
        assert_eq!(&*callable(Some(&env("GROUP")), &PLAIN), b"tenant-1");
        assert_eq!(&*callable(Some(&env("MAIN")), &PLAIN), b"application");
        assert_eq!(&*callable(Some(&env("MISSING")), &PLAIN), b"application");
        assert_eq!(&*callable(Some(&env("LOOP")), &PLAIN), b"%{ENV:LOOP}");
    }
}
