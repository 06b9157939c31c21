/*! What only the whole configuration shows: whom the main interpreter hosts, what is loaded at start, and what is worth a warning.

Called once per reading, when everything has been merged. All of it is about the text: nothing here looks at a file, except
through a question that the caller answers. *Runs in: parent (check_config and post_config).* */

use std::sync::Arc;

use protocol::log_code::{self, LogCode};

use super::error::{ConfigError, quoted};
use super::notes::{Finding, Notes};
use super::settings::{Alias, DirectoryConfig, GroupName, ImportScript, ServerConfig, Text};

/// One server as it stands after merging.
#[derive(Clone, Copy, Debug)]
pub struct ServerView<'a> {
    /// Its settings; those of a virtual host are already merged with the main server's.
    pub config: &'a ServerConfig,
    /// Its settings outside of directory sections, merged likewise.
    pub directory: &'a DirectoryConfig,
    /// `ServerName` (`server_hostname`).
    pub host: &'a [u8],
    /// Its port: `ServerName`'s, else that of the virtual host's address, else the first `Listen`'s.
    pub port: u16,
    /// Whether a request can reach it. Not so for a main server when wildcard virtual hosts cover every `Listen`.
    pub reachable: bool,
}

/// The host and the port as group names begin: without the port where it is the scheme's own.
pub fn host_and_port(host: &[u8], port: u16) -> Vec<u8> {
    match port {
        80 | 443 => host.to_vec(),
        port => [host, b":", port.to_string().as_bytes()].concat(),
    }
}

/// The application group that is hosted in the main interpreter of embedded mode, besides `%{GLOBAL}`: the first one that a
/// `WSGIScriptAlias` maps in a way that no request has a say in, unless anything in embedded mode names `%{GLOBAL}`.
///
/// `servers` begins with the main server. `is_directory` says whether an alias's target is a directory, whose scripts each
/// have a group of their own.
pub fn main_group(servers: &[ServerView<'_>], notes: &Notes, is_directory: &dyn Fn(&[u8]) -> bool) -> Option<Text> {
    if notes.global_in_section() || servers.iter().any(names_global) {
        return None;
    }
    let reachable = servers.iter().filter(|server| server.reachable);
    let mapped = reachable.flat_map(|server| server.config.aliases.iter().map(move |alias| (*server, alias)));
    let fixed = mapped.filter_map(|(server, alias)| Some((alias.order, fixed_group(&server, alias, is_directory)?)));
    fixed.min_by_key(|(order, _)| *order).map(|(_, name)| name)
}

fn names_global(server: &ServerView<'_>) -> bool {
    let global = |group: Option<&GroupName>| group == Some(&GroupName::Global);
    let by_alias = server.config.aliases.iter().any(|alias| global(alias.application_group.as_ref()));
    let by_import =
        server.config.imports.iter().any(|import| import.process_group.is_empty() && import.application_group.is_empty());
    let handlers = server.directory.handler_scripts.as_deref().unwrap_or_default();
    let by_handler = handlers.iter().any(|script| global(script.application_group.as_ref()));
    by_alias || by_import || by_handler || global(server.directory.application_group.as_ref())
}

fn fixed_group(server: &ServerView<'_>, alias: &Alias, is_directory: &dyn Fn(&[u8]) -> bool) -> Option<Text> {
    if alias.pattern.is_some() || !is_embedded(server, alias) {
        return None;
    }
    let name = alias.application_group.as_ref().or(server.directory.application_group.as_ref());
    match name.unwrap_or(&GroupName::Resource) {
        GroupName::Literal(name) => Some(name.clone()),
        GroupName::Server => Some(host_and_port(server.host, server.port).into()),
        GroupName::Resource if alias.target.ends_with(b"/") || is_directory(&alias.target) => None,
        GroupName::Resource => {
            let script_name = fixed_script_name(&alias.location, server.config.process.case_sensitive);
            Some([&host_and_port(server.host, server.port), b"|".as_slice(), &script_name].concat().into())
        }
        GroupName::Global | GroupName::Host | GroupName::Env(_) => None,
    }
}

/// `SCRIPT_NAME` of the requests that an alias for a file maps: its URL path, runs of slashes made one, none at the end.
fn fixed_script_name(location: &[u8], case_sensitive: bool) -> Vec<u8> {
    let parts = location.split(|byte| *byte == b'/').filter(|part| !part.is_empty());
    let mut name: Vec<u8> = parts.flat_map(|part| [b"/", part]).flatten().copied().collect();
    if !case_sensitive {
        name.make_ascii_lowercase();
    }
    name
}

fn is_embedded(server: &ServerView<'_>, alias: &Alias) -> bool {
    let group = alias.process_group.as_ref().or(server.directory.process_group.as_ref());
    group.is_none_or(|group| *group == GroupName::Global)
}

/// The scripts to load when an Apache child starts, in the order in which they stand in the configuration.
pub fn embedded_imports<'a>(servers: &[ServerView<'a>]) -> Vec<&'a ImportScript> {
    let all = servers.iter().flat_map(|server| &server.config.imports);
    let mut imports: Vec<&ImportScript> = all.filter(|import| import.process_group.is_empty()).collect();
    imports.sort_by_key(|import| import.order);
    imports
}

/// Whether an Apache child starts Python at once. Otherwise it does so at the first request in embedded mode, which
/// `AddHandler` or a `.htaccess` file may bring, or (`WSGIRestrictEmbedded On`) not at all.
pub fn starts_python(servers: &[ServerView<'_>], notes: &Notes) -> bool {
    if !embedded_imports(servers).is_empty() {
        return true;
    }
    let restricted = servers.first().is_some_and(|main| main.config.process.restrict_embedded);
    let maps = |server: &ServerView<'_>| {
        server.directory.handler_scripts.is_some() || server.config.aliases.iter().any(|alias| is_embedded(server, alias))
    };
    !restricted && (notes.handler_script_in_section() || servers.iter().any(maps))
}

/// What configtest warns of, and the error log shows at start. A mistake in a single directive is refused where it stands; what
/// is left here is allowed, but hardly meant.
pub fn check(servers: &[ServerView<'_>], notes: &Notes) -> Vec<Finding> {
    let mut findings = notes.strange();
    for server in servers {
        findings.extend(useless_aliases(server));
        findings.extend(believes_everybody(server));
    }
    findings.extend(notes.proxy_headers_from_anyone().map(|place| from_anyone("a directory section", Some(place))));
    findings.extend(servers.first().and_then(|main| forbidden_aliases(main, servers)));
    // A virtual host repeats what it inherits.
    let mut seen: Vec<Finding> = Vec::new();
    for finding in findings {
        if !seen.contains(&finding) {
            seen.push(finding);
        }
    }
    seen
}

fn finding(code: LogCode, message: String, hint: &str, place: Option<Arc<str>>) -> Finding {
    Finding { code, text: ConfigError::new(message, hint), place }
}

fn useless_aliases(server: &ServerView<'_>) -> Vec<Finding> {
    // Those that a virtual host inherits are looked at in the main server; to cover one of them is how an exception is written.
    let all = &server.config.aliases;
    let aliases = all.get(..all.len().saturating_sub(server.config.inherited)).unwrap_or(all);
    let mut findings = Vec::new();
    for (index, alias) in aliases.iter().enumerate() {
        if alias.pattern.is_none() && !alias.location.starts_with(b"/") {
            findings.push(finding(
                log_code::ALIAS_NEVER_MATCHES,
                format!("WSGIScriptAlias {} never matches: the path of a URL begins with a slash", quoted(&alias.location)),
                "begin the URL path with `/`",
                Some(alias.place.clone()),
            ));
        }
        let hides = |earlier: &&Alias| same_urls(earlier, alias);
        if let Some(earlier) = aliases.iter().take(index).find(hides) {
            findings.push(finding(
                log_code::ALIAS_SHADOWED,
                format!(
                    "the alias for {} is never used: the first alias that matches wins, and that is the one at {}",
                    quoted(&alias.location),
                    earlier.place
                ),
                "remove one of them, or move the alias with the longer URL path before the shorter one",
                Some(alias.place.clone()),
            ));
        }
    }
    findings
}

/// Whether every URL that `later` matches is matched by `earlier` already.
fn same_urls(earlier: &Alias, later: &Alias) -> bool {
    match (&earlier.pattern, &later.pattern) {
        (Some(_), Some(_)) => earlier.location == later.location,
        (None, None) => {
            let parts = |location: &Text| -> Vec<Vec<u8>> {
                location.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).map(<[u8]>::to_vec).collect()
            };
            parts(&later.location).starts_with(&parts(&earlier.location))
                && !(earlier.location.ends_with(b"/") && earlier.location.len() > 1)
        }
        _ => false,
    }
}

fn believes_everybody(server: &ServerView<'_>) -> Option<Finding> {
    let believes = server.directory.trusted_proxy_headers.is_some() && server.directory.trusted_proxies.is_none();
    believes.then(|| from_anyone(&format!("server {}", quoted(server.host)), None))
}

fn from_anyone(what: &str, place: Option<Arc<str>>) -> Finding {
    finding(
        log_code::PROXY_HEADERS_FROM_ANYONE,
        format!(
            "{what} has WSGITrustedProxyHeaders, but no WSGITrustedProxies: every client is believed, and can choose its own address"
        ),
        "name your proxies, as `WSGITrustedProxies 127.0.0.1 10.0.0.0/8`",
        place,
    )
}

fn forbidden_aliases(main: &ServerView<'_>, servers: &[ServerView<'_>]) -> Option<Finding> {
    if !main.config.process.restrict_embedded {
        return None;
    }
    let embedded = servers.iter().flat_map(|server| server.config.aliases.iter().filter(|alias| is_embedded(server, alias)));
    let first = embedded.min_by_key(|alias| alias.order)?;
    Some(finding(
        log_code::EMBEDDED_FORBIDDEN_BUT_MAPPED,
        format!(
            "the alias for {} runs in embedded mode, which `WSGIRestrictEmbedded On` forbids: it answers with 500",
            quoted(&first.location)
        ),
        "remove `WSGIRestrictEmbedded On`: this version serves embedded mode only",
        Some(first.place.clone()),
    ))
}
