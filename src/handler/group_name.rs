/*! What a configured group or callable name means for one request: section 3.3 of the behaviour reference.

A name is resolved twice over: to what the application sees (`mod_wsgi.application_group`), and to the interpreter that runs it,
which is the main one for the group that is promoted to it. *Runs in: child, once per request.* */

use std::borrow::Cow;

use crate::config::settings::{CallableName, GroupName};
use crate::config::whole::{host_and_port, shown_port};

/// What the names of a request are made of.
pub trait RequestFacts {
    /// The server's `ServerName` (`r->server->server_hostname`).
    fn server_host(&self) -> &[u8];
    /// `ap_get_server_port(r)`: by default the client's choice, because it comes from the Host header.
    fn server_port(&self) -> u16;
    /// The server's port as configured: the same value as [`crate::config::whole::ServerView::port`] of that server.
    fn configured_port(&self) -> u16;
    /// The host of the Host header, without the port (`r->hostname`), if there was one.
    fn host_header(&self) -> Option<&[u8]>;
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
    /// The name to hand to the engine. It differs from `name` only for the group in the main interpreter, when the client
    /// named another port than the configured one: that must not make a second interpreter of the application.
    pub fn interpreter(&self) -> &[u8] {
        self.promoted.unwrap_or(&self.name)
    }
}

/// Resolves an application group. `main_group` is what [`crate::config::whole::main_group`] found.
pub fn application_group<'a>(configured: &'a GroupName, facts: &dyn RequestFacts, main_group: Option<&'a [u8]>) -> Resolved<'a> {
    match configured {
        GroupName::Global => fixed(Cow::Borrowed(b"")),
        GroupName::Literal(name) => fixed(Cow::Borrowed(name)),
        GroupName::Env(name) => {
            let form = variable(name, facts);
            let (name, promoted) = match &form {
                GroupName::Server | GroupName::Resource => of_server(&form, facts, main_group),
                form => (expand(form, facts, facts.server_port()), None),
            };
            Resolved { name: Cow::Owned(name), promoted, dynamic: true }
        }
        GroupName::Host => {
            Resolved { name: Cow::Owned(expand(configured, facts, facts.server_port())), promoted: None, dynamic: true }
        }
        GroupName::Server | GroupName::Resource => {
            let (name, promoted) = of_server(configured, facts, main_group);
            let invented = *configured == GroupName::Resource && !facts.mapped_by_path();
            let other_port = shown_port(facts.server_port()) != shown_port(facts.configured_port());
            Resolved { name: Cow::Owned(name), promoted, dynamic: promoted.is_none() && (invented || other_port) }
        }
    }
}

const fn fixed(name: Cow<'_, [u8]>) -> Resolved<'_> {
    Resolved { name, promoted: None, dynamic: false }
}

/// A name that the server is part of, and the promoted group if it is that one.
fn of_server<'a>(form: &GroupName, facts: &dyn RequestFacts, main_group: Option<&'a [u8]>) -> (Vec<u8>, Option<&'a [u8]>) {
    let as_configured = expand(form, facts, facts.configured_port());
    let promoted = main_group.filter(|main| *main == as_configured);
    let name = if shown_port(facts.server_port()) == shown_port(facts.configured_port()) {
        as_configured
    } else {
        expand(form, facts, facts.server_port())
    };
    (name, promoted)
}

/// Resolves a process group; the empty name is embedded mode.
pub fn process_group<'a>(configured: &'a GroupName, facts: &dyn RequestFacts) -> Cow<'a, [u8]> {
    match configured {
        GroupName::Global => Cow::Borrowed(b""),
        GroupName::Literal(name) => Cow::Borrowed(name),
        GroupName::Env(name) => Cow::Owned(expand(&variable(name, facts), facts, facts.server_port())),
        form => Cow::Owned(expand(form, facts, facts.server_port())),
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
        GroupName::Host => host_and_port(facts.host_header().unwrap_or(facts.server_host()), port),
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
    use crate::config::settings::{CallableName, GroupName};

    struct Facts {
        port: u16,
        host_header: Option<&'static [u8]>,
        mapped_by_path: bool,
        case_sensitive: bool,
    }

    const PLAIN: Facts = Facts { port: 80, host_header: Some(b"www.example.org"), mapped_by_path: true, case_sensitive: true };

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
        fn host_header(&self) -> Option<&[u8]> {
            self.host_header
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
            let facts = Facts { port, ..PLAIN };
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
        assert!(resolved(b"%{SERVER}", &Facts { port: 81, ..PLAIN }).1, "a port of the Host header");
        assert!(!resolved(b"%{SERVER}", &Facts { port: 443, ..PLAIN }).1, "443 is not shown");
        assert!(!resolved(b"%{SERVER}", &Facts { mapped_by_path: false, ..PLAIN }).1);
        assert!(!resolved(b"plain", &Facts { port: 81, mapped_by_path: false, ..PLAIN }).1);
    }

    #[test]
    fn the_promoted_group_keeps_its_interpreter_under_another_port() {
        let facts = Facts { port: 8000, ..PLAIN };
        let main = Some(b"example.org|/Shop".as_slice());
        let group = application_group(&GroupName::Resource, &facts, main);
        assert_eq!(&*group.name, b"example.org:8000|/Shop");
        assert_eq!(group.interpreter(), b"example.org|/Shop");
        assert!(!group.dynamic);
        let other = application_group(&GroupName::Server, &facts, main);
        assert_eq!(other.interpreter(), b"example.org:8000");
        assert!(other.dynamic);
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
