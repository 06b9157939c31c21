/*! Between a request and an application: loads the script, calls the application by WSGI, and sends what it returns. */

pub mod python_module;
pub mod script;
pub mod serve;
pub mod source;
mod stream;
pub mod wsgi;
