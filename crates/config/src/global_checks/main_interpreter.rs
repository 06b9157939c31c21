/*! Whom the main interpreter of a process group hosts. Most C extensions work only there, so it must not stand idle while the one
application of a group runs in a sub-interpreter. *Runs in: parent.* */

use super::placement::might_be;
use super::view::ServerView;
use crate::settings::{Alias, GroupName, Text};

/// The application group that is hosted in the main interpreter of `process_group` (the empty one is embedded mode), besides
/// `%{GLOBAL}`: the first one that a `WSGIScriptAlias` maps in a way that no request has a say in, unless anything in that process group
/// names `%{GLOBAL}`.
///
/// `servers` begins with the main server; the virtual hosts follow in the order of the configuration. `is_directory` says whether
/// an alias's target is a directory, whose scripts each have a group of their own.
///
/// See [`main_choices`] for who may not look at files.
pub fn main_group(process_group: &[u8], servers: &[ServerView<'_>], is_directory: &dyn Fn(&[u8]) -> bool) -> Option<Text> {
    if servers.iter().any(|server| names_global(server, process_group)) {
        return None;
    }
    let reachable = servers.iter().filter(|server| server.reachable);
    let mapped = reachable.flat_map(|server| server.config.aliases.iter().map(move |alias| (*server, alias)));
    let fixed =
        mapped.filter_map(|(server, alias)| Some((alias.order, fixed_group(&server, alias, process_group, is_directory)?)));
    fixed.min_by_key(|(order, _)| *order).map(|(_, name)| name)
}

/// So many aliases on what may be a directory are considered.
const MOST_CHOICES: usize = 32;

/// As [`main_group`], for a process group whose files this process does not look at: the application groups that it may be, the best one first, each with the
/// target that must not be a directory (empty for no condition). The last one is the first that has no condition.
pub fn main_choices(process_group: &[u8], servers: &[ServerView<'_>]) -> Vec<(Text, Text)> {
    if servers.iter().any(|server| names_global(server, process_group)) {
        return Vec::new();
    }
    let mut choices = Vec::new();
    for server in servers.iter().filter(|server| server.reachable) {
        for alias in &server.config.aliases {
            if let Some(name) = fixed_group(server, alias, process_group, &|_| false) {
                let conditional = fixed_group(server, alias, process_group, &|_| true).is_none();
                choices.push((alias.order, name, if conditional { alias.target.clone() } else { Text::from([]) }));
            }
        }
    }
    choices.sort_by_key(|(order, ..)| *order);
    let last = choices.iter().position(|(_, _, target)| target.is_empty()).map_or(choices.len(), |last| last + 1);
    choices.into_iter().take(last.min(MOST_CHOICES)).map(|(_, name, target)| (name, target)).collect()
}

fn is_global(name: Option<&GroupName>) -> bool {
    name == Some(&GroupName::Global)
}

fn names_global(server: &ServerView<'_>, group: &[u8]) -> bool {
    // Where the process group is not known before a request, it may be this one.
    let might = |named: Option<&GroupName>| named.map_or_else(|| server.might_use(group), |name| might_be(name, group));
    let by_alias = server.config.aliases.iter().any(|alias| {
        let placed = server.process_group(alias);
        is_global(alias.application_group.as_ref())
            && (might_be(placed.name, group) || (!placed.certain && server.might_use(group)))
    });
    let imports = &server.config.imports;
    let by_import = imports.iter().any(|import| *import.process_group == *group && import.application_group.is_empty());
    let handlers = server.directory.handler_scripts.as_deref().unwrap_or_default();
    let by_handler = handlers.iter().any(|one| is_global(one.application_group.as_ref()) && might(one.process_group.as_ref()));
    let by_section = server.config.sections.iter().any(|section| {
        let handler =
            section.handlers.iter().any(|(process, application)| is_global(application.as_ref()) && might(process.as_ref()));
        handler || (is_global(section.application_group.as_ref()) && might(section.process_group.as_ref()))
    });
    let by_server = is_global(server.directory.application_group.as_ref()) && server.might_use(group);
    by_alias || by_import || by_handler || by_section || by_server
}

fn fixed_group(server: &ServerView<'_>, alias: &Alias, group: &[u8], is_directory: &dyn Fn(&[u8]) -> bool) -> Option<Text> {
    if alias.pattern.is_some() {
        return None;
    }
    let runs_in = server.fixed_name(server.process_group(alias).name, alias, is_directory)?;
    if *runs_in != *group {
        return None;
    }
    // The empty name is the main interpreter already.
    server.fixed_name(server.application_group(alias).name, alias, is_directory).filter(|name| !name.is_empty())
}
