/*! A request's environ: its text entries. *Runs in: child, once per request.* */

use std::borrow::Cow;

/// One entry. Without a value the application finds `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: Option<Cow<'a, [u8]>>,
}

/// The finished environ.
#[derive(Debug)]
pub struct Environ<'a> {
    /// Its text entries.
    pub entries: Vec<Entry<'a>>,
    /// `wsgi.url_scheme` is `https`.
    pub https: bool,
}
