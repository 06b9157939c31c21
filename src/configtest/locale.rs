/*! `lang=` and `locale=`: is there such a locale? Python falls back to C without a word if not, and file names and output with letters beyond
ASCII then depend on its version. *Runs in: parent (configtest).* */

use std::ffi::OsStr;
use std::path::Path;

use interpreter::StartError;
use interpreter::run::{self, Answer, Manner};
use protocol::log_code;

use config::daemon::DaemonProcess;
use config::error::quoted;

/// The C library's own program, which lists what is installed.
const PROGRAM: &str = "/usr/bin/locale";

/// How many a message names.
const SHOWN: usize = 20;

/// The locales of this machine; `None` if it can't say (musl has no such program, and takes any name).
pub struct Installed(Option<Vec<String>>);

impl Installed {
    /// Asks the C library.
    pub fn ask() -> Self {
        // The program is the system's, not the configuration's.
        let answer = run::run(Path::new(PROGRAM), &[OsStr::new("-a")], Manner::default());
        let Ok(Answer::Said(list)) = answer else { return Self(None) };
        let names: Vec<String> = String::from_utf8_lossy(&list).lines().map(str::to_owned).collect();
        Self(names.iter().any(|name| name == "C").then_some(names))
    }

    fn has(&self, wanted: &str) -> bool {
        let Some(names) = &self.0 else { return true };
        wanted.contains('/') || names.iter().any(|name| normal(name) == normal(wanted))
    }

    /// Those whose language is the wanted one first.
    fn shown(&self, wanted: &str) -> String {
        let mut names: Vec<&str> = self.0.iter().flatten().map(String::as_str).filter(|name| *name != "POSIX").collect();
        let language = |name: &str| name.split(['_', '.', '@']).next().unwrap_or_default().to_ascii_lowercase();
        names.sort_by_key(|name| language(name) != language(wanted));
        let more = names.len().saturating_sub(SHOWN);
        let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
        if more > 0 { format!("{} and {more} more (`locale -a`)", shown.join(", ")) } else { shown.join(", ") }
    }
}

/// A locale's name as the C library compares it: `en_US.UTF-8` is `en_US.utf8`.
fn normal(name: &str) -> String {
    match name.split_once('.') {
        Some((language, codeset)) => {
            let (codeset, modifier) = codeset.split_once('@').unwrap_or((codeset, ""));
            let codeset: String = codeset.chars().filter(char::is_ascii_alphanumeric).collect();
            format!("{language}.{}@{modifier}", codeset.to_ascii_lowercase())
        }
        None => name.to_owned(),
    }
}

/// What is wrong with a group's locales.
pub fn check(process: &DaemonProcess, installed: &Installed) -> Vec<StartError> {
    let options = [("lang", &process.lang), ("locale", &process.locale)];
    let mut found = Vec::new();
    for (option, value) in options {
        let Some(value) = value.as_ref().filter(|value| !value.is_empty()) else { continue };
        let wanted = String::from_utf8_lossy(value);
        if !installed.has(&wanted) {
            let text = format!(
                "`{option}=` names the locale {}, which is not installed. To fix: use one of {}, or install the locale",
                quoted(value),
                installed.shown(&wanted)
            );
            found.push(StartError::new(&log_code::LOCALE_UNKNOWN, text));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::Installed;

    fn installed() -> Installed {
        Installed(Some(["C", "C.utf8", "POSIX", "de_DE.utf8@euro", "en_US.utf8", "en_US"].map(str::to_owned).to_vec()))
    }

    #[test]
    fn spellings_of_one_locale_are_one() {
        for name in ["C", "POSIX", "C.UTF-8", "C.utf8", "en_US.UTF-8", "en_US", "de_DE.UTF-8@euro", "/srv/own/locale"] {
            assert!(installed().has(name), "{name}");
        }
        for name in ["en_us.UTF-8", "en_GB.UTF-8", "de_DE.UTF-8", "utf-8", ""] {
            assert!(!installed().has(name), "{name}");
        }
        assert!(Installed(None).has("anything"), "nobody can say");
    }

    #[test]
    fn near_ones_are_named_first() {
        assert!(installed().shown("en_GB.UTF-8").starts_with("`en_US.utf8`, `en_US`, `C`"));
    }
}
