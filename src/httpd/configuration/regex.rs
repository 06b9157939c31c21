/*! Apache's regular expressions (`ap_regcomp`), for `WSGIScriptAliasMatch`. *Runs in: parent (compiled), child (matched).* */
#![expect(unsafe_code, reason = "calls into httpd")]

use std::ffi::CString;
use std::sync::Arc;

use crate::httpd::sys;
use config::settings::Pattern;

/// A compiled expression; freed when the last configuration that holds it is.
struct Regex {
    compiled: sys::ap_regex_t,
}

// SAFETY: a compiled expression is only read by ap_regexec_len, which keeps its working memory elsewhere (ap_regex.h).
unsafe impl Send for Regex {}
// SAFETY: as above.
unsafe impl Sync for Regex {}

/// Compiles an extended, case-sensitive expression.
///
/// # Errors
/// The compiler's own text.
pub fn compile(expression: &[u8]) -> Result<Arc<dyn Pattern>, String> {
    let text = CString::new(expression).map_err(|_| "it contains a NUL".to_owned())?;
    // SAFETY: plain data for ap_regcomp to fill.
    let mut compiled: sys::ap_regex_t = unsafe { std::mem::zeroed() };
    // SAFETY: `text` is NUL-terminated; no flags: extended is the default of ap_regcomp.
    let status = unsafe { sys::ap_regcomp(&raw mut compiled, text.as_ptr(), 0) };
    if status == 0 {
        return Ok(Arc::new(Regex { compiled }));
    }
    let mut buffer = [0_u8; 200];
    // SAFETY: at most the given length is written, with a NUL at the end.
    unsafe { sys::ap_regerror(status, &raw const compiled, buffer.as_mut_ptr().cast(), buffer.len()) };
    Err(std::ffi::CStr::from_bytes_until_nul(&buffer)
        .map_or_else(|_| "no reason".to_owned(), |t| t.to_string_lossy().into_owned()))
}

impl Pattern for Regex {
    fn captures(&self, subject: &[u8]) -> Option<Vec<(usize, usize)>> {
        // As many as `$0` to `$9` can name.
        let mut groups = [sys::ap_regmatch_t { rm_so: -1, rm_eo: -1 }; 10];
        // SAFETY: `subject` is readable for its length, `groups` writable for ten entries; the expression was compiled.
        let status = unsafe {
            sys::ap_regexec_len(
                &raw const self.compiled,
                subject.as_ptr().cast(),
                subject.len(),
                groups.len(),
                groups.as_mut_ptr(),
                0,
            )
        };
        (status == 0).then(|| {
            let place = |group: &sys::ap_regmatch_t| {
                usize::try_from(group.rm_so).ok().zip(usize::try_from(group.rm_eo).ok()).unwrap_or((0, 0))
            };
            groups.iter().map(place).collect()
        })
    }
}

impl Drop for Regex {
    fn drop(&mut self) {
        // SAFETY: compiled by `compile`, freed once.
        unsafe { sys::ap_regfree(&raw mut self.compiled) };
    }
}
