/*! Between a request and an application: loads the script, calls the application by WSGI, and sends what it returns. */

pub mod python_module;
pub mod serve;
mod stream;
pub mod wsgi;
