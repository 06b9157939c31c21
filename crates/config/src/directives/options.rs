/*! The `name=value` options of `WSGIScriptAlias`, `WSGIHandlerScript` and `WSGIImportScript`. */

use super::arguments;
use crate::directive::DirectiveContext;
use crate::error::{ConfigError, quoted};
use crate::settings::{CallableName, GroupName};

/// What one kind of definition calls itself in messages, and which options it knows.
pub struct Kind {
    /// The directive.
    pub directive: &'static str,
    /// Its name in mod_wsgi's own message, which scripts look for.
    pub definition: &'static str,
    /// The names of its options.
    pub names: &'static [&'static str],
}

/// The options found.
#[derive(Default)]
pub struct Options {
    /// `process-group=`
    pub process_group: Option<GroupName>,
    /// `application-group=`
    pub application_group: Option<GroupName>,
    /// `callable-object=`
    pub callable_object: Option<CallableName>,
    /// `pass-authorization=`
    pub pass_authorization: Option<bool>,
}

/// Reads `words`. An option that stands twice keeps its last value, as in mod_wsgi.
pub fn read(kind: &Kind, words: &[&[u8]], context: &DirectiveContext<'_>) -> Result<Options, ConfigError> {
    let mut options = Options::default();
    for word in words {
        let (name, value) = split(kind, word)?;
        let said_by = format!("{} ({name}=)", kind.directive);
        match name {
            "process-group" => options.process_group = Some(arguments::group(&said_by, value, context)),
            "application-group" => options.application_group = Some(arguments::group(&said_by, value, context)),
            "callable-object" => options.callable_object = Some(arguments::callable(&said_by, value)?),
            "pass-authorization" => options.pass_authorization = Some(on_off(kind, name, value)?),
            _ => return Err(unknown(kind, word)),
        }
    }
    Ok(options)
}

fn split<'w>(kind: &Kind, word: &'w [u8]) -> Result<(&'static str, &'w [u8]), ConfigError> {
    let equals = word.iter().position(|byte| *byte == b'=').ok_or_else(|| unknown(kind, word))?;
    let (name, value) = word.split_at_checked(equals).ok_or_else(|| unknown(kind, word))?;
    let name = kind.names.iter().find(|known| known.as_bytes() == name).ok_or_else(|| unknown(kind, word))?;
    match value.get(1..) {
        Some(value) if !value.is_empty() => Ok((*name, value)),
        _ => Err(ConfigError::new(
            format!("Invalid option to WSGI {} definition. The option `{name}=` has no value", kind.definition),
            format!("write a value directly after `{name}=`, without spaces, or remove the option"),
        )),
    }
}

fn unknown(kind: &Kind, word: &[u8]) -> ConfigError {
    let names: Vec<String> = kind.names.iter().map(|name| format!("`{name}=`")).collect();
    ConfigError::new(
        format!("Invalid option to WSGI {} definition. Found: {}", kind.definition, quoted(word)),
        format!("use one of the options of {}: {}; put a path with spaces in double quotes", kind.directive, names.join(", ")),
    )
}

fn on_off(kind: &Kind, name: &str, value: &[u8]) -> Result<bool, ConfigError> {
    arguments::on_off("", value).map_err(|_| {
        ConfigError::new(
            format!("Invalid option to WSGI {} definition. `{name}=` must be one of: Off | On", kind.definition),
            format!("write `{name}=On` or `{name}=Off`"),
        )
    })
}
