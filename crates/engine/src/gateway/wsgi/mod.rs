/*! PEP 3333: what an application is given, and what becomes of what it returns. */

mod adapter;
mod body;
mod environ;
mod errors;
mod file_wrapper;
mod input;

pub use adapter::Adapter;
pub use body::{Failure, send};
pub use environ::{environ, environ_template};
pub use errors::{ErrorSink, end as end_error_stream};
pub use file_wrapper::FileWrapper;
pub use input::Input;
