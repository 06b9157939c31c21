/*! Which scripts of a process group are known before any request, and which of them are loaded at start. *Runs in: parent.* */

use protocol::plan::Script;
use protocol::probe;

use super::groups::DaemonGroup;
use super::placement::maps_directory;
use super::view::ServerView;
use crate::settings::{Alias, ImportScript, Text};

/// The scripts of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scripts {
    /// Import scripts in their order, then the mapped ones in theirs, each once.
    pub list: Vec<Script>,
    /// The mapped ones are loaded at start, too.
    pub preload: bool,
    /// Some server looks for changes (`WSGIScriptReloading`).
    pub reload: bool,
}

/// The scripts of a group. Only servers that may use the group have a say: a neighbour's line must not run code in it.
///
/// Nothing is looked at: where an alias leads to a directory without a slash at its end, the directory is in the list, and the group's processes pass over it.
pub fn scripts(group: &DaemonGroup, servers: &[ServerView<'_>]) -> Scripts {
    let name = &group.process.name;
    let allowed: Vec<&ServerView<'_>> = servers.iter().filter(|server| group.allows(server.host).is_ok()).collect();
    let mut imports: Vec<&ImportScript> =
        allowed.iter().flat_map(|server| &server.config.imports).filter(|import| import.process_group == *name).collect();
    imports.sort_by_key(|import| import.order);
    let mut list: Vec<Script> = Vec::new();
    for import in imports {
        add(&mut list, &import.script, &import.application_group, true);
    }
    let before = list.len();
    if !group.process.is_service() {
        for (alias, application_group) in mapped(name, &allowed) {
            add(&mut list, &alias.target, &application_group, false);
        }
    }
    let mapped = list.len() - before;
    let looks = |server: &&ServerView<'_>| server.directory.script_reloading != Some(false);
    Scripts {
        preload: !group.process.is_service() && group.process.preload.loads(mapped),
        reload: allowed.iter().any(looks),
        list,
    }
}

/// The scripts, and the directories of scripts, that are certain to be loaded in a process group (`None`: in embedded mode), whichever application group they
/// belong to: each with the directive that names it. No request has a say in the list.
pub fn named_scripts(group: Option<&DaemonGroup>, servers: &[ServerView<'_>]) -> Vec<probe::Script> {
    let name: &[u8] = group.map_or(b"", |group| &group.process.name);
    let allowed = servers.iter().filter(|server| group.is_none_or(|group| group.allows(server.host).is_ok()));
    let mut list: Vec<probe::Script> = Vec::new();
    let mut add = |directive: &str, path: &[u8], defined_at: &str| {
        if !list.iter().any(|known| known.path == path) {
            list.push(probe::Script { path: path.to_vec(), said_by: format!("{directive} at {defined_at}").into_bytes() });
        }
    };
    for server in allowed {
        for alias in server.config.aliases.iter().filter(|alias| server.reachable && alias.pattern.is_none()) {
            let placed = server.process_group(alias);
            let here = placed.certain && server.fixed_name(placed.name, alias, &|_| false).is_some_and(|fixed| *fixed == *name);
            if here {
                add("WSGIScriptAlias", &alias.target, &alias.defined_at);
            }
        }
        // After the aliases: one that names both groups is an import, too.
        for import in server.config.imports.iter().filter(|import| *import.process_group == *name) {
            add("WSGIImportScript", &import.script, &import.defined_at);
        }
    }
    list
}

/// The aliases that lead to one script in one application group of the process group, whatever a request says.
fn mapped<'s>(group: &Text, servers: &[&ServerView<'s>]) -> Vec<(&'s Alias, Text)> {
    let is_directory = |_: &[u8]| false;
    let mut found: Vec<(&Alias, Text)> = Vec::new();
    for server in servers.iter().filter(|server| server.reachable) {
        for alias in &server.config.aliases {
            let process = server.process_group(alias);
            let application = server.application_group(alias);
            let here = process.certain
                && application.certain
                && alias.pattern.is_none()
                && server.fixed_name(process.name, alias, &is_directory).as_ref() == Some(group)
                && !maps_directory(alias, &is_directory);
            if let Some(name) = server.fixed_name(application.name, alias, &is_directory).filter(|_| here) {
                found.push((alias, name));
            }
        }
    }
    found.sort_by_key(|(alias, _)| alias.order);
    found
}

fn add(list: &mut Vec<Script>, path: &[u8], application_group: &[u8], import: bool) {
    if !list.iter().any(|known| known.path == path && known.application_group == application_group) {
        list.push(Script { path: path.to_vec(), application_group: application_group.to_vec(), import });
    }
}
