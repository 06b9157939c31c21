/*! Checks of a response's status line and header fields, over the whole string.

PEP 3333 ("The start_response() Callable") and RFC 9110 section 5 say what may stand in them. The engine checks what the application
gave before anything leaves Python, so that nothing of a bad value ever reaches the wire. */

/// What is wrong with a status line or a header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldError {
    /// A status that does not begin with three digits followed by the end or a space.
    StatusForm,
    /// A status number that is not between 100 and 999.
    StatusRange,
    /// An interim status: the server's, never an application's.
    StatusInterim,
    /// A control character in the reason phrase.
    StatusControl,
    /// An empty header name.
    NameEmpty,
    /// A character that RFC 9110 does not allow in a field name.
    NameCharacter(u8),
    /// CR, LF, NUL or another control character in a value.
    ValueControl(u8),
    /// A header that belongs to the server alone (hop-by-hop, PEP 3333 "Other HTTP Features").
    HopByHop,
}

impl std::fmt::Display for FieldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::StatusForm => f.write_str("status must be three digits, then a space and a reason phrase"),
            Self::StatusRange => f.write_str("status number must be between 100 and 999"),
            Self::StatusInterim => f.write_str("status is interim (100 to 199): an application must respond with 200 or above"),
            Self::StatusControl => f.write_str("status contains a control character"),
            Self::NameEmpty => f.write_str("header name is empty"),
            Self::NameCharacter(c) => write!(f, "header name contains the character 0x{c:02x}, which is not allowed in a name"),
            Self::ValueControl(c) => write!(f, "header value contains the control character 0x{c:02x}"),
            Self::HopByHop => f.write_str("hop-by-hop header: only the server may set it (PEP 3333)"),
        }
    }
}

impl std::error::Error for FieldError {}

/// Splits a status line into its number and its reason phrase (which may be empty).
///
/// # Errors
/// [`FieldError::StatusForm`], [`FieldError::StatusRange`] or [`FieldError::StatusControl`].
pub fn status(line: &[u8]) -> Result<(u16, &[u8]), FieldError> {
    let (digits, rest) = line.split_first_chunk::<3>().ok_or(FieldError::StatusForm)?;
    let mut number = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return Err(FieldError::StatusForm);
        }
        number = number * 10 + u16::from(digit - b'0');
    }
    let reason = match rest {
        [] => rest,
        [b' ', reason @ ..] => reason,
        _ => return Err(FieldError::StatusForm),
    };
    if number < 100 {
        return Err(FieldError::StatusRange);
    }
    if reason.iter().any(|c| c.is_ascii_control()) {
        return Err(FieldError::StatusControl);
    }
    Ok((number, reason))
}

/// Is `c` a `tchar` of RFC 9110 section 5.6.2?
pub const fn is_token(c: u8) -> bool {
    matches!(c, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
        || c.is_ascii_alphanumeric()
}

/// Checks a header name: a token of RFC 9110, and not a hop-by-hop header.
///
/// # Errors
/// [`FieldError::NameEmpty`], [`FieldError::NameCharacter`] or [`FieldError::HopByHop`].
pub fn name(name: &[u8]) -> Result<(), FieldError> {
    if name.is_empty() {
        return Err(FieldError::NameEmpty);
    }
    match name.iter().find(|c| !is_token(**c)) {
        Some(c) => Err(FieldError::NameCharacter(*c)),
        None if is_hop_by_hop(name) => Err(FieldError::HopByHop),
        None => Ok(()),
    }
}

/// Checks a header value: no control character but the tab (RFC 9110 section 5.5), so no CR, LF or NUL anywhere in it.
///
/// # Errors
/// [`FieldError::ValueControl`] with the first such character.
pub fn value(value: &[u8]) -> Result<(), FieldError> {
    match value.iter().find(|c| c.is_ascii_control() && **c != b'\t') {
        Some(c) => Err(FieldError::ValueControl(*c)),
        None => Ok(()),
    }
}

/// The hop-by-hop headers of RFC 2616 section 13.5.1 that an application must not send (PEP 3333).
/// `Proxy-Authenticate` is left out: an application may well answer 407.
fn is_hop_by_hop(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 8] = [
        b"connection",
        b"keep-alive",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        // Not in that list, and treated alike by proxies; HTTP/2 forbids it (RFC 9113 section 8.2.2).
        b"proxy-connection",
        // RFC 7540 section 3.2.1.
        b"http2-settings",
    ];
    NAMES.iter().any(|n| n.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::{FieldError, name, status, value};

    #[test]
    fn statuses() {
        assert_eq!(status(b"200 OK"), Ok((200, &b"OK"[..])));
        assert_eq!(status(b"200"), Ok((200, &b""[..])));
        assert_eq!(status(b"200 "), Ok((200, &b""[..])));
        assert_eq!(status(b"404 Nicht \xfcberall"), Ok((404, &b"Nicht \xfcberall"[..])));
        for bad in [&b""[..], b"20", b"2000", b"200OK", b"abc OK", b" 200 OK", b"200\tOK", b"+20 OK"] {
            assert_eq!(status(bad), Err(FieldError::StatusForm), "{bad:?}");
        }
        assert_eq!(status(b"099 Low"), Err(FieldError::StatusRange));
        for bad in [&b"200 O\rK"[..], b"200 O\nK", b"200 O\0K", b"200 OK\r\n", b"200 \x7f"] {
            assert_eq!(status(bad), Err(FieldError::StatusControl), "{bad:?}");
        }
    }

    #[test]
    fn names() {
        assert_eq!(name(b"X-Frame-Options"), Ok(()));
        assert_eq!(name(b""), Err(FieldError::NameEmpty));
        for c in [b' ', b':', b'\r', b'\n', 0, 0x7f, 0x80, 0xff, b'\t', b'(', b'/'] {
            assert_eq!(name(&[b'X', c, b'Y']), Err(FieldError::NameCharacter(c)));
        }
        assert_eq!(name(b"Transfer-Encoding"), Err(FieldError::HopByHop));
        assert_eq!(name(b"CONNECTION"), Err(FieldError::HopByHop));
    }

    #[test]
    fn values_are_checked_to_their_end() {
        assert_eq!(value(b"a\tb \xe9"), Ok(()));
        assert_eq!(value(b""), Ok(()));
        assert_eq!(value(b"a\0b"), Err(FieldError::ValueControl(0)));
        assert_eq!(value(b"ok\0\r\nSet-Cookie: x"), Err(FieldError::ValueControl(0)));
        assert_eq!(value(b"ok\r\n x"), Err(FieldError::ValueControl(b'\r')));
    }
}
