/*! One row of the directive table, and where in the configuration a directive stands.

A row feeds three products: Apache's command table (`httpd/configuration/command`), `docs/directives.md` and the completeness tests. It knows
nothing of Apache: contexts are words here, and bits only in `httpd/`. *Runs in: parent, and in a child for `.htaccess` files.* */

use std::sync::Arc;

use super::diagnostics::Diagnostics;
use super::error::{ConfigError, quoted};
use super::settings::section::Section;
use super::settings::{DirectoryConfig, Pattern, ServerConfig};
use super::tokenizer;

/// The class of `AllowOverride` that a directive needs in a `.htaccess` file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Override {
    /// `AllowOverride FileInfo`
    FileInfo,
    /// `AllowOverride AuthConfig`
    AuthConfig,
}

/// Where a directive may stand. Apache's bits for each are given in its description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contexts {
    /// The main server only (`RSRC_CONF`; [`Directive::apply`] refuses it inside `<VirtualHost>`).
    MainServer,
    /// The main server and virtual hosts (`RSRC_CONF`).
    Servers,
    /// Also directory sections (`RSRC_CONF | ACCESS_CONF`).
    Directories,
    /// Also `.htaccess` (`OR_FILEINFO` or `RSRC_CONF | OR_AUTHCFG`).
    Htaccess(Override),
    /// Directory sections and `.htaccess`, no server (`OR_AUTHCFG`).
    SectionsAndHtaccess(Override),
}

/// The part of the documentation that a directive belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chapter {
    /// Which URL runs which script, in which group.
    Mapping,
    /// Processes of their own for applications.
    Daemon,
    /// The Python interpreter of the process.
    Python,
    /// What an application sees of a request, and how its answer goes out.
    Request,
}

/// How many words a directive takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arity {
    /// At least so many.
    pub min: usize,
    /// At most so many; `None` for no limit.
    pub max: Option<usize>,
}

/// What a directive does: its words become part of the settings `C`.
pub type Set<C> = fn(&mut C, &[&[u8]], &DirectiveContext<'_>) -> Result<(), ConfigError>;

/// What a directive does that sets something in a section and is worth knowing of the server.
pub type SetBoth = fn(&mut ServerConfig, &mut DirectoryConfig, &[&[u8]], &DirectiveContext<'_>) -> Result<(), ConfigError>;

/// Compiles a regular expression. The error is the compiler's own text.
pub type Compile = dyn Fn(&[u8]) -> Result<Arc<dyn Pattern>, String>;

/// How a directive's words become settings.
#[derive(Clone, Copy)]
pub enum Apply {
    /// Sets something in the server it stands in.
    Server(Set<ServerConfig>),
    /// Sets something in the directory section (or the server's own section) that it stands in.
    Directory(Set<DirectoryConfig>),
    /// As [`Apply::Directory`], and the server keeps what its sections say. Never in a `.htaccess` file, which is read while requests
    /// use the server.
    Both(SetBoth),
}

/// One directive.
#[derive(Clone, Copy)]
pub struct Directive {
    /// Its name.
    pub name: &'static str,
    /// The part of the documentation it belongs to.
    pub chapter: Chapter,
    /// Where it may stand.
    pub contexts: Contexts,
    /// How many words it takes.
    pub arity: Arity,
    /// Its arguments as documentation shows them.
    pub syntax: &'static str,
    /// What holds when it is absent.
    pub default: &'static str,
    /// What it does, in one sentence. Apache shows it in `httpd -L`.
    pub help: &'static str,
    /// The rest of its section in `docs/directives.md`, Markdown.
    pub doc: &'static str,
    /// What it does.
    pub apply: Apply,
}

impl Directive {
    /// Splits the rest of the directive's line and applies it to the settings that it belongs to.
    ///
    /// `raw` is everything after the directive's name, as Apache's `RAW_ARGS` hands it over. An [`Apply::Server`] row uses
    /// `server`, an [`Apply::Directory`] row `directory`, an [`Apply::Both`] row both; what is not used may be missing.
    ///
    /// # Errors
    /// A [`ConfigError`] for a wrong place, a wrong number of arguments, or an argument that means nothing.
    pub fn apply(
        &self,
        raw: &[u8],
        server: Option<&mut ServerConfig>,
        directory: Option<&mut DirectoryConfig>,
        context: &DirectiveContext<'_>,
    ) -> Result<(), ConfigError> {
        let owned = self.words(raw, context)?;
        let words: Vec<&[u8]> = owned.iter().map(Vec::as_slice).collect();
        match (self.apply, server, directory) {
            (Apply::Server(set), Some(server), _) => set(server, &words, context),
            (Apply::Directory(set), _, Some(directory)) => set(directory, &words, context),
            (Apply::Both(set), Some(server), Some(directory)) => set(server, directory, &words, context),
            _ => Err(ConfigError::new(
                format!("{} could not be stored, because an internal error occurred", self.name),
                "see WSGI1001 in the error log",
            )),
        }
    }

    fn words(&self, raw: &[u8], context: &DirectiveContext<'_>) -> Result<Vec<Vec<u8>>, ConfigError> {
        if self.contexts == Contexts::MainServer && context.virtual_host {
            return Err(ConfigError::new(
                format!("{} cannot occur within <VirtualHost> section", self.name),
                format!("move `{}` out of the <VirtualHost>: it applies to the whole server", self.name),
            ));
        }
        let words = tokenizer::split(raw)?;
        // As in Apache, an empty word is none.
        let few = words.len() < self.arity.min || words.iter().take(self.arity.min).any(Vec::is_empty);
        let many = self.arity.max.is_some_and(|max| words.len() > max);
        if few || many {
            return Err(self.wrong_count(&words));
        }
        Ok(words)
    }

    fn wrong_count(&self, words: &[Vec<u8>]) -> ConfigError {
        let wanted = match (self.arity.min, self.arity.max) {
            (1, Some(1)) => "takes one argument".to_owned(),
            (1, None) => "requires at least one argument".to_owned(),
            (2, None) => "requires at least two arguments".to_owned(),
            (min, None) => format!("requires at least {min} arguments"),
            (min, Some(max)) => format!("takes {min} to {max} arguments"),
        };
        let shown = |word: &Vec<u8>| if word.is_empty() { "an empty argument".to_owned() } else { quoted(word) };
        let found: Vec<String> = words.iter().map(shown).collect();
        let found = if found.is_empty() { "nothing".to_owned() } else { found.join(" ") };
        ConfigError::new(
            format!("{} {wanted}, found: {found}", self.name),
            format!("write `{} {}`, with double quotes around a value that contains spaces", self.name, self.syntax),
        )
    }
}

/// Where a directive stands, and what its words are read against. Lent for one directive.
pub struct DirectiveContext<'a> {
    /// `ServerRoot`; relative paths are taken from here.
    pub server_root: &'a [u8],
    /// Inside `<VirtualHost>`.
    pub virtual_host: bool,
    /// The directory section (or the `.htaccess` file) that it stands in.
    pub section: Option<Section<'a>>,
    /// The configuration file.
    pub file: &'a str,
    /// The line in it.
    pub line: u32,
    /// Apache's `ap_regcomp`, extended and case-sensitive.
    pub compile: &'a Compile,
    /// What one reading of the configuration remembers besides the settings.
    pub notes: &'a Diagnostics,
}

impl DirectiveContext<'_> {
    /// `file:line`, for messages.
    pub fn name(&self) -> Arc<str> {
        format!("{}:{}", self.file, self.line).into()
    }
}
