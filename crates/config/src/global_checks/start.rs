/*! What an Apache child does before its first request: whether it starts Python, and which scripts it loads. *Runs in: parent.* */

use super::view::ServerView;
use crate::settings::{GroupName, ImportScript};

/// The scripts to load when an Apache child starts, in the order in which they stand in the configuration.
pub fn embedded_imports<'a>(servers: &[ServerView<'a>]) -> Vec<&'a ImportScript> {
    let all = servers.iter().flat_map(|server| &server.config.imports);
    let mut imports: Vec<&ImportScript> = all.filter(|import| import.process_group.is_empty()).collect();
    imports.sort_by_key(|import| import.order);
    imports
}

/// Whether an Apache child starts Python at once: when something is certain to run there. Otherwise it does so at the first request in
/// embedded mode, which `AddHandler`, a section or a `.htaccess` file may bring, or (`WSGIRestrictEmbedded On`) not at all. A server of
/// daemon groups alone never needs it, nor the libpython that embedded mode asks for.
pub fn starts_python(servers: &[ServerView<'_>]) -> bool {
    if !embedded_imports(servers).is_empty() {
        return true;
    }
    let restricted = servers.first().is_some_and(|main| main.config.process.restrict_embedded);
    !restricted && servers.iter().any(maps_to_embedded)
}

fn maps_to_embedded(server: &ServerView<'_>) -> bool {
    let base = server.directory.process_group.as_ref().unwrap_or(&GroupName::Global);
    // A handler's requests come from anywhere, so any section that names another group may be theirs.
    let sections_agree = server.named_in_sections().all(|name| *name == GroupName::Global);
    let embedded = |named: Option<&GroupName>, around: Option<&GroupName>| match named.or(around) {
        Some(name) => *name == GroupName::Global,
        None => *base == GroupName::Global && sections_agree,
    };
    let handlers = server.directory.handler_scripts.as_deref().unwrap_or_default();
    let in_sections = server.config.sections.iter().any(|section| {
        section.handlers.iter().any(|(process_group, _)| embedded(process_group.as_ref(), section.process_group.as_ref()))
    });
    in_sections
        || handlers.iter().any(|script| embedded(script.process_group.as_ref(), None))
        || server.config.aliases.iter().any(|alias| server.runs_embedded(alias))
}
