/*! Whom the main interpreter hosts. Most C extensions work only there, so it must not stand idle while the one application of a
server runs in a sub-interpreter (decision 10). *Runs in: parent.* */

use super::view::{ServerView, host_and_port};
use crate::config::notes::Notes;
use crate::config::settings::{Alias, GroupName, Text};

/// The application group that is hosted in the main interpreter of embedded mode, besides `%{GLOBAL}`: the first one that a
/// `WSGIScriptAlias` maps in a way that no request has a say in, unless anything in embedded mode names `%{GLOBAL}`.
///
/// `servers` begins with the main server; the virtual hosts follow in the order of the configuration. `is_directory` says whether
/// an alias's target is a directory, whose scripts each have a group of their own.
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
    if alias.pattern.is_some() || !server.runs_embedded(alias) {
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
