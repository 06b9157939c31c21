/*! Daemon mode: processes of their own for applications, who may use them, and where their sockets are. The options of
`WSGIDaemonProcess` have a table of their own ([`crate::daemon`]). */

use super::arguments;
use crate::daemon;
use crate::directive::{Apply, Arity, Chapter, Contexts, Directive, DirectiveContext, Override};
use crate::error::{ConfigError, quoted};
use crate::settings::{DirectoryConfig, GroupName, ServerConfig, Text};

const ONE: Arity = Arity { min: 1, max: Some(1) };

pub const DAEMON_PROCESS: Directive = Directive {
    name: "WSGIDaemonProcess",
    chapter: Chapter::Daemon,
    contexts: Contexts::Servers,
    arity: Arity { min: 1, max: None },
    syntax: "name [option=value ...]",
    default: "none",
    help: "Declares a process group: separate processes that run applications.",
    doc: "\
The options set the Python, the user, the limits and the number of threads of the processes. Assign applications to the group with `WSGIProcessGroup` \
or `process-group=`. All options are described [below](#options-of-wsgidaemonprocess).

A group that is declared outside of `<VirtualHost>` is available to every virtual host. A group that is declared inside `<VirtualHost>` is available \
to the virtual hosts with the same `ServerName`, and logs to the `ErrorLog` of that virtual host. The name is unique in the whole server. \
If an identical declaration occurs again, for example in a virtual host that was copied for TLS, both declare the same group.

```apache
WSGIDaemonProcess shop user=shop python-home=/srv/shop/venv home=/srv/shop threads=8
WSGIScriptAlias / /srv/shop/wsgi.py process-group=shop application-group=%{GLOBAL}
```",
    apply: Apply::Server(daemon::define),
};

pub const RESTRICT_PROCESS: Directive = Directive {
    name: "WSGIRestrictProcess",
    chapter: Chapter::Daemon,
    contexts: Contexts::Directories,
    arity: Arity { min: 1, max: None },
    syntax: "name|%{GLOBAL} ...",
    default: "none, which permits all",
    help: "The process groups that may be used here.",
    doc: "\
Applications may run only in the groups that are listed; otherwise the request gets 500. This also restricts `WSGIProcessGroup`, which a `.htaccess` \
file can set to any name with `%{ENV:...}`. `%{GLOBAL}` means embedded mode. Names are case-sensitive. Several directives in the same \
section are combined. A section with this directive replaces the inherited list.",
    apply: Apply::Directory(restrict_process),
};

pub const RESTRICT_EMBEDDED: Directive = Directive {
    name: "WSGIRestrictEmbedded",
    chapter: Chapter::Daemon,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "On|Off",
    default: "Off",
    help: "Whether embedded mode is forbidden.",
    doc: "\
On: a request for an application in embedded mode gets 500. Python is not started in httpd's child processes, unless a `WSGIImportScript` of embedded \
mode needs it.",
    apply: Apply::Server(|config, words, _| {
        if let [word, ..] = words {
            config.process.restrict_embedded = arguments::on_off("WSGIRestrictEmbedded", word)?;
        }
        Ok(())
    }),
};

pub const IGNORE_ACTIVITY: Directive = Directive {
    name: "WSGIIgnoreActivity",
    chapter: Chapter::Daemon,
    contexts: Contexts::Htaccess(Override::FileInfo),
    arity: ONE,
    syntax: "On|Off",
    default: "Off",
    help: "Whether requests do not count as activity.",
    doc: "\
On: a request does not count as activity for `inactivity-timeout=` of `WSGIDaemonProcess`. Use it for health checks, which would otherwise keep an \
idle application active.",
    apply: Apply::Directory(|config, words, _| {
        if let [word, ..] = words {
            config.ignore_activity = Some(arguments::on_off("WSGIIgnoreActivity", word)?);
        }
        Ok(())
    }),
};

pub const ERROR_OVERRIDE: Directive = Directive {
    name: "WSGIErrorOverride",
    chapter: Chapter::Daemon,
    contexts: Contexts::Htaccess(Override::FileInfo),
    arity: ONE,
    syntax: "On|Off",
    default: "Off",
    help: "Whether httpd's error pages replace those of applications.",
    doc: "\
On: if an application in a daemon process responds with a status of 400 or above, its body is dropped and httpd's `ErrorDocument` for that status is \
sent. It has no effect in embedded mode.",
    apply: Apply::Directory(|config, words, _| {
        if let [word, ..] = words {
            config.error_override = Some(arguments::on_off("WSGIErrorOverride", word)?);
        }
        Ok(())
    }),
};

pub const SOCKET_PREFIX: Directive = Directive {
    name: "WSGISocketPrefix",
    chapter: Chapter::Daemon,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "path-prefix",
    default: "a directory below `DefaultRuntimeDir`",
    help: "The path prefix of the sockets of process groups.",
    doc: "\
Numbers and `.sock` are appended to this prefix. A relative path is resolved against `ServerRoot`. The directive is rarely needed: by default, the \
sockets are created in a directory with the correct permissions. Apache's user must be able to search the directory that is named here.",
    apply: Apply::Server(|config, words, context| {
        if let [word, ..] = words {
            config.process.socket_prefix = Some(arguments::path(word, context));
        }
        Ok(())
    }),
};

pub const SOCKET_ROTATION: Directive = Directive {
    name: "WSGISocketRotation",
    chapter: Chapter::Daemon,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "On|Off",
    default: "On",
    help: "Whether sockets get a new name when the configuration is read again.",
    doc: "Off: the socket of a group has the same name after `apachectl graceful`. No request is lost in either case.",
    apply: Apply::Server(|config, words, _| {
        if let [word, ..] = words {
            config.process.socket_rotation = arguments::on_off("WSGISocketRotation", word)?;
        }
        Ok(())
    }),
};

pub const ACCEPT_MUTEX: Directive = Directive {
    name: "WSGIAcceptMutex",
    chapter: Chapter::Daemon,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "default|flock|fcntl|sysvsem|posixsem|pthread",
    default: "none",
    help: "Accepted for old configurations. Has no effect.",
    doc: "\
The processes of a group need no mutex to accept connections. A message of level `info` in the error log reports the unused directive.",
    apply: Apply::Server(accept_mutex),
};

pub const SERVER_METRICS: Directive = Directive {
    name: "WSGIServerMetrics",
    chapter: Chapter::Daemon,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "On|Off",
    default: "Off",
    help: "Whether applications in embedded mode may read the state of the whole server.",
    doc: "\
On: for applications in embedded mode, `mod_wsgi.server_metrics()` returns the state of all processes and threads of httpd, including clients and \
requests of every virtual host (requests only with `ExtendedStatus On`). Off: it returns None. For process groups, use the option \
`server-metrics=`.",
    apply: Apply::Server(|config, words, _| {
        if let [word, ..] = words {
            config.process.server_metrics = arguments::on_off("WSGIServerMetrics", word)?;
        }
        Ok(())
    }),
};

fn restrict_process(config: &mut DirectoryConfig, words: &[&[u8]], _: &DirectiveContext<'_>) -> Result<(), ConfigError> {
    let mut permitted: Vec<Text> = config.restrict_process.as_deref().unwrap_or_default().to_vec();
    for word in words {
        permitted.push(match GroupName::parse(word) {
            GroupName::Global => Text::from([]),
            GroupName::Literal(name) => name,
            GroupName::Server | GroupName::Host | GroupName::Resource | GroupName::Env(_) => {
                return Err(ConfigError::new(
                    format!(
                        "WSGIRestrictProcess: {} is a variable that depends on the request, not the name of a group",
                        quoted(word)
                    ),
                    "list the names of the groups, and `%{GLOBAL}` for embedded mode",
                ));
            }
        });
    }
    config.restrict_process = Some(permitted.into());
    Ok(())
}

fn accept_mutex(_: &mut ServerConfig, words: &[&[u8]], context: &DirectiveContext<'_>) -> Result<(), ConfigError> {
    const KNOWN: [&str; 6] = ["default", "flock", "fcntl", "sysvsem", "posixsem", "pthread"];
    let [word, ..] = words else { return Ok(()) };
    if !KNOWN.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(word)) {
        return Err(ConfigError::new(
            format!("WSGIAcceptMutex must be one of: {}, found: {}", KNOWN.join(" | "), quoted(word)),
            "remove the directive, which has no effect any more",
        ));
    }
    context.notes.note_directive_without_effect(
        ConfigError::new(
            "WSGIAcceptMutex has no effect: the processes of a group need no lock to accept connections",
            "remove the directive",
        ),
        context.name(),
    );
    Ok(())
}
