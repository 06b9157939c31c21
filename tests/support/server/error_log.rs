/*! Apache's error logs as a test sees them: what was written since the trial began, and whether every error and warning in it was
announced. An error that nobody expected fails the trial, whatever the client saw. */

use regex::Regex;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Positions in each log file of one server.
#[derive(Clone, Debug, Default)]
pub struct Position(BTreeMap<PathBuf, u64>);

/// One line, with the file that it stands in.
#[derive(Clone, Debug)]
pub struct Line {
    /// The file's name, without directory.
    pub file: String,
    /// The text.
    pub text: String,
}

/// The logs of one server: every `*.log` file in its directory of logs but the access log.
#[derive(Clone, Debug)]
pub struct ErrorLogs {
    directory: PathBuf,
}

impl ErrorLogs {
    /// The logs in `directory`.
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    fn files(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(&self.directory) else { return Vec::new() };
        let mut files: Vec<PathBuf> =
            entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_error_log(path)).collect();
        files.sort();
        files
    }

    /// Where the logs end now.
    pub fn end(&self) -> Position {
        Position(self.files().into_iter().filter_map(|path| Some((path.clone(), path.metadata().ok()?.len()))).collect())
    }

    /// The lines after `from`.
    pub fn since(&self, from: &Position) -> Vec<Line> {
        let mut lines = Vec::new();
        for path in self.files() {
            let start = from.0.get(&path).copied().unwrap_or(0);
            let mut bytes = Vec::new();
            let read = File::open(&path).and_then(|mut file| {
                file.seek(SeekFrom::Start(start))?;
                file.read_to_end(&mut bytes)
            });
            read.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = String::from_utf8_lossy(&bytes);
            lines.extend(text.lines().map(|line| Line { file: file.clone(), text: line.to_owned() }));
        }
        lines
    }
}

fn is_error_log(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "log") && path.file_stem().is_some_and(|s| s != "access")
}

/// What a trial said would be in the log.
#[derive(Clone, Debug)]
pub enum Announced {
    /// Lines that match.
    Line(Regex),
    /// The lines that Python prints around an exception.
    Traceback,
}

impl Announced {
    fn covers(&self, line: &str) -> bool {
        match self {
            Self::Line(pattern) => pattern.is_match(line),
            Self::Traceback => PART_OF_A_TRACEBACK.is_match(line),
        }
    }
}

static TROUBLE: LazyLock<Regex> = LazyLock::new(|| {
    let words = r"^\[[^\]]*\] \[[^\]:]*:(error|warn|crit|alert|emerg)\]|exit signal|panicked|Fatal Python error|AddressSanitizer";
    Regex::new(words).expect("a literal pattern")
});

/// What httpd itself may log as an error when it is stopped right after a response: its worker puts the closing connection into a
/// pollset that is gone already.
static OF_HTTPD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"AH03092: process_lingering_close").expect("a literal pattern"));

/// What follows the brackets of a line of Apache's log, when it belongs to a traceback: its heading, an indented line
/// (`File "x.py", line 3`, the source, the carets), what stands between chained exceptions, or what is said about a failed import.
static PART_OF_A_TRACEBACK: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = concat!(
        r"^(\[[^\]]*\] ?){3,}(AH\d+: )?(WSGI(1200|0174|0105): .*|\[script [^\]]*\] ?)?",
        r"(Traceback \(most recent call last\):|  .*|During handling of .*|The above exception .*|(interpreter|sys\.path|To fix): .*|)$",
    );
    Regex::new(pattern).expect("a literal pattern")
});

/// Lines that spell trouble and were not announced. Lines that are not in Apache's format came from somebody's bare `stderr`:
/// they count as trouble too.
pub fn unannounced<'l>(lines: &'l [Line], announced: &[Announced]) -> Vec<&'l Line> {
    lines
        .iter()
        .filter(|line| !line.text.is_empty())
        .filter(|line| TROUBLE.is_match(&line.text) || !line.text.starts_with('['))
        .filter(|line| !OF_HTTPD.is_match(&line.text))
        .filter(|line| !announced.iter().any(|a| a.covers(&line.text)))
        .collect()
}

/// A pattern from the text of a trial: taken literally, unless it begins with `re:`.
pub fn pattern(text: &str) -> Regex {
    let source = text.strip_prefix("re:").map_or_else(|| regex::escape(text), str::to_owned);
    Regex::new(&source).unwrap_or_else(|error| panic!("{text}: {error}"))
}
