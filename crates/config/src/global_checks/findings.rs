/*! What is allowed, but hardly meant. A mistake in a single directive is refused where it stands; what is left here shows only when
everything has been read. *Runs in: parent (configtest and start).* */

use std::sync::Arc;

use protocol::log_code;

use super::group_findings;
use super::view::ServerView;
use crate::diagnostics::{Diagnostics, Finding};
use crate::error::quoted;
use crate::settings::{Alias, Text};

/// What configtest warns of or (by the level of its code) refuses, and the error log shows at start.
pub fn check(servers: &[ServerView<'_>], notes: &Diagnostics) -> Vec<Finding> {
    let mut findings = notes.strange();
    for server in servers {
        findings.extend(useless_aliases(server));
        findings.extend(believes_everybody(server));
    }
    findings.extend(notes.proxy_headers_from_anyone().map(|defined_at| from_anyone("a directory section", Some(defined_at))));
    findings.extend(servers.first().and_then(|main| forbidden_aliases(main, servers)));
    findings.extend(group_findings::check(servers));
    // A virtual host repeats what it inherits.
    let mut seen: Vec<Finding> = Vec::new();
    for finding in findings {
        if !seen.contains(&finding) {
            seen.push(finding);
        }
    }
    seen
}

fn useless_aliases(server: &ServerView<'_>) -> Vec<Finding> {
    // Those that a virtual host inherits are looked at in the main server; to cover one of them is how an exception is written.
    let all = &server.config.aliases;
    let aliases = all.get(..all.len().saturating_sub(server.config.inherited)).unwrap_or(all);
    let mut findings = Vec::new();
    for (index, alias) in aliases.iter().enumerate() {
        if alias.pattern.is_none() && !alias.location.starts_with(b"/") {
            findings.push(Finding::new(
                log_code::ALIAS_NEVER_MATCHES,
                format!("WSGIScriptAlias {} never matches: the path of a URL begins with a slash", quoted(&alias.location)),
                "begin the URL path with `/`",
                Some(alias.defined_at.clone()),
            ));
        }
        let hides = |earlier: &&Alias| same_urls(earlier, alias);
        if let Some(earlier) = aliases.iter().take(index).find(hides) {
            findings.push(Finding::new(
                log_code::ALIAS_SHADOWED,
                format!(
                    "the alias for {} is never used, because the alias at {} matches the same URLs first",
                    quoted(&alias.location),
                    earlier.defined_at
                ),
                "remove one of the two, or move the alias with the longer URL path before the other one",
                Some(alias.defined_at.clone()),
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

fn from_anyone(what: &str, defined_at: Option<Arc<str>>) -> Finding {
    Finding::new(
        log_code::PROXY_HEADERS_FROM_ANYONE,
        format!(
            "{what} has WSGITrustedProxyHeaders, but no WSGITrustedProxies: every client is trusted, and can choose its own address"
        ),
        "list your proxies, for example `WSGITrustedProxies 127.0.0.1 10.0.0.0/8`",
        defined_at,
    )
}

fn forbidden_aliases(main: &ServerView<'_>, servers: &[ServerView<'_>]) -> Option<Finding> {
    if !main.config.process.restrict_embedded {
        return None;
    }
    let embedded = servers.iter().flat_map(|server| server.config.aliases.iter().filter(|alias| server.runs_embedded(alias)));
    let first = embedded.min_by_key(|alias| alias.order)?;
    Some(Finding::new(
        log_code::EMBEDDED_FORBIDDEN_BUT_MAPPED,
        format!(
            "the alias for {} uses embedded mode, which `WSGIRestrictEmbedded On` forbids: its requests get 500",
            quoted(&first.location)
        ),
        "remove `WSGIRestrictEmbedded On`, or assign the application to a process group of `WSGIDaemonProcess`",
        Some(first.defined_at.clone()),
    ))
}
