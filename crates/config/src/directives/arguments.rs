/*! How single words become values: switches, paths, names of groups and callables. */

use std::sync::Arc;

use crate::directive::DirectiveContext;
use crate::error::{ConfigError, quoted};
use crate::settings::{CallableName, GroupName, Text};

/// `On` or `Off`, in any case.
pub fn on_off(directive: &str, word: &[u8]) -> Result<bool, ConfigError> {
    match word {
        w if w.eq_ignore_ascii_case(b"on") => Ok(true),
        w if w.eq_ignore_ascii_case(b"off") => Ok(false),
        w => Err(ConfigError::new(
            format!("{directive} must be one of: Off | On, found: {}", quoted(w)),
            format!("write `{directive} On` or `{directive} Off`"),
        )),
    }
}

/// A path, taken from `ServerRoot` if it is relative, with `.`, `..` and repeated slashes resolved as httpd resolves them
/// in `r->filename`, so that a script has one name however it was reached.
pub fn path(word: &[u8], context: &DirectiveContext<'_>) -> Text {
    let mut parts: Vec<&[u8]> = Vec::new();
    let base: &[u8] = if word.starts_with(b"/") { b"" } else { context.server_root };
    for part in base.split(|byte| *byte == b'/').chain(word.split(|byte| *byte == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let mut out = Vec::with_capacity(base.len() + word.len() + 1);
    for part in parts {
        out.push(b'/');
        out.extend_from_slice(part);
    }
    if out.is_empty() || word.ends_with(b"/") {
        out.push(b'/');
    }
    out.into()
}

/// Directories with colons between them; `None` if there is none.
pub fn paths(word: &[u8], context: &DirectiveContext<'_>) -> Option<Vec<Text>> {
    let directories = word.split(|byte| *byte == b':').filter(|part| !part.is_empty());
    let paths: Vec<Text> = directories.map(|part| path(part, context)).collect();
    (!paths.is_empty()).then_some(paths)
}

/// `prefix` or `prefix:exec-prefix`.
pub fn home(word: &[u8], context: &DirectiveContext<'_>) -> Option<(Text, Option<Text>)> {
    let mut parts = word.split(|byte| *byte == b':');
    let (prefix, exec_prefix, more) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    if prefix.is_empty() || exec_prefix.is_some_and(<[u8]>::is_empty) || more.is_some() {
        return None;
    }
    Some((path(prefix, context), exec_prefix.map(|part| path(part, context))))
}

/// The home of what is an interpreter by the looks of its path: `/srv/venv` for `/srv/venv/bin/python3.11`. Only the text decides, so that
/// a configuration is right or wrong wherever it is read.
pub fn home_of_interpreter(path: &[u8]) -> Option<&[u8]> {
    let slash = path.iter().rposition(|byte| *byte == b'/')?;
    let (directory, file) = path.split_at_checked(slash)?;
    let version = file.strip_prefix(b"/python")?;
    let home = directory.strip_suffix(b"/bin")?;
    version.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.').then_some(if home.is_empty() { b"/" } else { home })
}

/// A number of seconds above 0.
pub fn positive_seconds(word: &[u8]) -> Option<f64> {
    let seconds: f64 = str::from_utf8(word).ok()?.parse().ok()?;
    (seconds.is_finite() && seconds > 0.0).then_some(seconds)
}

/// The name of a process group or an application group, or the form of one.
pub fn group(directive: &str, word: &[u8], context: &DirectiveContext<'_>) -> GroupName {
    let name = GroupName::parse(word);
    if let GroupName::Literal(text) = &name
        && text.starts_with(b"%")
    {
        context.notes.note_unknown_form(
            ConfigError::new(
                format!("{directive} names {}, which is not a known variable and is used as a literal name", quoted(word)),
                format!("use one of {FORMS}"),
            ),
            context.name(),
        );
    }
    name
}

const FORMS: &str = "`%{GLOBAL}`, `%{SERVER}`, `%{RESOURCE}`, `%{HOST}` and `%{ENV:name}`";

/// The name of a callable: a module-level name, no path to it.
pub fn callable(directive: &str, word: &[u8]) -> Result<CallableName, ConfigError> {
    match GroupName::parse(word) {
        GroupName::Env(name) => Ok(CallableName::Env(name)),
        GroupName::Literal(name) if is_identifier(&name) => Ok(CallableName::Literal(name)),
        GroupName::Literal(name) => Err(ConfigError::new(
            format!("{directive} names {}, which is not a Python name", quoted(&name)),
            "write the name of a callable at the top level of the script, for example `application`, without the name of the script",
        )),
        GroupName::Global | GroupName::Server | GroupName::Host | GroupName::Resource => {
            Ok(CallableName::Literal(Arc::from(b"application".as_slice())))
        }
    }
}

/// Python's rule, as far as it can be told without Unicode tables: everything beyond ASCII is left to Python.
fn is_identifier(name: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_' || !byte.is_ascii();
    name.first().is_some_and(letter) && name.iter().all(|byte| letter(byte) || byte.is_ascii_digit())
}
