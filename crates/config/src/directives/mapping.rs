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
The URL path is compared with the decoded path of the request, letter by letter; a run of slashes matches any run of slashes, and \
the match ends at a slash or at the end of the path. What follows it becomes `PATH_INFO`. With a directory, the next part of the path \
names the script in it. The first alias that matches wins; those of a virtual host are tried before those of the main server. \
An `Alias` of mod_alias that matches goes before all of them.

No `Options ExecCGI` is needed, but Apache must grant access to the directory of the script (`Require all granted`). A relative path \
is taken from `ServerRoot`.

The options override the directives of the same purpose for this alias alone:

* `process-group=` as `WSGIProcessGroup`
* `application-group=` as `WSGIApplicationGroup`
* `callable-object=` as `WSGICallableObject`
* `pass-authorization=` as `WSGIPassAuthorization`

When `process-group=` and `application-group=` are both given and name fixed groups (not `%{ENV:...}` and the like), the script is \
loaded when the process starts, before its first request. The process group may be defined further down, or in another file.

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
As `WSGIScriptAlias`, but the path is matched by a regular expression (the dialect of Apache's other `...Match` directives). In the \
target `$1` to `$9` stand for what the groups matched and `$0` for the whole match; a backslash before `$` keeps the sign. The part of \
the path after the match is appended to the target. An expression that matches without taking a character does not count.

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
    help: "Gives the requests of a handler to a WSGI script.",
    doc: "\
Requests whose handler (`SetHandler`, `AddHandler`) has this name run the callable `handle_request` of the script. The environ \
describes the resource that was asked for, not the script. Neither `Options ExecCGI` nor an existing resource is needed. An inner \
section adds handlers to those around it, and replaces those of the same name.

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
    help: "Names the process group that applications run in.",
    doc: "\
The name is that of a `WSGIDaemonProcess`; `%{GLOBAL}` is embedded mode, where the application runs in Apache's own processes. The other \
forms take the name from the server or the request, as for `WSGIApplicationGroup`: `%{ENV:variable}` reads its notes, the variables of \
`SetEnv` and `RewriteRule`, and the environment of Apache. Names are compared letter by letter.

A request for a group that does not exist, or that belongs to a virtual host of another name, is answered with 500; `apachectl configtest` \
refuses such a name where the server itself gives it, and warns of it in a section. The innermost section that names a group wins.",
    apply: Apply::Both(process_group),
};

pub const APPLICATION_GROUP: Directive = Directive {
    name: "WSGIApplicationGroup",
    chapter: Chapter::Mapping,
    contexts: Contexts::Directories,
    arity: Arity { min: 1, max: Some(1) },
    syntax: "name|%{GLOBAL}|%{SERVER}|%{RESOURCE}|%{HOST}|%{ENV:variable}",
    default: "%{RESOURCE}",
    help: "Names the application group, which is the Python interpreter that applications share.",
    doc: "\
Applications of one group share an interpreter; each further group of a process is a sub-interpreter of its own.

* `%{GLOBAL}`: the main interpreter
* `%{SERVER}`: one per `ServerName` and port (ports 80 and 443 are left out of the name)
* `%{RESOURCE}`: as `%{SERVER}`, and one per `SCRIPT_NAME`
* `%{HOST}`: one per Host header of the client
* `%{ENV:variable}`: taken from the request, as for `WSGIProcessGroup`
* anything else is a name of its own

Many C extension modules (numpy, everything built with PyO3) work in the main interpreter only. So the first application group that a \
`WSGIScriptAlias` maps in a fixed way lives in the main interpreter, unless something names `%{GLOBAL}`; further applications \
that need such modules are given `%{GLOBAL}` themselves. Every process group has a main interpreter of its own. A process makes at most 100 interpreters under names that a request may \
choose (`%{HOST}`, `%{ENV:...}`, a `SCRIPT_NAME` that no `WSGIScriptAlias` fixes, a port that only the Host header names); beyond that such a \
request is answered with 503. \
The innermost section that names a group wins.",
    apply: Apply::Both(application_group),
};

pub const CALLABLE_OBJECT: Directive = Directive {
    name: "WSGICallableObject",
    chapter: Chapter::Mapping,
    contexts: Contexts::Htaccess(Override::FileInfo),
    arity: Arity { min: 1, max: Some(1) },
    syntax: "name|%{ENV:variable}",
    default: "application",
    help: "Names the callable in the script that is the WSGI application.",
    doc: "\
A name at the top level of the script; a dotted path or `module:name` is refused. `%{ENV:variable}` takes the name from the request; where it is not set, the name is `application`. \
The other `%{...}` forms stand for `application`.",
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
    help: "Whether the file system tells upper case from lower case.",
    doc: "Off: two spellings of a script's path are one script, and two spellings of a `SCRIPT_NAME` are one `%{RESOURCE}` group.",
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
