/*! Environment variables that only Python's start is to see. */

use std::ffi::CStr;

/// Runs `body` with variables set (or, with `None`, unset), and puts them back as they were.
pub fn with_variables<R>(variables: &[(&CStr, Option<&[u8]>)], body: impl FnOnce() -> R) -> R {
    let set = crate::capi::start::set_variable;
    let before: Vec<_> = variables.iter().map(|(name, value)| (*name, set(name, *value))).collect();
    let result = body();
    for (name, value) in before {
        set(name, value.as_deref());
    }
    result
}
