/*! A request as it comes from its server: what the application is to be called with, and which script has it. */

use crate::interpreter::script::Wanted;

/// One request, as it comes from the server.
pub struct Call<'a> {
    /// Text entries: key, and value if there is one.
    pub environ: &'a [(&'a [u8], Option<&'a [u8]>)],
    /// Path of the script.
    pub script: &'a [u8],
    /// See [`Wanted`].
    pub wanted: Wanted<'a>,
    /// Name of the callable.
    pub callable: &'a [u8],
    /// `wsgi.url_scheme` is `https`.
    pub https: bool,
    /// Index of the thread in its process.
    pub thread_id: i64,
    /// Microseconds since the epoch; 0 where it does not apply.
    pub request_start: i64,
    /// As above.
    pub queue_start: i64,
    /// As above.
    pub daemon_start: i64,
    /// It has waited for a process with a newer version of its script.
    pub waited: bool,
    /// The `request_rec` for `apache.request_rec`.
    pub request_rec: Option<std::ptr::NonNull<std::ffi::c_void>>,
}

impl Call<'_> {
    /// A text entry.
    pub fn entry(&self, key: &[u8]) -> Option<&[u8]> {
        self.environ.iter().find(|(k, _)| *k == key).and_then(|(_, value)| *value)
    }
}
