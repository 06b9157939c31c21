/*! Loading scripts: at start, before the first request, and again when they change. */

use super::options::{self, Kind};
use super::{arguments, uses};
use crate::directive::{Apply, Arity, Chapter, Contexts, Directive, DirectiveContext, Override};
use crate::error::ConfigError;
use crate::settings::{Alias, ImportScript, ServerConfig};

pub const IMPORT_SCRIPT: Directive = Directive {
    name: "WSGIImportScript",
    chapter: Chapter::Mapping,
    contexts: Contexts::Servers,
    arity: Arity { min: 3, max: None },
    syntax: "script process-group=name|%{GLOBAL} application-group=name|%{GLOBAL}",
    default: "none",
    help: "Loads a script when a process starts.",
    doc: "\
Both options are required. The process group may be declared later in the configuration, or in another file. The scripts are loaded in the order of \
the configuration, before the first request. If a script fails, the error is logged and the process serves nevertheless. To load an \
application before its first request, use its path and its groups.

```apache
WSGIImportScript /srv/shop/wsgi.py process-group=%{GLOBAL} application-group=%{GLOBAL}
```",
    apply: Apply::Server(import_script),
};

pub const SCRIPT_RELOADING: Directive = Directive {
    name: "WSGIScriptReloading",
    chapter: Chapter::Mapping,
    contexts: Contexts::Htaccess(Override::FileInfo),
    arity: Arity { min: 1, max: Some(1) },
    syntax: "On|Off",
    default: "On",
    help: "Whether a script is reloaded when its file has changed.",
    doc: "\
On: each request compares the modification time of the script with that of the loaded code. If they differ, embedded mode reloads the script itself, \
but not the modules that it imports. A process group starts new processes, which replace the old ones when they have loaded the new code. \
If the new code does not load, the old code continues to serve and the log gives the reason.",
    apply: Apply::Directory(|config, words, _| {
        if let [word, ..] = words {
            config.script_reloading = Some(arguments::on_off("WSGIScriptReloading", word)?);
        }
        Ok(())
    }),
};

fn import_script(config: &mut ServerConfig, words: &[&[u8]], context: &DirectiveContext<'_>) -> Result<(), ConfigError> {
    const KIND: Kind =
        Kind { directive: "WSGIImportScript", definition: "import script", names: &["process-group", "application-group"] };
    let [script, rest @ ..] = words else { return Ok(()) };
    let script = arguments::path(script, context);
    let options = options::read(&KIND, rest, context)?;
    let missing = |option: &str| {
        ConfigError::new(
            format!("WSGIImportScript requires `{option}=`, which is missing"),
            format!("add `{option}=%{{GLOBAL}}`, or the name of the group in which the application runs"),
        )
    };
    let process_group = options.process_group.ok_or_else(|| missing("process-group"))?;
    let application_group = options.application_group.ok_or_else(|| missing("application-group"))?;
    let per_request = |option: &str| {
        ConfigError::new(
            format!("WSGIImportScript: `{option}=` names a group that depends on the request"),
            format!("write a literal name or `{option}=%{{GLOBAL}}`, because the script is loaded before the first request"),
        )
    };
    let group = process_group.fixed().ok_or_else(|| per_request("process-group"))?;
    let application_group = application_group.fixed().ok_or_else(|| per_request("application-group"))?;
    uses::note(config, KIND.directive, Some(&process_group), true, true, context);
    let order = context.notes.next_sequence();
    config.imports.push(ImportScript { script, process_group: group, application_group, defined_at: context.name(), order });
    Ok(())
}

/// The script of an alias that names both its groups for good is loaded when the process starts.
pub fn preload(alias: &Alias) -> Option<ImportScript> {
    if alias.pattern.is_some() && alias.target.contains(&b'$') {
        return None;
    }
    Some(ImportScript {
        script: alias.target.clone(),
        process_group: alias.process_group.as_ref()?.fixed()?,
        application_group: alias.application_group.as_ref()?.fixed()?,
        defined_at: alias.defined_at.clone(),
        order: alias.order,
    })
}
