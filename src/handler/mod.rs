/*! The top of a request: what it is for, where its application runs, and what that is told. In reading order: [`mapping`] (which script, which groups),
[`precheck`] (may it run), [`content`] (the handler: all facts together, then the backend, then the end), [`environ`] (what the application is told), [`backend`] (embedded
or daemon mode; [`script_owner`] is a condition of the latter).

*Runs in: child.* */

pub mod backend;
pub mod content;
pub mod environ;
pub mod mapping;
pub mod precheck;
pub mod script_owner;

pub use content::handle;
pub use mapping::script::translate_name;
