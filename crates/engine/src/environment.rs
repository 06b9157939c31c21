/*! Environment variables that only Python's start is to see. */

/// Runs `body` with `PYTHONHASHSEED` set, and puts the variable back as it was.
pub fn with_hash_seed<R>(seed: &[u8], body: impl FnOnce() -> R) -> R {
    if seed.is_empty() {
        return body();
    }
    let before = crate::capi::start::set_variable(c"PYTHONHASHSEED", Some(seed));
    let result = body();
    crate::capi::start::set_variable(c"PYTHONHASHSEED", before.as_deref());
    result
}
