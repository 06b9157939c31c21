/*! One row of the option table, and how the text of a value becomes the value. Strict: a number is digits and a unit, and what is
out of range is said to be. *Runs in: parent.* */

use protocol::settings::is_variable_name;

use super::account::Account;
use super::process::Preload;
use super::raw_options::RawOptions;
use super::sizes::{self, Range, Unit};
use crate::directive::DirectiveContext;
use crate::directives::arguments;
use crate::error::{ConfigError, quoted};
use crate::settings::Text;

/// The part of the documentation that an option belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chapter {
    /// Who its processes are, and what they find around them.
    Identity,
    /// Processes, threads, buffers, memory.
    Size,
    /// Time limits, and when a process is replaced.
    Time,
    /// The interpreter.
    Python,
}

/// One option of `WSGIDaemonProcess`.
pub struct DaemonOption {
    /// Its name.
    pub name: &'static str,
    /// The part of the documentation it belongs to.
    pub chapter: Chapter,
    /// How its value is written, and where it goes.
    pub form: Form,
    /// What holds when it is absent.
    pub default: &'static str,
    /// What it does.
    pub help: &'static str,
}

/// Where a value goes.
pub type Field<T> = fn(&mut RawOptions) -> &mut Option<T>;

/// How a value is written.
pub enum Form {
    /// A user, `name` or `#uid`.
    User {
        /// Root may be named.
        root: bool,
        /// Where it goes.
        field: Field<Account>,
    },
    /// A group, `name` or `#gid`.
    Group {
        /// Root's may be named.
        root: bool,
        /// Where it goes.
        field: Field<Account>,
    },
    /// Groups with commas between them, root's not among them.
    Groups(Field<Vec<Account>>),
    /// `all`, `none`, or names of environment variables with commas between them, in which `*` stands for any characters.
    Variables(Field<Vec<Text>>),
    /// `NAME=VALUE`, the value of an environment variable. May be written several times. The value may be a secret.
    Assignment(Field<Vec<Vec<u8>>>),
    /// An absolute path. May be written several times.
    Files(Field<Vec<Vec<u8>>>),
    /// Any text.
    Text(Field<Text>),
    /// A path; a relative one is taken from `ServerRoot`.
    Path(Field<Text>),
    /// A path from the root.
    Absolute(Field<Text>),
    /// Paths with colons between them.
    Paths(Field<Vec<Text>>),
    /// A virtualenv, a prefix, or `prefix:exec-prefix`.
    Home(Field<(Text, Option<Text>)>),
    /// An executable.
    Executable(Field<Text>),
    /// A file mode's bits.
    Octal(Field<u32>),
    /// `On` or `Off`.
    Switch(Field<bool>),
    /// `On`, `Off` or `auto`.
    Preload(Field<Preload>),
    /// Which processes a graceful restart replaces: `true` for all.
    Reload(Field<bool>),
    /// A nice value.
    Priority(Field<i32>),
    /// Seconds above 0, fractions allowed.
    Fraction(Field<f64>),
    /// A whole number.
    Small(Range, Unit, Field<u32>),
    /// A whole number that may be large.
    Large(Range, Unit, Field<u64>),
}

impl Form {
    /// The value as documentation shows it.
    pub const fn syntax(&self) -> &'static str {
        match self {
            Self::User { .. } => "name|#uid",
            Self::Group { .. } => "name|#gid",
            Self::Groups(_) => "name|#gid[,...]",
            Self::Variables(_) => "all|none|name[,...]",
            Self::Assignment(_) => "NAME=VALUE",
            Self::Files(_) => "file",
            Self::Text(_) => "text",
            Self::Path(_) | Self::Absolute(_) => "directory",
            Self::Paths(_) => "directory[:directory...]",
            Self::Home(_) => "prefix|prefix:exec-prefix",
            Self::Executable(_) => "file",
            Self::Octal(_) => "octal",
            Self::Switch(_) => "On|Off",
            Self::Preload(_) => "On|Off|auto",
            Self::Reload(_) => "changed|always",
            Self::Priority(_) => "number",
            Self::Fraction(_) => "seconds",
            Self::Small(_, unit, _) | Self::Large(_, unit, _) => unit.name(),
        }
    }

    /// Whether an empty value is one, and means "none". Programs that write configurations write `python-path=''`.
    pub const fn may_be_empty(&self) -> bool {
        matches!(self, Self::Groups(_) | Self::Text(_) | Self::Path(_) | Self::Paths(_) | Self::Home(_) | Self::Executable(_))
    }

    /// What it takes, as the end of a sentence that begins with "must be".
    pub fn wanted(&self) -> String {
        match self {
            Self::User { .. } => "the name of a user, or `#` and a user ID".to_owned(),
            Self::Group { .. } => "the name of a group, or `#` and a group ID".to_owned(),
            Self::Groups(_) => "a comma-separated list of group names, or of `#` and a group ID".to_owned(),
            Self::Variables(_) => "`all`, `none`, or a comma-separated list of environment variables".to_owned(),
            Self::Assignment(_) => {
                "`NAME=VALUE`, where the name consists of letters, digits and `_`, and does not begin with a digit".to_owned()
            }
            Self::Files(_) => "an absolute path, which begins with `/`".to_owned(),
            Self::Text(_) => "a text".to_owned(),
            Self::Path(_) => "a path".to_owned(),
            Self::Absolute(_) => "an absolute path, which begins with `/`".to_owned(),
            Self::Paths(_) => "a colon-separated list of directories".to_owned(),
            Self::Home(_) => "a directory, or two directories separated by a colon".to_owned(),
            Self::Executable(_) => "the path of an executable".to_owned(),
            Self::Octal(_) => "an octal number from 0 to 0777".to_owned(),
            Self::Switch(_) => "one of: Off | On".to_owned(),
            Self::Preload(_) => "one of: Off | On | auto".to_owned(),
            Self::Reload(_) => "one of: changed | always".to_owned(),
            Self::Priority(_) => "a whole number from -20 to 20".to_owned(),
            Self::Fraction(_) => "a number of seconds above 0".to_owned(),
            Self::Small(range, unit, _) | Self::Large(range, unit, _) => match unit {
                Unit::Count => format!("a whole number {range}"),
                unit => format!("a whole number of {} {range}", unit.name()),
            },
        }
    }
}

impl Form {
    /// What an empty value does: it takes away what an earlier option of the same name has put in. A text is empty then.
    fn clear(&self, typed: &mut RawOptions) {
        match self {
            Self::Text(field) => *field(typed) = Some(Text::from([])),
            Self::Path(field) | Self::Executable(field) => *field(typed) = None,
            Self::Paths(field) => *field(typed) = None,
            Self::Home(field) => *field(typed) = None,
            Self::Groups(field) => *field(typed) = None,
            _ => {}
        }
    }
}

impl DaemonOption {
    /// Reads `value` into `typed`. `group` is the name of the process group, for messages.
    ///
    /// # Errors
    /// The value is none for this option.
    pub fn read(
        &self,
        group: &[u8],
        value: &[u8],
        typed: &mut RawOptions,
        context: &DirectiveContext<'_>,
    ) -> Result<(), ConfigError> {
        if value.is_empty() && self.form.may_be_empty() {
            self.form.clear(typed);
            return Ok(());
        }
        let stored = match &self.form {
            Form::User { root, field } => {
                let account = Account::parse(value);
                if !root && account.as_ref().is_some_and(Account::is_root) {
                    return Err(self.blocked_as_root(group, value));
                }
                put(typed, *field, account)
            }
            Form::Group { root, field } => {
                let account = Account::parse(value);
                if !root && account.as_ref().is_some_and(Account::is_root) {
                    return Err(self.blocked_as_roots(group, value));
                }
                put(typed, *field, account)
            }
            Form::Groups(field) => {
                let accounts: Option<Vec<Account>> = value.split(|byte| *byte == b',').map(Account::parse).collect();
                if accounts.as_ref().is_some_and(|accounts| accounts.iter().any(Account::is_root)) {
                    return Err(self.blocked_as_roots(group, value));
                }
                put(typed, *field, accounts)
            }
            Form::Variables(field) => put(typed, *field, variables(value)),
            Form::Assignment(field) => append(typed, *field, is_assignment(value).then_some(value)),
            Form::Files(field) => append(typed, *field, value.starts_with(b"/").then_some(value)),
            Form::Text(field) => put(typed, *field, Some(value.into())),
            Form::Path(field) => put(typed, *field, Some(arguments::path(value, context))),
            Form::Absolute(field) => put(typed, *field, value.starts_with(b"/").then(|| arguments::path(value, context))),
            Form::Paths(field) => put(typed, *field, arguments::paths(value, context)),
            Form::Home(field) => {
                let home = arguments::home(value, context);
                if home.as_ref().is_some_and(|(prefix, _)| arguments::home_of_interpreter(prefix).is_some()) {
                    return Err(self.executable_as_home(group, value));
                }
                put(typed, *field, home)
            }
            // A bare name would be looked for on a PATH that depends on how httpd was started.
            Form::Executable(field) => {
                put(typed, *field, (value.contains(&b'/') && !value.ends_with(b"/")).then(|| arguments::path(value, context)))
            }
            Form::Octal(field) => put(typed, *field, octal(value)),
            Form::Switch(field) => put(typed, *field, arguments::on_off(self.name, value).ok()),
            Form::Preload(field) => put(typed, *field, preload(value)),
            Form::Reload(field) => put(typed, *field, reload(value)),
            Form::Priority(field) => put(typed, *field, priority(value)),
            Form::Fraction(field) => put(typed, *field, arguments::positive_seconds(value)),
            Form::Small(range, unit, field) => {
                put(typed, *field, number(value, *range, *unit).and_then(|number| number.try_into().ok()))
            }
            Form::Large(range, unit, field) => put(typed, *field, number(value, *range, *unit)),
        };
        stored.ok_or_else(|| self.wrong(group, value))
    }

    /// What is written wrongly, and how it is written right.
    fn wrong(&self, group: &[u8], value: &[u8]) -> ConfigError {
        // The value of a variable may be a secret.
        let found = if matches!(self.form, Form::Assignment(_)) { String::new() } else { format!(", found: {}", quoted(value)) };
        ConfigError::new(
            format!("WSGIDaemonProcess {}: `{}=` must be {}{found}", quoted(group), self.name, self.form.wanted()),
            self.cure(value),
        )
    }

    fn cure(&self, value: &[u8]) -> String {
        match &self.form {
            Form::Small(range, Unit::Bytes, _) if sizes::is_small(value, *range) => sizes::cure(self.name, value, *range),
            Form::Large(range, Unit::Bytes, _) if sizes::is_small(value, *range) => sizes::cure(self.name, value, *range),
            Form::Small(_, unit, _) | Form::Large(_, unit, _) => {
                format!("write {}, or remove the option to use its default ({})", sizes::units(*unit), self.default)
            }
            Form::Executable(_) => format!("write the absolute path, for example `{}=/srv/shop/venv/bin/python`", self.name),
            _ => format!("write `{}={}`, or remove the option", self.name, self.form.syntax()),
        }
    }

    fn blocked_as_root(&self, group: &[u8], value: &[u8]) -> ConfigError {
        ConfigError::new(
            format!(
                "WSGI process blocked from running as root. WSGIDaemonProcess {} has {}={}",
                quoted(group),
                self.name,
                quoted(value)
            ),
            format!("set `{}=` to an unprivileged user, or remove the option to use httpd's `User`", self.name),
        )
    }

    /// A group of root's is as good as root to whatever root's files allow their group.
    fn blocked_as_roots(&self, group: &[u8], value: &[u8]) -> ConfigError {
        ConfigError::new(
            format!(
                "WSGI process blocked from running with the group of root. WSGIDaemonProcess {} has {}={}",
                quoted(group),
                self.name,
                quoted(value)
            ),
            "use a separate group for the application, and give that group access to the files that the application needs"
                .to_owned(),
        )
    }

    fn executable_as_home(&self, group: &[u8], value: &[u8]) -> ConfigError {
        ConfigError::new(
            format!(
                "WSGIDaemonProcess {}: `{}=` must be a directory, found an executable: {}",
                quoted(group),
                self.name,
                quoted(value)
            ),
            format!(
                "write `python={}`, or name the directory above its `bin` directory",
                String::from_utf8_lossy(value).escape_debug()
            ),
        )
    }
}

fn append(typed: &mut RawOptions, field: Field<Vec<Vec<u8>>>, value: Option<&[u8]>) -> Option<()> {
    field(typed).get_or_insert_default().push(value?.to_vec());
    Some(())
}

/// Whether a text is `NAME=VALUE`, with a name that every program understands.
fn is_assignment(text: &[u8]) -> bool {
    let name = text.split(|byte| *byte == b'=').next().unwrap_or_default();
    name.len() < text.len() && is_variable_name(name)
}

fn put<T>(typed: &mut RawOptions, field: Field<T>, value: Option<T>) -> Option<()> {
    let value = value?;
    *field(typed) = Some(value);
    Some(())
}

/// A whole number in the range, in the option's unit.
fn number(word: &[u8], range: Range, unit: Unit) -> Option<u64> {
    sizes::number(word, unit).filter(|number| range.holds(*number))
}

fn octal(word: &[u8]) -> Option<u32> {
    let digits =
        str::from_utf8(word).ok().filter(|text| !text.is_empty() && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte)))?;
    u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o777)
}

fn priority(word: &[u8]) -> Option<i32> {
    let digits = word.strip_prefix(b"-").unwrap_or(word);
    let size: i32 = number(digits, Range { min: 0, max: 20, or_zero: true }, Unit::Count)?.try_into().ok()?;
    Some(if digits.len() == word.len() { size } else { -size })
}

/// Patterns of names: `*` for all of them, none for none.
fn variables(word: &[u8]) -> Option<Vec<Text>> {
    if word.eq_ignore_ascii_case(b"all") {
        return Some(vec![b"*".as_slice().into()]);
    }
    if word.eq_ignore_ascii_case(b"none") {
        return Some(Vec::new());
    }
    let name = |name: &[u8]| (!name.is_empty() && !name.contains(&b'=') && name.is_ascii()).then(|| name.into());
    word.split(|byte| *byte == b',').map(|part| name(part.trim_ascii())).collect()
}

fn reload(word: &[u8]) -> Option<bool> {
    [(b"changed".as_slice(), false), (b"always", true)]
        .into_iter()
        .find(|(name, _)| word.eq_ignore_ascii_case(name))
        .map(|(_, always)| always)
}

fn preload(word: &[u8]) -> Option<Preload> {
    if word.eq_ignore_ascii_case(b"auto") {
        return Some(Preload::Auto);
    }
    arguments::on_off("preload", word).ok().map(|on| if on { Preload::On } else { Preload::Off })
}
