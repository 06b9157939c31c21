/*! From the words of a `WSGIDaemonProcess` to a group. *Runs in: parent.* */

use std::sync::Arc;

use super::options::OPTIONS;
use super::raw_options::RawOptions;
use super::suggestion;
use super::validate::validate;
use crate::directive::DirectiveContext;
use crate::error::{ConfigError, quoted};
use crate::settings::{GroupName, ServerConfig};

/// The directive's words, after its name: the group's name, then options.
///
/// # Errors
/// What cannot be understood, does not go together, or contradicts an earlier definition of the name.
pub fn define(config: &mut ServerConfig, words: &[&[u8]], context: &DirectiveContext<'_>) -> Result<(), ConfigError> {
    let [name, options @ ..] = words else { return Ok(()) };
    check_name(name)?;
    let mut typed = RawOptions::default();
    for word in options {
        let (option, value) = split(name, word)?;
        option.read(name, value, &mut typed, context)?;
    }
    let process = Arc::new(validate(name, &typed, context)?);
    if let Some(earlier) = context.notes.daemon(name)
        && !earlier.says_the_same_as(&process)
    {
        return Err(ConfigError::new(
            format!(
                "Name duplicates previous WSGI daemon definition. The group {} is defined differently at {} and at {}",
                quoted(name),
                earlier.defined_at,
                process.defined_at
            ),
            "make both lines identical, so that they declare one group, or give this group another name",
        ));
    }
    context.notes.note_daemon(process.clone());
    config.daemons.push(process);
    Ok(())
}

fn check_name(name: &[u8]) -> Result<(), ConfigError> {
    let is_option = |name: &[u8]| {
        let before = name.split(|byte| *byte == b'=').next().unwrap_or_default();
        name.contains(&b'=') && OPTIONS.iter().any(|option| option.name.as_bytes() == before)
    };
    if is_option(name) {
        return Err(ConfigError::new(
            format!("WSGIDaemonProcess begins with the option {} instead of the name of the group", quoted(name)),
            "write the name of the group first, for example `WSGIDaemonProcess shop processes=2`",
        ));
    }
    if !matches!(GroupName::parse(name), GroupName::Literal(_)) {
        return Err(ConfigError::new(
            format!("WSGIDaemonProcess: {} cannot be the name of a group, because it is a variable", quoted(name)),
            "choose a plain name, for example `WSGIDaemonProcess shop`",
        ));
    }
    Ok(())
}

fn split<'w>(group: &[u8], word: &'w [u8]) -> Result<(&'static super::DaemonOption, &'w [u8]), ConfigError> {
    let equals = word.iter().position(|byte| *byte == b'=').ok_or_else(|| unknown(group, word))?;
    let (name, value) = word.split_at_checked(equals).ok_or_else(|| unknown(group, word))?;
    let option = OPTIONS.iter().find(|option| option.name.as_bytes() == name).ok_or_else(|| unknown(group, word))?;
    match value.get(1..) {
        Some(value) if !value.is_empty() || option.form.may_be_empty() => Ok((option, value)),
        _ => Err(ConfigError::new(
            format!(
                "Invalid option to WSGI daemon process definition. WSGIDaemonProcess {}: the option `{}=` has no value",
                quoted(group),
                option.name
            ),
            format!("write `{}={}` without spaces around `=`, or remove the option", option.name, option.form.syntax()),
        )),
    }
}

fn unknown(group: &[u8], word: &[u8]) -> ConfigError {
    let name = word.split(|byte| *byte == b'=').next().unwrap_or_default();
    // `nev=PASSWORD=...` is a misspelt `env=`, with a secret.
    let shown = match word.split(|byte| *byte == b'=').collect::<Vec<_>>().as_slice() {
        [name, variable, _, ..] => [name, b"=".as_slice(), variable, b"=..."].concat(),
        _ => word.to_vec(),
    };
    let fix = match suggestion::nearest(name) {
        Some(option) => format!("write `{option}=`"),
        None => {
            "use an option that `docs/directives.md` lists, written as `name=value`; put a value with spaces in double quotes"
                .to_owned()
        }
    };
    ConfigError::new(
        format!(
            "Invalid option to WSGI daemon process definition. WSGIDaemonProcess {}, found: {}",
            quoted(group),
            quoted(&shown)
        ),
        fix,
    )
}
