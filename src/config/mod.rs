/*! The configuration: directives (one table) become typed settings, which are merged, checked as a whole and frozen. No C.

In reading order: [`directive`] (a row and its place), [`directives`] (the table), [`settings`] (what comes out), [`merge`]
(inheritance), [`whole`] (what only the whole configuration shows: findings for configtest, the group that the main interpreter
hosts), [`effective`] (what holds for one request), [`page`] (`docs/directives.md`).
*Runs in: parent (filled), child (read; `.htaccess` files).* */

pub mod directive;
pub mod directives;
pub mod effective;
pub mod error;
pub mod merge;
pub mod notes;
pub mod page;
pub mod proxy_header;
#[cfg(test)]
pub mod sample;
pub mod settings;
pub mod whole;
pub mod words;

pub use directive::{Apply, Contexts, Directive, Override, Place};
pub use directives::DIRECTIVES;
pub use effective::RequestSettings;
pub use error::ConfigError;
pub use notes::{Finding, Notes};
pub use settings::{DirectoryConfig, ServerConfig};
