/*! What an application returned, on its way to the client (PEP 3333, "Handling the Content-Length Header", "Buffering and Streaming").

A list or tuple is complete when it arrives: its length is known, and it is handed over in one piece that the server sends when Python has
been left. Items of any other iterable go out one by one, as they are yielded. A real file in `wsgi.file_wrapper` is
sent by the server itself. No more than the Content-Length ever goes out, and nothing where HTTP allows no body. */

use std::sync::Arc;

use protocol::log_code::{BODY_TOO_LONG, BODY_TOO_SHORT};

use crate::capi::{Attached, Object, PyResult, Raised, regular_file_size};
use crate::logging;
use crate::request::Request;
use crate::request::exchange::{Send, SendError};

use super::FileWrapper;
use super::adapter::{AT_ONCE, start};

/// Why a response did not come to its end.
pub enum Failure {
    /// The application raised.
    Raised(Raised),
    /// The client went away, or took nothing for too long.
    ClientGone,
    /// The server could not take it; it has logged why.
    Server,
    /// Less came than Content-Length had said; logged.
    Short,
}

impl From<Raised> for Failure {
    fn from(raised: Raised) -> Self {
        Self::Raised(raised)
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        match error {
            SendError::ClientGone | SendError::Overdue | SendError::OutOfTime => Self::ClientGone,
            SendError::Failed => Self::Server,
        }
    }
}

/// Sends the body that the application returned.
///
/// # Errors
/// See [`Failure`].
pub fn send(py: Attached<'_>, request: &Arc<Request>, body: &Object<'_>) -> Result<(), Failure> {
    if body.is_plain_sequence() {
        sequence(py, request, body)?;
    } else if !file(py, request, body)? {
        items(py, request, body)?;
    }
    start(py, request, None)??;
    finish(request)
}

/// How many of `length` bytes may still go out, and how they go if they go by themselves; the rest is remembered as excess.
fn admitted(request: &Request, length: usize) -> (usize, Send) {
    let mut output = request.output();
    let Some(head) = &output.head else { return (0, AT_ONCE) };
    if request.facts.head_only || head.forbids_body() {
        return (0, AT_ONCE);
    }
    let Some(limit) = head.content_length else { return (length, AT_ONCE) };
    let room = usize::try_from(limit.saturating_sub(output.sent)).unwrap_or(usize::MAX);
    let take = room.min(length);
    output.excess = output.excess.saturating_add((length - take) as u64);
    (take, if take == room { Send::Last } else { AT_ONCE })
}

fn not_bytes(py: Attached<'_>, item: &Object<'_>) -> Raised {
    let kind = item.type_name();
    let cure = if item.is_text() { ": encode it, for example with text.encode('utf-8')" } else { "" };
    Raised::type_error(py, &format!("the response body must consist of bytes, but the application returned {kind}{cure}"))
}

fn sequence(py: Attached<'_>, request: &Request, body: &Object<'_>) -> Result<(), Failure> {
    let items: Vec<Object<'_>> = (0..body.length()).map_while(|i| body.item(i)).collect();
    let mut chunks = Vec::with_capacity(items.len());
    for item in &items {
        chunks.push(item.as_bytes().ok_or_else(|| not_bytes(py, item))?);
    }
    let total = chunks.iter().map(|c| c.len()).sum::<usize>();
    // A HEAD that is answered without a body says nothing about the length that GET would have.
    let known = (!(request.facts.head && total == 0)).then_some(total as u64);
    start(py, request, known)??;
    let (mut room, _) = admitted(request, total);
    for chunk in &mut chunks {
        let take = room.min(chunk.len());
        *chunk = chunk.get(..take).unwrap_or_default();
        room -= take;
    }
    chunks.retain(|chunk| !chunk.is_empty());
    if !chunks.is_empty() {
        request.write(py, &chunks, request.best(py, total)?)??;
    }
    Ok(())
}

fn items(py: Attached<'_>, request: &Request, body: &Object<'_>) -> Result<(), Failure> {
    let iterator = body.iterate()?;
    while let Some(item) = iterator.next_item()? {
        let bytes = item.as_bytes().ok_or_else(|| not_bytes(py, &item))?;
        if bytes.is_empty() {
            continue;
        }
        flush(py, request, bytes)??;
        if request.facts.head_only {
            break;
        }
    }
    Ok(())
}

/// Sends bytes at once, after the head.
///
/// # Errors
/// `RuntimeError` without a head or after the end; the inner result is the server's.
pub(super) fn flush(py: Attached<'_>, request: &Request, bytes: &[u8]) -> PyResult<Result<(), SendError>> {
    let started = start(py, request, None)?;
    if started.is_err() {
        return Ok(started);
    }
    let (take, how) = admitted(request, bytes.len());
    match bytes.get(..take) {
        Some(bytes) if !bytes.is_empty() => request.write(py, &[bytes], how),
        _ => Ok(Ok(())),
    }
}

/// Sends a wrapped real file; false if the body is something else, or must be iterated after all.
fn file(py: Attached<'_>, request: &Request, body: &Object<'_>) -> Result<bool, Failure> {
    let Some(wrapper) = request.interpreter.classes.file_wrapper.value::<FileWrapper>(body) else { return Ok(false) };
    if request.output().sent > 0 {
        return Ok(false);
    }
    let filelike = wrapper.filelike(py);
    let Some((descriptor, position)) = real_file(py, request, &filelike) else { return Ok(false) };
    let Some(size) = regular_file_size(descriptor) else { return Ok(false) };
    let available = size.saturating_sub(position);
    start(py, request, Some(available))??;
    let length = {
        let output = request.output();
        let head = output.head.as_ref();
        if request.facts.head_only || head.is_none_or(crate::request::response_head::ResponseHead::forbids_body) {
            0
        } else {
            head.and_then(|h| h.content_length).unwrap_or(available).min(available)
        }
    };
    if let (Ok(offset), Ok(length)) = (i64::try_from(position), i64::try_from(length))
        && length > 0
    {
        request.send_file(py, descriptor, offset, length)??;
    }
    Ok(true)
}

/// Descriptor and position of a file-like object that is a file of the operating system.
fn real_file(py: Attached<'_>, request: &Request, filelike: &Object<'_>) -> Option<(i32, u64)> {
    let names = &request.interpreter.names;
    let found = filelike.to_descriptor().and_then(|descriptor| {
        let position = filelike.call_method(names.tell.get(py), &[])?.to_int()?;
        Ok((descriptor, position))
    });
    match found {
        Ok((descriptor, position)) => Some((descriptor, u64::try_from(position).ok()?)),
        Err(raised) => {
            raised.clear(py);
            None
        }
    }
}

/// The end: was it as long as it was said to be?
fn finish(request: &Request) -> Result<(), Failure> {
    let output = request.output();
    let (sent, excess) = (output.sent, output.excess);
    let head = output.head.as_ref();
    let promised = head.and_then(|h| h.content_length);
    let bodyless = request.facts.head || head.is_none_or(crate::request::response_head::ResponseHead::forbids_body);
    drop(output);
    if bodyless {
        return Ok(());
    }
    let Some(promised) = promised else { return Ok(()) };
    if excess > 0 {
        logging::log_code(
            BODY_TOO_LONG,
            &format!(
                "the application set `Content-Length: {promised}`, but returned {excess} more bytes, which were dropped. To fix: correct the header, \
                 or let the server set it"
            ),
        );
    }
    if sent < promised {
        logging::log_code(
            BODY_TOO_SHORT,
            &format!(
                "the application set `Content-Length: {promised}`, but its body ended after {sent} bytes. The connection was closed so that the \
                 client can detect this. To fix: correct the header, or let the server set it"
            ),
        );
        return Err(Failure::Short);
    }
    Ok(())
}
