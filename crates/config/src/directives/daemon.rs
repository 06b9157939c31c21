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
    help: "Declares a group of processes that run applications outside of Apache's own.",
    doc: "\
The processes run the Python that the group names, with the user, the limits and the number of threads that it names; `WSGIProcessGroup` or \
`process-group=` gives it applications. All options are described [below](#options-of-wsgidaemonprocess).

A group that stands outside of `<VirtualHost>` may be used by every server. One inside may be used by the virtual hosts of the same \
`ServerName`, and logs to that virtual host's `ErrorLog`. The name is unique over the whole server; the same line again, as in a virtual host \
that was copied for TLS, is the same group, and both hosts may use it.

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
Where it stands, applications may run in the groups that it names and in no other, whatever `WSGIProcessGroup` says (and with \
`%{ENV:...}` a `.htaccess` file can make it say anything); else the request gets 500. `%{GLOBAL}` stands for embedded mode. Names are compared \
letter by letter. Several directives in one place add up; a place that names any replaces what it would inherit.",
    apply: Apply::Directory(restrict_process),
};

pub const RESTRICT_EMBEDDED: Directive = Directive {
    name: "WSGIRestrictEmbedded",
    chapter: Chapter::Daemon,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "On|Off",
    default: "Off",
    help: "Whether running applications in Apache's own processes is forbidden.",
    doc: "\
On: a request for an application in embedded mode is answered with 500, and Python is not started in Apache's processes unless a \
`WSGIImportScript` of embedded mode asks for it.",
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
    help: "Whether requests here leave the inactivity clock of their process alone.",
    doc: "\
On: a request does not count as activity for `inactivity-timeout=` of `WSGIDaemonProcess`. For health checks, which would keep an idle \
application awake for ever.",
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
    help: "Whether Apache's error pages replace those of applications.",
    doc: "\
On: when an application in a daemon process answers with a status of 400 or above, its body is dropped and Apache's `ErrorDocument` for that \
status is sent. It has no effect in embedded mode.",
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
    help: "Where the sockets of daemon process groups are made.",
    doc: "\
The beginning of the sockets' paths, to which numbers and `.sock` are added; a relative one is taken from `ServerRoot`. Rarely needed: without it \
they lie in a directory that is made with the right permissions. Apache's user must be able to search the directory that is named here.",
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
    doc: "Off: the name of a group's socket stays the same over `apachectl graceful`. No request is lost either way.",
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
    help: "Accepted for old configurations; does nothing.",
    doc: "\
The processes of a group need no lock to share its socket, so there is none to choose. An information line in the error log says so.",
    apply: Apply::Server(accept_mutex),
};

pub const SERVER_METRICS: Directive = Directive {
    name: "WSGIServerMetrics",
    chapter: Chapter::Daemon,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "On|Off",
    default: "Off",
    help: "Whether applications in embedded mode may ask about the whole server.",
    doc: "\
With `On`, `mod_wsgi.server_metrics()` tells applications in embedded mode what all of Apache's processes and threads do, clients and requests \
of every host included (the latter with `ExtendedStatus On`); with `Off` it returns None. For daemon process groups it is the option \
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
