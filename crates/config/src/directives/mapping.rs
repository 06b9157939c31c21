/*! Mapping: which URL runs which script, in which process group and application group. */

use std::sync::Arc;

use super::options::{self, Kind};
use super::{arguments, loading, uses};
use crate::directive::{Apply, Arity, Chapter, Contexts, Directive, DirectiveContext, Override};
use crate::error::{ConfigError, quoted};
use crate::settings::section;
use crate::settings::{Alias, DirectoryConfig, HandlerScript, Pattern, ServerConfig, Text};

const ALIAS_OPTIONS: &[&str] = &["process-group", "application-group", "callable-object", "pass-authorization"];

pub const SCRIPT_ALIAS: Directive = Directive {
    name: "WSGIScriptAlias",
    chapter: Chapter::Mapping,
    contexts: Contexts::Servers,
    arity: Arity { min: 2, max: None },
    syntax: "url-path file|directory [process-group=name] [application-group=name] [callable-object=name] [pass-authorization=On|Off]",
    default: "none",
    help: "Maps a URL path to a WSGI script, or to a directory of them.",
    doc: "\
The URL path is compared with the decoded path of the request and is case-sensitive. Several slashes in succession count as one. The match ends at a \
slash or at the end of the path, and the rest of the path becomes `PATH_INFO`. If the target is a directory, the next component of the path \
names the script in it. The first alias that matches is used. Aliases of a virtual host are tried before those of the main server. A \
matching `Alias` of mod_alias has precedence over all of them.

`Options ExecCGI` is not needed, but httpd must grant access to the directory of the script (`Require all granted`). A relative path is resolved \
against `ServerRoot`.

The options override the corresponding directives for this alias:

* `process-group=` as `WSGIProcessGroup`
* `application-group=` as `WSGIApplicationGroup`
* `callable-object=` as `WSGICallableObject`
* `pass-authorization=` as `WSGIPassAuthorization`

If `process-group=` and `application-group=` are both given and are independent of the request (no `%{ENV:...}` or similar), the script is loaded \
when the process starts, before its first request. The process group may be declared later in the configuration, or in another file.

```apache
WSGIScriptAlias / /srv/shop/wsgi.py
WSGIScriptAlias /api \"/srv/my api/app.wsgi\" process-group=%{GLOBAL} application-group=%{GLOBAL}
```",
    apply: Apply::Server(script_alias),
};

pub const SCRIPT_ALIAS_MATCH: Directive = Directive {
    name: "WSGIScriptAliasMatch",
    chapter: Chapter::Mapping,
    contexts: Contexts::Servers,
    arity: Arity { min: 2, max: None },
    syntax: "regex target [process-group=name] [application-group=name] [callable-object=name] [pass-authorization=On|Off]",
    default: "none",
    help: "Maps URL paths that match a regular expression to WSGI scripts.",
    doc: "\
As `WSGIScriptAlias`, but the path is matched by a regular expression, with the syntax of httpd's other `...Match` directives. In the target, `$1` to \
`$9` are replaced by the text that the groups matched, and `$0` by the whole match; write `\\$` for a literal `$`. The part of the path \
after the match is appended to the target. A match of zero characters is ignored.

```apache
WSGIScriptAliasMatch ^/sites/([a-z]+) /srv/sites/$1/app.wsgi
```",
    apply: Apply::Server(script_alias_match),
};

pub const HANDLER_SCRIPT: Directive = Directive {
    name: "WSGIHandlerScript",
    chapter: Chapter::Mapping,
    contexts: Contexts::Directories,
    arity: Arity { min: 2, max: None },
    syntax: "handler-name script [process-group=name] [application-group=name] [pass-authorization=On|Off]",
    default: "none",
    help: "Defines a handler that is implemented by a WSGI script.",
    doc: "\
Requests with this handler (`SetHandler`, `AddHandler`) call the function `handle_request` of the script. The environ describes the requested \
resource, not the script. `Options ExecCGI` is not needed, and the resource does not have to exist. A section inherits the handlers of the \
enclosing section, and replaces those with the same name.

```apache
WSGIHandlerScript my-markdown /srv/handlers/markdown.py
AddHandler my-markdown .md
```",
    apply: Apply::Both(handler_script),
};

pub const PROCESS_GROUP: Directive = Directive {
    name: "WSGIProcessGroup",
    chapter: Chapter::Mapping,
    contexts: Contexts::Directories,
    arity: Arity { min: 1, max: Some(1) },
    syntax: "name|%{GLOBAL}|%{SERVER}|%{RESOURCE}|%{HOST}|%{ENV:variable}",
    default: "%{GLOBAL}",
    help: "Sets the process group in which applications run.",
    doc: "\
The name is that of a `WSGIDaemonProcess`. `%{GLOBAL}` selects embedded mode, where the application runs in httpd's child processes. The other \
variables take the name from the server or the request, as for `WSGIApplicationGroup`. `%{ENV:variable}` reads the notes of the request, \
the variables of `SetEnv` and `RewriteRule`, and the environment of httpd. Names are case-sensitive.

If the group does not exist, or belongs to a virtual host with another name, the request gets 500. For such a name in a server or virtual host, \
`apachectl configtest` reports an error, and in a section a warning. The innermost section with this directive is used.",
    apply: Apply::Both(process_group),
};

pub const APPLICATION_GROUP: Directive = Directive {
    name: "WSGIApplicationGroup",
    chapter: Chapter::Mapping,
    contexts: Contexts::Directories,
    arity: Arity { min: 1, max: Some(1) },
    syntax: "name|%{GLOBAL}|%{SERVER}|%{RESOURCE}|%{HOST}|%{ENV:variable}",
    default: "%{RESOURCE}",
    help: "Sets the application group: the Python interpreter in which applications run.",
    doc: "\
Applications with the same group share an interpreter. Each additional group of a process is a separate sub-interpreter.

* `%{GLOBAL}`: the main interpreter
* `%{SERVER}`: one per `ServerName` and port (ports 80 and 443 are omitted from the name)
* `%{RESOURCE}`: as `%{SERVER}`, but one per `SCRIPT_NAME`
* `%{HOST}`: one per Host header of the client
* `%{ENV:variable}`: taken from the request, as for `WSGIProcessGroup`
* any other text is a literal name

Many C extension modules (numpy, everything built with PyO3) work in the main interpreter only. Therefore, the first application group that a \
`WSGIScriptAlias` maps independently of the request uses the main interpreter, unless the configuration contains `%{GLOBAL}`. Set \
`%{GLOBAL}` for other applications that need such modules. Every process group has its own main interpreter. A process creates at most 100 \
interpreters whose names depend on the request (`%{HOST}`, `%{ENV:...}`, a `SCRIPT_NAME` that is not that of a `WSGIScriptAlias`, a port \
that occurs only in the Host header). Then such a request gets 503. The innermost section with this directive is used.",
    apply: Apply::Both(application_group),
};

pub const CALLABLE_OBJECT: Directive = Directive {
    name: "WSGICallableObject",
    chapter: Chapter::Mapping,
    contexts: Contexts::Htaccess(Override::FileInfo),
    arity: Arity { min: 1, max: Some(1) },
    syntax: "name|%{ENV:variable}",
    default: "application",
    help: "Sets the name of the WSGI callable in the script.",
    doc: "\
The name must be defined at the top level of the script. A dotted path or `module:name` is refused. `%{ENV:variable}` takes the name from the \
request; if the variable is not set, the name is `application`. All other `%{...}` variables mean `application`.",
    apply: Apply::Directory(|config, words, _| {
        if let [word, ..] = words {
            config.callable_object = Some(arguments::callable("WSGICallableObject", word)?);
        }
        Ok(())
    }),
};

pub const CASE_SENSITIVITY: Directive = Directive {
    name: "WSGICaseSensitivity",
    chapter: Chapter::Mapping,
    contexts: Contexts::MainServer,
    arity: Arity { min: 1, max: Some(1) },
    syntax: "On|Off",
    default: "On",
    help: "Whether the file system is case-sensitive.",
    doc: "Off: paths of scripts that differ only in case name the same script, and values of `SCRIPT_NAME` that differ only in case name the same \
          `%{RESOURCE}` group.",
    apply: Apply::Server(|config, words, _| {
        if let [word, ..] = words {
            config.process.case_sensitive = arguments::on_off("WSGICaseSensitivity", word)?;
        }
        Ok(())
    }),
};

fn script_alias(config: &mut ServerConfig, words: &[&[u8]], context: &DirectiveContext<'_>) -> Result<(), ConfigError> {
    add_alias("WSGIScriptAlias", config, words, context, |location, target| {
        Ok(Mapped { location: location.into(), pattern: None, target: arguments::path(target, context) })
    })
}

fn script_alias_match(config: &mut ServerConfig, words: &[&[u8]], context: &DirectiveContext<'_>) -> Result<(), ConfigError> {
    const NAME: &str = "WSGIScriptAliasMatch";
    add_alias(NAME, config, words, context, |expression, target| {
        let pattern = (context.compile)(expression).map_err(|reason| {
            ConfigError::new(
                format!("{NAME}: the regular expression {} cannot be compiled: {}", quoted(expression), reason.trim()),
                "correct the expression; put it in double quotes if it contains spaces",
            )
        })?;
        // What a group matches may be the beginning of an absolute path, and `..` is resolved when the whole path is known.
        let target: Text = match target {
            [b'/' | b'$', ..] => target.into(),
            target => [context.server_root, b"/", target].concat().into(),
        };
        Ok(Mapped { location: expression.into(), pattern: Some(pattern), target })
    })
}

/// What the two forms of an alias read from their first two words, each in its own way.
struct Mapped {
    location: Text,
    pattern: Option<Arc<dyn Pattern>>,
    target: Text,
}

fn add_alias(
    directive: &'static str,
    config: &mut ServerConfig,
    words: &[&[u8]],
    context: &DirectiveContext<'_>,
    read: impl FnOnce(&[u8], &[u8]) -> Result<Mapped, ConfigError>,
) -> Result<(), ConfigError> {
    let [location, target, rest @ ..] = words else { return Ok(()) };
    let mapped = read(location, target)?;
    let options = options::read(&Kind { directive, definition: "script alias", names: ALIAS_OPTIONS }, rest, context)?;
    let alias = Alias {
        location: mapped.location,
        pattern: mapped.pattern,
        target: mapped.target,
        process_group: options.process_group,
        application_group: options.application_group,
        callable_object: options.callable_object,
        pass_authorization: options.pass_authorization,
        defined_at: context.name(),
        order: context.notes.next_sequence(),
    };
    let preload = loading::preload(&alias);
    uses::note(config, directive, alias.process_group.as_ref(), true, false, context);
    config.imports.extend(preload);
    config.aliases.push(alias);
    Ok(())
}

fn process_group(
    server: &mut ServerConfig,
    config: &mut DirectoryConfig,
    words: &[&[u8]],
    context: &DirectiveContext<'_>,
) -> Result<(), ConfigError> {
    let [word, ..] = words else { return Ok(()) };
    let name = arguments::group("WSGIProcessGroup", word, context);
    uses::note(server, "WSGIProcessGroup", Some(&name), false, false, context);
    if let Some(record) = section::record(&mut server.sections, context.section.as_ref()) {
        record.process_group = Some(name.clone());
    }
    config.process_group = Some(name);
    Ok(())
}

fn application_group(
    server: &mut ServerConfig,
    config: &mut DirectoryConfig,
    words: &[&[u8]],
    context: &DirectiveContext<'_>,
) -> Result<(), ConfigError> {
    let [word, ..] = words else { return Ok(()) };
    let name = arguments::group("WSGIApplicationGroup", word, context);
    if let Some(record) = section::record(&mut server.sections, context.section.as_ref()) {
        record.application_group = Some(name.clone());
    }
    config.application_group = Some(name);
    Ok(())
}

fn handler_script(
    server: &mut ServerConfig,
    config: &mut DirectoryConfig,
    words: &[&[u8]],
    context: &DirectiveContext<'_>,
) -> Result<(), ConfigError> {
    const KIND: Kind = Kind {
        directive: "WSGIHandlerScript",
        definition: "handler script",
        names: &["process-group", "application-group", "pass-authorization"],
    };
    let [handler, script, rest @ ..] = words else { return Ok(()) };
    let script = arguments::path(script, context);
    let options = options::read(&KIND, rest, context)?;
    uses::note(server, KIND.directive, options.process_group.as_ref(), true, false, context);
    if let Some(record) = section::record(&mut server.sections, context.section.as_ref()) {
        record.handlers.push((options.process_group.clone(), options.application_group.clone()));
    }
    let added = HandlerScript {
        handler: (*handler).into(),
        script,
        process_group: options.process_group,
        application_group: options.application_group,
        pass_authorization: options.pass_authorization,
    };
    let before = config.handler_scripts.as_deref().unwrap_or_default();
    let kept = before.iter().filter(|script| script.handler != added.handler).cloned();
    config.handler_scripts = Some(kept.chain([added.clone()]).collect());
    Ok(())
}
