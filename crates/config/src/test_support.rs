/*! Reads single lines as Apache would hand them over, for tests. *Runs in: tests.* */

use std::sync::Arc;

use super::settings::Pattern;
use super::settings::section::Section;
use super::{ConfigError, DIRECTIVES, Diagnostics, Directive, DirectiveContext, DirectoryConfig, ServerConfig};

/// One server (or section) that is being read.
#[derive(Default)]
pub struct Sample {
    /// What was said for the server.
    pub server: ServerConfig,
    /// What was said for the directory.
    pub directory: DirectoryConfig,
    /// What was noted besides.
    pub notes: Diagnostics,
    /// Reads inside `<VirtualHost>`.
    pub virtual_host: bool,
    /// Reads inside a directory section: the line that begins it, and its path.
    pub section: Option<(&'static str, &'static str)>,
    /// The last line read.
    pub line: u32,
}

/// Matches nothing: what these tests look at is decided before a URL comes.
struct Never;

impl Pattern for Never {
    fn captures(&self, _: &[u8]) -> Option<Vec<(usize, usize)>> {
        None
    }
}

fn compile(expression: &[u8]) -> Result<Arc<dyn Pattern>, String> {
    if expression.ends_with(b"(") { Err("missing closing parenthesis".to_owned()) } else { Ok(Arc::new(Never)) }
}

/// The row of a directive.
pub fn row(name: &str) -> Option<&'static Directive> {
    DIRECTIVES.iter().find(|row| row.name == name)
}

impl Sample {
    /// Reads `Name arguments`.
    pub fn read(&mut self, text: &str) -> Result<(), ConfigError> {
        self.line += 1;
        let (name, raw) = text.split_once(' ').unwrap_or((text, ""));
        let row = row(name).ok_or_else(|| ConfigError::new(format!("no directive {name}"), "see the table"))?;
        let section = self.section.map(|(head, path)| {
            let (directive, arguments) = head.split_once(' ').unwrap_or((head, ""));
            // Its line stands for the section.
            let begins = (head, 0);
            Section { directive: directive.as_bytes(), arguments: arguments.as_bytes(), path: path.as_bytes(), begins }
        });
        let context = DirectiveContext {
            server_root: b"/etc/apache2",
            virtual_host: self.virtual_host,
            section,
            file: "test.conf",
            line: self.line,
            compile: &compile,
            notes: &self.notes,
        };
        row.apply(raw.as_bytes(), Some(&mut self.server), Some(&mut self.directory), &context)
    }

    /// Reads lines that are known to be right.
    pub fn of(lines: &[&str]) -> Self {
        let mut sample = Self::default();
        sample.add(lines);
        sample
    }

    /// Reads further lines that are known to be right.
    pub fn add(&mut self, lines: &[&str]) {
        for line in lines {
            assert_eq!(self.read(line), Ok(()), "{line}");
        }
    }
}
