/*! The engine's own functions that are written in Python (`gateway/set_up.py`). */

use crate::capi::{Attached, Kept, Object, PyResult};

/// Functions of `set_up.py` that the engine calls.
pub struct Helpers {
    /// `describe(class, value, traceback) -> str`
    pub describe: Kept,
    /// `explain_load(exception, script, succeeds) -> str`
    pub explain_load: Kept,
    /// `shut_down(reason)`
    pub shut_down: Kept,
    /// `publish_signal(name, number) -> int`
    pub publish_signal: Kept,
    /// `publish_event(name, payload)`
    pub publish_event: Kept,
    /// `mod_wsgi.event_callbacks`
    pub event_callbacks: Kept,
    /// `mod_wsgi.active_requests`
    pub active_requests: Kept,
    /// `mod_wsgi.RequestTimeout`
    pub request_timeout: Kept,
    /// `error_stream(sink) -> (text stream, binary stream)`
    pub error_stream: Kept,
    /// The class of the text streams that it makes.
    pub error_stream_class: Kept,
    /// `is_asynchronous(application, answer) -> bool`
    pub is_asynchronous: Kept,
    /// `stack_of(thread) -> list of frames`
    pub stack_of: Kept,
    /// `format_stack(frames) -> str`
    pub format_stack: Kept,
    /// `changed_file(since) -> str`
    pub changed_file: Kept,
    after_load: Kept,
}

impl Helpers {
    /// Finds them in the module that `set_up.py` is.
    ///
    /// # Errors
    /// What Python raises where one is missing.
    pub fn of(module: &Object<'_>) -> PyResult<Self> {
        Ok(Self {
            describe: module.attribute_named(c"describe")?.keep(),
            explain_load: module.attribute_named(c"explain_load")?.keep(),
            publish_signal: module.attribute_named(c"publish_signal")?.keep(),
            publish_event: module.attribute_named(c"publish_event")?.keep(),
            event_callbacks: module.attribute_named(c"event_callbacks")?.keep(),
            active_requests: module.attribute_named(c"active_requests")?.keep(),
            shut_down: module.attribute_named(c"shut_down")?.keep(),
            request_timeout: module.attribute_named(c"RequestTimeout")?.keep(),
            error_stream: module.attribute_named(c"error_stream")?.keep(),
            error_stream_class: module.attribute_named(c"ErrorStream")?.keep(),
            is_asynchronous: module.attribute_named(c"is_asynchronous")?.keep(),
            stack_of: module.attribute_named(c"stack_of")?.keep(),
            format_stack: module.attribute_named(c"format_stack")?.keep(),
            changed_file: module.attribute_named(c"changed_file")?.keep(),
            after_load: module.attribute_named(c"after_load")?.keep(),
        })
    }

    /// What is done after a script was loaded: modules that it imported are given our way to the log.
    pub fn after_load(&self, py: Attached<'_>) {
        if let Err(raised) = self.after_load.get(py).call(&[]) {
            raised.clear(py);
        }
    }
}
