/*! Exceptions of applications, told to the log: a numbered line that says what was going on, then the traceback, line by line. */

use std::sync::Mutex;

use protocol::log_code::LogCode;
use protocol::repetition::{Repetitions, Say, key};

use crate::capi::{Attached, Exception, Object, PyResult, Raised};
use crate::interpreter::Interpreter;
use crate::logging;
use crate::sync::clock;
use crate::sync::locks::lock;

/// What was going on when the exception came.
pub struct Context<'a> {
    /// The message's number.
    pub code: LogCode,
    /// A sentence for the first line.
    pub what: &'a str,
}

/// The loading of a script that failed.
pub struct Load<'a> {
    /// Its path, as the log has it.
    pub script: &'a str,
    /// Another process of the group still serves with the script.
    pub succeeds: bool,
    /// What was logged about it before.
    pub said: &'a Mutex<Repetitions>,
}

/// Logs an exception with its traceback.
pub fn log(py: Attached<'_>, interpreter: &Interpreter, raised: Raised, context: &Context<'_>) {
    log_taken(py, interpreter, raised.take(py).as_ref(), context);
}

/// The same, of one that was taken out of the indicator.
pub fn log_taken(py: Attached<'_>, interpreter: &Interpreter, exception: Option<&Exception<'_>>, context: &Context<'_>) {
    logging::log_code(context.code, context.what);
    write_traceback(py, interpreter, context.code, exception);
}

/// Logs why a script could not be loaded, with what is known of the cure: whole, if it is another reason than the last ones, or an hour has passed; otherwise in a line.
pub fn log_load(py: Attached<'_>, interpreter: &Interpreter, raised: Raised, context: &Context<'_>, load: Load<'_>) {
    let exception = raised.take(py);
    let told = traceback(py, interpreter, exception.as_ref());
    let say = lock(load.said).say(key(&told), u64::try_from(clock::now() / 1_000).unwrap_or(0));
    if let Say::Again(count) = say {
        let last = told.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let text = format!("{}, for the reason that was logged before ({count} more times so far): {last}", context.what);
        logging::log_code(context.code, &text);
        return;
    }
    logging::log_code(context.code, context.what);
    logging::text(context.code.level, told.as_bytes());
    let Some(exception) = exception else { return };
    match hints(py, interpreter, &exception, &load) {
        Ok(text) if text.is_empty() => {}
        Ok(text) => logging::text(context.code.level, text.as_bytes()),
        Err(raised) => raised.clear(py),
    }
}

fn hints(py: Attached<'_>, interpreter: &Interpreter, exception: &Exception<'_>, load: &Load<'_>) -> PyResult<String> {
    let path = Object::text(py, load.script)?;
    let succeeds = Object::boolean(py, load.succeeds);
    interpreter.helpers.explain_load.get(py).call(&[&exception.value, &path, &succeeds])?.to_text()
}

fn write_traceback(py: Attached<'_>, interpreter: &Interpreter, code: LogCode, exception: Option<&Exception<'_>>) {
    logging::text(code.level, traceback(py, interpreter, exception).as_bytes());
}

/// An exception with its traceback, in lines.
fn traceback(py: Attached<'_>, interpreter: &Interpreter, exception: Option<&Exception<'_>>) -> String {
    let Some(exception) = exception else { return "(no exception was set)".to_owned() };
    let formatted = interpreter
        .helpers
        .describe
        .get(py)
        .call(&[&exception.class, &exception.value, &exception.traceback])
        .and_then(|text| text.to_text());
    match formatted {
        Ok(text) => text.trim_end_matches('\n').to_owned(),
        Err(raised) => {
            raised.clear(py);
            let name = exception.value.type_name();
            let said = Object::text(py, "__str__")
                .and_then(|str| exception.value.call_method(&str, &[]))
                .and_then(|text| text.to_text());
            let said = said.unwrap_or_else(|raised| {
                raised.clear(py);
                String::new()
            });
            format!("{name}: {said}\n(its traceback could not be formatted)")
        }
    }
}
