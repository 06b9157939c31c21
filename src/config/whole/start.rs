/*! What an Apache child does before its first request: whether it starts Python, and which scripts it loads. *Runs in: parent.* */

use super::view::ServerView;
use crate::config::notes::Notes;
use crate::config::settings::ImportScript;

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
        server.directory.handler_scripts.is_some() || server.config.aliases.iter().any(|alias| server.runs_embedded(alias))
    };
    !restricted && (notes.handler_script_in_section() || servers.iter().any(maps))
}
