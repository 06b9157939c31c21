/*! The configuration: directives (one table) become typed settings, which are merged, checked as a whole and frozen. No C.

In reading order: [`directive`] (a row and its place), [`directives`] (the table), [`daemon`] (`WSGIDaemonProcess` and its options),
[`settings`] (what comes out; [`network`] is one value of it), [`section`] (what sections say about groups), [`merge`] (inheritance), [`whole`] (what only the whole
configuration shows: findings for configtest, groups and who may use them, the application group that a main interpreter hosts),
[`plan`] (the supervisor's orders), [`effective`] (what holds for one request), [`page`] (`docs/directives.md`).
*Runs in: parent (filled), child (read; `.htaccess` files).* */
#![forbid(unsafe_code)]

pub mod daemon;
pub mod directive;
pub mod directives;
pub mod effective;
pub mod error;
pub mod merge;
pub mod network;
pub mod notes;
pub mod page;
pub mod plan;
pub mod proxy_header;
mod python_options;
pub mod section;
pub mod settings;
#[cfg(any(test, feature = "test-support"))]
pub mod test_support;
pub mod whole;
pub mod words;

pub use directive::{Apply, Contexts, Directive, Override, Place};
pub use directives::DIRECTIVES;
pub use effective::RequestSettings;
pub use error::ConfigError;
pub use notes::{Finding, Notes};
pub use settings::{DirectoryConfig, ServerConfig};
