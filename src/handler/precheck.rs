/*! Whether a request may run at all, checked before Python is involved: the script, `Options ExecCGI`, the path after the script, the body. *Runs in: child.* */

use std::ffi::CStr;

use super::environ::filter;
use super::mapping::script::Script;
use crate::httpd::Request;
use crate::httpd::request::FileKind;
use crate::request::failure::Failure;
use config::RequestSettings;

/// Checks script and body, and removes the headers that no application may see.
///
/// # Errors
/// The [`Failure`] that the client gets instead.
pub fn check<'r>(request: Request<'r>, script: Script<'r>, settings: &RequestSettings<'_>) -> Result<(), Failure<'r>> {
    if matches!(script, Script::File { .. }) {
        check_file(request, script)?;
    }
    check_body(request, settings)?;
    drop_headers(request);
    Ok(())
}

fn check_file<'r>(request: Request<'r>, script: Script<'r>) -> Result<(), Failure<'r>> {
    let path = request.filename();
    if script.alias().is_none() && !request.may_execute_cgi() {
        return Err(Failure::ExecCgiOff(path));
    }
    match request.file_kind() {
        FileKind::Missing => return Err(Failure::ScriptMissing(path)),
        FileKind::Directory => return Err(Failure::ScriptIsDirectory(path)),
        FileKind::File => {}
    }
    if request.refuses_path_info() && !request.path_info().is_empty() {
        return Err(Failure::PathInfoRefused(path));
    }
    Ok(())
}

fn check_body<'r>(request: Request<'r>, settings: &RequestSettings<'_>) -> Result<(), Failure<'r>> {
    let headers = request.headers_in();
    if let Some(coding) = headers.get(c"Transfer-Encoding") {
        if !coding.eq_ignore_ascii_case(b"chunked") {
            return Err(Failure::TransferEncoding(coding));
        }
        if !settings.chunked_request {
            return Err(Failure::ChunkedRefused);
        }
    }
    if let Some(text) = headers.get(c"Content-Length") {
        let length = content_length(text).ok_or(Failure::ContentLengthMalformed(text))?;
        let limit = request.body_limit();
        if limit != 0 && length > limit {
            return Err(Failure::BodyTooLarge { length, limit });
        }
    }
    Ok(())
}

/// A content length: decimal digits and nothing else (RFC 9110 section 8.6).
fn content_length(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
}

/// Removes what [`filter::keeps_header`] says no to from the request altogether, so that httpd makes no variable of it.
fn drop_headers(request: Request<'_>) {
    let headers = request.headers_in();
    let unwanted: Vec<&CStr> =
        headers.entries().map(|(name, _)| name).filter(|name| !filter::keeps_header(name.to_bytes())).collect();
    for name in unwanted {
        headers.unset(name);
    }
}

#[cfg(test)]
mod tests {
    use super::content_length;

    #[test]
    fn a_length_is_digits_alone() {
        assert_eq!(content_length(b"0"), Some(0));
        assert_eq!(content_length(b"18446744073709551615"), Some(u64::MAX));
        for bad in [&b""[..], b"+1", b"-1", b" 1", b"1 ", b"0x10", b"1,1", b"18446744073709551616", b"\xb2"] {
            assert_eq!(content_length(bad), None, "{bad:?}");
        }
    }
}
