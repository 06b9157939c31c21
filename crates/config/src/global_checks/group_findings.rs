/*! What the whole configuration shows about process groups: names that nobody defined, groups of a neighbour, groups that nothing uses.
*Runs in: parent (configtest and start).* */

use protocol::log_code;

use super::groups::{DaemonGroup, Groups, NoAccess};
use super::view::ServerView;
use crate::diagnostics::Finding;
use crate::error::quoted;
use crate::settings::GroupName;
use crate::settings::section::GroupUse;

/// What there is to say.
pub fn check(servers: &[ServerView<'_>]) -> Vec<Finding> {
    let groups = Groups::new(servers);
    let mut findings = Vec::new();
    for (index, server) in servers.iter().enumerate() {
        findings.extend(server.config.uses.iter().filter_map(|used| misnamed(used, index, server, &groups)));
    }
    for group in groups.iter() {
        findings.extend(if group.process.is_service() { service(group, servers) } else { unused(group, servers) });
    }
    findings
}

/// A name that leads nowhere. In the main server a group of a virtual host may be named, for that host to inherit.
fn misnamed(used: &GroupUse, server_index: usize, server: &ServerView<'_>, groups: &Groups) -> Option<Finding> {
    let name = quoted(&used.name);
    let plain = String::from_utf8_lossy(&used.name);
    match groups.usable(&used.name, server.host) {
        Err(NoAccess::Unknown) => Some(Finding::new(
            if used.in_section { log_code::SECTION_GROUP_NOT_DEFINED } else { log_code::GROUP_NOT_DEFINED },
            if used.import {
                let phrase = NoAccess::Unknown.phrase();
                format!(
                    "{phrase} {} names the process group {name}, which is not defined: the script will not be loaded",
                    used.directive
                )
            } else {
                format!("{} names the process group {name}, which is not defined: its requests get 500", used.directive)
            },
            &format!(
                "define it with `WSGIDaemonProcess {}`, correct the name, or write `%{{GLOBAL}}` for embedded mode",
                plain.escape_debug()
            ),
            Some(used.defined_at.clone()),
        )),
        Err(why @ (NoAccess::Foreign | NoAccess::Nameless)) if server_index > 0 || used.import => {
            let defined = groups.get(&used.name).map(|group| group.process.defined_at.clone()).unwrap_or_default();
            Some(Finding::new(
                log_code::GROUP_NOT_ACCESSIBLE,
                format!(
                    "{} {} names the process group {name}, which belongs to another virtual host, at {defined}",
                    why.phrase(),
                    used.directive
                ),
                "move that `WSGIDaemonProcess` out of its <VirtualHost>, so that every virtual host can use it, or repeat the same declaration in this one",
                Some(used.defined_at.clone()),
            ))
        }
        _ => None,
    }
}

/// A group that no request can come to, which usually means that an application runs in embedded mode by mistake.
fn unused(group: &DaemonGroup, servers: &[ServerView<'_>]) -> Option<Finding> {
    let name = &group.process.name;
    let used = servers.iter().any(|server| {
        let imports = server.config.imports.iter().any(|import| import.process_group == *name);
        group.allows(server.host).is_ok() && (server.might_use(name) || imports)
    });
    (!used).then(|| {
        let plain = String::from_utf8_lossy(name);
        Finding::new(
            log_code::GROUP_UNUSED,
            format!("the process group {} is not used: its processes will never get a request", quoted(name)),
            &format!(
                "write `WSGIProcessGroup {0}` in the server or section of the application, or add `process-group={0}` to its WSGIScriptAlias; \
                 applications without a process group run in embedded mode",
                plain.escape_debug()
            ),
            Some(group.process.defined_at.clone()),
        )
    })
}

fn service(group: &DaemonGroup, servers: &[ServerView<'_>]) -> Option<Finding> {
    let name = &group.process.name;
    let is_it = |named: &GroupName| matches!(named, GroupName::Literal(text) if text == name);
    let mapped = servers.iter().flat_map(|server| {
        let server_wide = server.directory.process_group.as_ref().filter(|_| !server.config.aliases.is_empty());
        server.config.aliases.iter().filter_map(|alias| alias.process_group.as_ref()).chain(server_wide)
    });
    if mapped.into_iter().any(is_it) {
        return Some(Finding::new(
            log_code::SERVICE_GROUP_MISUSED,
            format!("the process group {} has `threads=0`, so it serves no requests, but URLs are mapped to it", quoted(name)),
            "set `threads=` to at least 1, or assign the application to another group",
            Some(group.process.defined_at.clone()),
        ));
    }
    let runs = servers.iter().any(|server| server.config.imports.iter().any(|import| import.process_group == *name));
    (!runs).then(|| {
        Finding::new(
            log_code::SERVICE_GROUP_MISUSED,
            format!("the process group {} has `threads=0`, but no WSGIImportScript: it has nothing to run", quoted(name)),
            "add a `WSGIImportScript` for the service, or set `threads=` to at least 1",
            Some(group.process.defined_at.clone()),
        )
    })
}
