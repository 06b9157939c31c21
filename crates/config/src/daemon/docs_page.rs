/*! The options' part of `docs/directives.md`, made from their table. *Runs in: tests, which rewrite the page when `UPDATE_DOCS=1` is set.* */

use super::option::{Chapter, DaemonOption, Form};
use super::options::OPTIONS;
use super::sizes::Range;

const CHAPTERS: &[(Chapter, &str)] = &[
    (Chapter::Identity, "Identity and environment"),
    (Chapter::Size, "Size"),
    (Chapter::Time, "Time limits and replacement"),
    (Chapter::Python, "Python"),
];

const HEAD: &str = "\
## Options of WSGIDaemonProcess

Each option is written as `name=value`. Put a value with spaces in double quotes. A relative path is resolved against `ServerRoot`, unless the option requires an absolute path. A size is a number of bytes, or has the suffix `K`, `M` or `G` (powers of 1024), for example `512M`. A time is a number in the unit that the table names, or has a unit: `500ms`, `90s`, `5min`, `2h`. Other numbers have no unit. For texts, paths and lists of groups, an empty value (`python-path=''`) means none; `lang=''` and `locale=''` set the variable to the empty string. If an option occurs twice, the last value is used.
";

/// The section, Markdown.
pub fn section() -> String {
    let mut out = String::from(HEAD);
    for (chapter, title) in CHAPTERS {
        out.push_str(&format!("\n### {title}\n\n| Option | Default | Meaning |\n|---|---|---|\n"));
        for option in OPTIONS.iter().filter(|option| option.chapter == *chapter) {
            out.push_str(&line(option));
        }
    }
    out
}

/// One option's line of the table.
pub fn line(option: &DaemonOption) -> String {
    let syntax = option.form.syntax().replace('|', "\\|");
    let range = match &option.form {
        Form::Small(range, ..) | Form::Large(range, ..) => bounds(*range),
        Form::Priority(_) => " (-20 to 20)".to_owned(),
        _ => String::new(),
    };
    format!("| `{}=`{syntax}{range} | {} | {} |\n", option.name, option.default, option.help)
}

/// A range whose ends are worth saying.
fn bounds(range: Range) -> String {
    let zero = if range.or_zero && range.min > 0 { "0, or " } else { "" };
    match range.max {
        max if max < 100_000 => format!(" ({zero}{} to {max})", range.min),
        _ if range.min > 0 => format!(" ({zero}at least {})", range.min),
        _ => String::new(),
    }
}
