/*! One text entry of a request's environ. *Runs in: child, once per request.* */

use std::borrow::Cow;

/// One entry. Without a value the application finds `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: Option<Cow<'a, [u8]>>,
}
