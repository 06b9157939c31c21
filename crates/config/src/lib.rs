/*! The configuration: directives (one table) become typed settings, which are merged, checked as a whole and frozen. No C.

In reading order: [`directive`] (a row, and where a directive stands), [`tokenizer`] (its words), [`directives`] (the table), [`daemon`] (`WSGIDaemonProcess` and its
options), [`settings`] (what comes out, how it is inherited, and what holds for one request), [`global_checks`] (what only the whole configuration shows: findings for
configtest, groups and who may use them, the application group that a main interpreter hosts), [`daemon_plan`] (the supervisor's orders), [`diagnostics`] (what is said about all that),
[`docs_page`] (`docs/directives.md`).
*Runs in: parent (filled), child (read; `.htaccess` files).* */
#![forbid(unsafe_code)]

pub mod daemon;
pub mod daemon_plan;
pub mod diagnostics;
pub mod directive;
pub mod directives;
pub mod docs_page;
pub mod error;
pub mod global_checks;
pub mod settings;
#[cfg(any(test, feature = "test-support"))]
pub mod test_support;
pub mod tokenizer;

pub use diagnostics::{Diagnostics, Finding};
pub use directive::{Apply, Contexts, Directive, DirectiveContext, Override};
pub use directives::DIRECTIVES;
pub use error::ConfigError;
pub use settings::effective::RequestSettings;
pub use settings::{DirectoryConfig, ServerConfig};
