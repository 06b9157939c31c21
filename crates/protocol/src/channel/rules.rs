/*! The rules for what a daemon process says, in one place: the engine goes by them before it sends, and an Apache child checks them before it believes.

A process runs somebody's application and may have been taken over by it. So no rule may be enforced by the engine alone: the child calls the same functions for
everything that it passes on to a client. *Runs in: child, daemon.* */

use crate::field::{self, FieldError};

/// The most header fields of one response.
pub const MOST_FIELDS: usize = 131_072;

/// The most bytes that names and values of one response's header fields, and its reason phrase, have together.
pub const LONGEST_HEAD: usize = 4 * 1024 * 1024;

/// The most body bytes that a process may have asked for and not got.
pub const MOST_ASKED: u64 = 16 * 1024 * 1024;

/// The most lines that one request writes to the error log; the others are dropped.
pub const MOST_LINES: u32 = 100_000;

/// The most bytes of such lines.
pub const MOST_LINE_BYTES: usize = 64 * 1024 * 1024;

/// The most frames of one response that bring nothing: body parts without a byte, and a demand for none.
pub const MOST_EMPTY: u32 = 10_000;

/// The most often that one request is refused by processes that had it in their queue, and is given the time back that it spent there.
pub const MOST_REFUSALS: u32 = 8;

/// The most often that one request waits for new code.
pub const MOST_NEW_CODE: u32 = 2;

/// What is wrong with a response's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadFault<'h> {
    /// Status, reason phrase, or a field.
    Field(FieldError),
    /// `Content-Length` is not a decimal number of bytes.
    Length,
    /// There are two of them, and they differ.
    Lengths,
    /// More than [`MOST_FIELDS`].
    Count,
    /// More than [`LONGEST_HEAD`].
    Sum,
    /// The field of that name is longer than this group's fields may be.
    TooLong(&'h [u8]),
}

impl std::fmt::Display for HeadFault<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Field(error) => error.fmt(f),
            Self::Length => f.write_str("`Content-Length` is not a length"),
            Self::Lengths => f.write_str("`Content-Length` is given twice, with different values"),
            Self::Count => write!(f, "there are more than {MOST_FIELDS} header fields"),
            Self::Sum => write!(f, "the header fields have more than {LONGEST_HEAD} bytes in total"),
            Self::TooLong(name) => write!(f, "the header field `{}` is too long", name.escape_ascii()),
        }
    }
}

impl From<FieldError> for HeadFault<'_> {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}

/// Checks the number of a status: three digits, and final. An interim status (RFC 9110 section 15.2) has no body, so a client would take what follows it for
/// the answer to its next request.
///
/// # Errors
/// [`FieldError::StatusRange`] or [`FieldError::StatusInterim`].
pub const fn status(number: u16) -> Result<(), FieldError> {
    match number {
        200..=999 => Ok(()),
        100..=199 => Err(FieldError::StatusInterim),
        _ => Err(FieldError::StatusRange),
    }
}

/// Whether a response of that status has no body at all (RFC 9110 sections 15.3.5 and 15.4.5).
pub const fn forbids_body(status: u16) -> bool {
    matches!(status, 204 | 304)
}

/// Checks a reason phrase.
///
/// # Errors
/// [`FieldError::StatusControl`].
pub fn reason(reason: &[u8]) -> Result<(), FieldError> {
    if reason.iter().any(u8::is_ascii_control) { Err(FieldError::StatusControl) } else { Ok(()) }
}

/// The value of `Content-Length`, bytes: decimal digits alone, and no more than a file can have. Anything else would be taken for different lengths by a client and
/// a proxy before it.
pub fn length(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let number: u64 = digits.then(|| std::str::from_utf8(value).ok()?.parse().ok()).flatten()?;
    i64::try_from(number).is_ok().then_some(number)
}

/// What is known of a head's fields so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields {
    count: usize,
    bytes: usize,
    /// `Content-Length`
    pub length: Option<u64>,
}

impl Fields {
    /// Checks the next field. `longest`: bytes that a field may have, with the colon and the blank between name and value.
    ///
    /// # Errors
    /// [`HeadFault`].
    pub fn add<'h>(&mut self, name: &'h [u8], value: &[u8], longest: usize) -> Result<(), HeadFault<'h>> {
        field::name(name)?;
        field::value(value)?;
        let bytes = name.len().saturating_add(value.len());
        if bytes.saturating_add(2) > longest {
            return Err(HeadFault::TooLong(name));
        }
        if name.eq_ignore_ascii_case(b"Content-Length") {
            let length = length(value).ok_or(HeadFault::Length)?;
            if self.length.replace(length).is_some_and(|before| before != length) {
                return Err(HeadFault::Lengths);
            }
        }
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.count > MOST_FIELDS {
            return Err(HeadFault::Count);
        }
        if self.bytes > LONGEST_HEAD { Err(HeadFault::Sum) } else { Ok(()) }
    }
}

/// Checks a whole head. `longest`: as [`Fields::add`] has it.
///
/// # Errors
/// [`HeadFault`].
pub fn head<'h>(
    number: u16,
    phrase: &[u8],
    fields: impl Iterator<Item = (&'h [u8], &'h [u8])>,
    longest: usize,
) -> Result<Fields, HeadFault<'h>> {
    status(number)?;
    reason(phrase)?;
    let mut known = Fields { bytes: phrase.len(), ..Fields::default() };
    for (name, value) in fields {
        known.add(name, value, longest)?;
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::{FieldError, Fields, HeadFault, LONGEST_HEAD, MOST_FIELDS, forbids_body, head, length};

    type Pair = (&'static [u8], &'static [u8]);

    fn check(status: u16, reason: &[u8], fields: &[Pair]) -> Result<Option<u64>, HeadFault<'static>> {
        head(status, reason, fields.iter().copied(), 32768).map(|known| known.length)
    }

    #[test]
    fn a_status_is_final_and_has_three_digits() {
        for number in [200, 204, 304, 404, 599, 999] {
            assert_eq!(check(number, b"x", &[]), Ok(None), "{number}");
        }
        for number in 100..200 {
            assert_eq!(check(number, b"", &[]), Err(HeadFault::Field(FieldError::StatusInterim)), "{number}");
        }
        for number in [0, 1, 99, 1000, u16::MAX] {
            assert_eq!(check(number, b"", &[]), Err(HeadFault::Field(FieldError::StatusRange)), "{number}");
        }
        assert!(forbids_body(204) && forbids_body(304) && !forbids_body(200) && !forbids_body(205));
    }

    #[test]
    fn nothing_in_a_head_begins_another_line() {
        assert_eq!(check(200, b"O\rK", &[]), Err(HeadFault::Field(FieldError::StatusControl)));
        assert_eq!(check(200, b"", &[(b"X\n", b"1")]), Err(HeadFault::Field(FieldError::NameCharacter(b'\n'))));
        assert_eq!(check(200, b"", &[(b"X", b"1\r\n")]), Err(HeadFault::Field(FieldError::ValueControl(b'\r'))));
    }

    #[test]
    fn what_belongs_to_the_connection_is_the_servers() {
        let names: [&[u8]; 8] = [
            b"Connection",
            b"Keep-Alive",
            b"TE",
            b"Trailer",
            b"Transfer-Encoding",
            b"Upgrade",
            b"Proxy-Connection",
            b"HTTP2-Settings",
        ];
        for name in names {
            assert_eq!(head(200, b"", [(name, b"x".as_slice())].into_iter(), 99).err(), Some(FieldError::HopByHop.into()));
        }
    }

    #[test]
    fn there_is_one_length_and_it_is_a_number() {
        let twice = [(b"Content-Length".as_slice(), b"5".as_slice()), (b"content-length", b"5")];
        assert_eq!(check(200, b"", &twice), Ok(Some(5)));
        let other = [twice[0], (b"content-length".as_slice(), b"6".as_slice())];
        assert_eq!(check(200, b"", &other), Err(HeadFault::Lengths));
        for bad in
            [&b""[..], b"+5", b"-5", b" 5", b"5 ", b"5,5", b"0x5", b"five", b"9223372036854775808", b"99999999999999999999"]
        {
            assert_eq!(length(bad), None, "{bad:?}");
            assert_eq!(head(200, b"", [(b"Content-Length".as_slice(), bad)].into_iter(), 99).err(), Some(HeadFault::Length));
        }
        assert_eq!((length(b"0"), length(b"9223372036854775807")), (Some(0), Some(i64::MAX.unsigned_abs())));
    }

    #[test]
    fn number_and_sum_of_fields_are_bounded() {
        let many = std::iter::repeat_n((b"X".as_slice(), b"".as_slice()), MOST_FIELDS);
        assert!(head(200, b"", many.clone(), 99).is_ok());
        assert_eq!(head(200, b"", many.chain([(b"X".as_slice(), b"".as_slice())]), 99).err(), Some(HeadFault::Count));
        let value = vec![b'x'; 32_000];
        let mut known = Fields::default();
        let fault = (0..MOST_FIELDS).find_map(|_| known.add(b"X", &value, 32768).err());
        assert_eq!(fault, Some(HeadFault::Sum));
        assert!(known.bytes <= LONGEST_HEAD + 32_001);
        assert_eq!(Fields::default().add(b"X", &value, 32_002), Err(HeadFault::TooLong(b"X")));
    }
}
