/*! Between a request and an application: loads the script, calls the application by WSGI, and sends what it returns. */

mod python_module;
pub mod serve;
mod stream;
pub mod wsgi;

use protocol::settings::EngineSettings;

use crate::capi::{Attached, Class, PyResult};
use crate::interpreter::{Classes, SetUp};
use wsgi::{Adapter, ErrorSink, FileWrapper, Input};

/// Sets up the interpreter of an application group that this thread is attached to: its modules, streams, classes, and what each environ begins as.
///
/// # Errors
/// Whatever Python raises meanwhile.
pub fn set_up(py: Attached<'_>, group: &[u8], settings: &EngineSettings) -> PyResult<SetUp> {
    let file_wrapper = Class::make::<FileWrapper>(py)?;
    let helpers = python_module::set_up(py, group, settings, file_wrapper.get(py))?;
    let environ_template = wsgi::environ_template(py, settings, file_wrapper.get(py))?.keep();
    let classes = Classes {
        input: Class::make::<Input>(py)?,
        adapter: Class::make::<Adapter>(py)?,
        error_sink: Class::make::<ErrorSink>(py)?,
        request_timeout: helpers.request_timeout.get(py).clone().keep(),
        file_wrapper,
    };
    Ok(SetUp { classes, environ_template, helpers })
}
