/*! Directives of mod_wsgi 4 and 5 that have no meaning any more. They are accepted, so that a configuration which has served for years loads,
and a line of information says that they do nothing. */

use super::arguments;
use crate::directive::{Apply, Arity, Chapter, Contexts, Directive, DirectiveContext};
use crate::error::ConfigError;

const ONE: Arity = Arity { min: 1, max: Some(1) };
const HELP: &str = "Accepted for old configurations. Has no effect.";

pub const LAZY_INITIALIZATION: Directive = Directive {
    name: "WSGILazyInitialization",
    chapter: Chapter::Python,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "On|Off",
    default: "On",
    help: HELP,
    doc: "\
Python is started in httpd's child processes and in daemon processes, but never in httpd's parent process, as with the value `On`. A message of level \
`info` in the error log reports the unused directive.",
    apply: Apply::Server(|_, words, context| {
        if let [word, ..] = words {
            arguments::on_off("WSGILazyInitialization", word)?;
        }
        without_effect(context, "WSGILazyInitialization has no effect: Python is never started in httpd's parent process");
        Ok(())
    }),
};

pub const NEW_RELIC_CONFIG_FILE: Directive = Directive {
    name: "WSGINewRelicConfigFile",
    chapter: Chapter::Python,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "file",
    default: "none",
    help: HELP,
    doc: "\
Start the agent in the script itself, before the application is imported: `newrelic.agent.initialize(file)`. A message of level `info` in the error \
log reports the unused directive.",
    apply: Apply::Server(|_, _, context| {
        new_relic(context, "WSGINewRelicConfigFile");
        Ok(())
    }),
};

pub const NEW_RELIC_ENVIRONMENT: Directive = Directive {
    name: "WSGINewRelicEnvironment",
    chapter: Chapter::Python,
    contexts: Contexts::MainServer,
    arity: ONE,
    syntax: "name",
    default: "none",
    help: HELP,
    doc: "\
Start the agent in the script itself, before the application is imported: `newrelic.agent.initialize(file, name)`. A message of level `info` in the \
error log reports the unused directive.",
    apply: Apply::Server(|_, _, context| {
        new_relic(context, "WSGINewRelicEnvironment");
        Ok(())
    }),
};

fn without_effect(context: &DirectiveContext<'_>, cause: &str) {
    context.notes.note_directive_without_effect(ConfigError::new(cause, "remove the directive"), context.name());
}

fn new_relic(context: &DirectiveContext<'_>, directive: &str) {
    context.notes.note_directive_without_effect(
        ConfigError::new(
            format!("{directive} has no effect: the module does not start the New Relic agent"),
            "remove the directive, and call `newrelic.agent.initialize(file, environment)` at the top of the WSGI script",
        ),
        context.name(),
    );
}
