/*! Lines of other processes in httpd's error logs, in the format of the server's `ErrorLogFormat`, as if those processes had written them.

httpd formats and writes them (`ap_log_error`), so every destination of `ErrorLog` and every item of `ErrorLogFormat` works: files, pipes, syslog, providers.
[`adopt`] replaces, in the memory of the process that calls it, the functions of those items that name the process, and those of the message itself: in a
format that makes objects of JSON it is escaped so that each line stays one. *Runs in: log writer.* */
#![expect(unsafe_code, reason = "changes httpd's parsed formats in the memory of the log writer")]

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};

use protocol::Level;
use protocol::log_line::{Escapes, Line, escape};

use super::Log;
use super::target::writes_json;
use crate::httpd::pool::Pool;
use crate::httpd::server::Server;
use crate::httpd::{module, sys};

/// What the rest of a line, after the message, may need; httpd's buffer has 8 KiB.
const BEHIND_THE_MESSAGE: usize = 700;

/// The line that is being written.
#[derive(Debug)]
struct Current {
    pid: u32,
    text: Vec<u8>,
}

thread_local! {
    static CURRENT: RefCell<Current> = const { RefCell::new(Current { pid: 0, text: Vec::new() }) };
}

/// Has this process write lines for others: from here on its own lines are named after the process of the last [`write()`].
pub fn adopt(configuration: Pool<'_>, main: Server<'_>) {
    for server in main.all() {
        // SAFETY: the record of httpd's core for a live server: null, or what the core made for it. This process has one thread, and a memory of its own.
        let Some(core) =
            (unsafe { sys::ap_get_core_module_config(server.module_config()).cast::<sys::core_server_config>().as_mut() })
        else {
            continue;
        };
        if core.error_log_format.is_null() {
            let timed = server.log_descriptor().is_some();
            core.error_log_format = default_format(configuration, timed);
        } else {
            // SAFETY: an array of the core's whose elements are of that type (http_core.h), which no server shares with another process.
            unsafe { adopt_items(core.error_log_format, server) };
        }
    }
}

/// A format with one item, which writes the whole line. `timed`: with the time, which syslog and providers add themselves.
fn default_format(configuration: Pool<'_>, timed: bool) -> *mut sys::apr_array_header_t {
    let size = c_int::try_from(size_of::<sys::ap_errorlog_format_item>()).unwrap_or_default();
    // SAFETY: the pool is live; the array has room for an item of that size, which `apr_array_push` returns.
    unsafe {
        let array = sys::apr_array_make(configuration.raw(), 1, size);
        sys::apr_array_push(array).cast::<sys::ap_errorlog_format_item>().write(sys::ap_errorlog_format_item {
            func: if timed { Some(timed_line) } else { Some(untimed_line) },
            arg: std::ptr::null(),
            flags: 0,
            min_loglevel: 0,
        });
        array
    }
}

/// Replaces what names this process, and the message. An item is known by what it says: httpd does not export its functions.
///
/// # Safety
/// `format` is null or an array of `ap_errorlog_format_item`, used by this thread alone.
unsafe fn adopt_items(format: *mut sys::apr_array_header_t, server: Server<'_>) {
    // SAFETY: promised by the caller.
    let items: &mut [sys::ap_errorlog_format_item] = unsafe {
        match format.as_mut() {
            Some(array) if !array.elts.is_null() => {
                std::slice::from_raw_parts_mut(array.elts.cast(), usize::try_from(array.nelts).unwrap_or(0))
            }
            _ => return,
        }
    };
    // SAFETY: asks for the thread's own handle.
    let thread = unsafe { libc::pthread_self() };
    let own = [std::process::id().to_string(), thread.to_string()];
    for item in items {
        if item.flags & sys::AP_ERRORLOG_FLAG_MESSAGE != 0 {
            item.func = Some(message);
            item.flags &= !sys::AP_ERRORLOG_FLAG_MESSAGE;
            continue;
        }
        // SAFETY: null, or a string of the configuration.
        let argument = unsafe { if item.arg.is_null() { c"" } else { CStr::from_ptr(item.arg) } };
        if argument.is_empty() || argument == c"g" {
            // SAFETY: an item of httpd's for a live server.
            let said = unsafe { ask(item, server) };
            if own.iter().any(|own| *own == *said) {
                item.func = Some(process);
            }
        }
    }
}

/// What an item says of a line without request and connection.
///
/// # Safety
/// `item` is an item of httpd's.
unsafe fn ask(item: &sys::ap_errorlog_format_item, server: Server<'_>) -> String {
    let Some(function) = item.func else { return String::new() };
    // SAFETY: numbers and pointers, all of which may be zero (http_core.h).
    let mut info: sys::ap_errorlog_info = unsafe { std::mem::zeroed() };
    info.s = server.raw();
    info.module_index = module::index();
    info.level = Level::Error as c_int;
    let mut buffer = [0_u8; 256];
    // SAFETY: the contract of these functions: they write at most so many bytes, and return how many.
    let length = unsafe { function(&raw const info, item.arg, buffer.as_mut_ptr().cast(), 256) };
    let said = usize::try_from(length).ok().and_then(|length| buffer.get(..length)).unwrap_or_default();
    String::from_utf8_lossy(said).into_owned()
}

/// Writes a line to the log of `server`, if its `LogLevel` lets it through.
pub fn write(server: Server<'_>, line: &Line<'_>) {
    CURRENT.with_borrow_mut(|current| {
        current.pid = line.pid;
        current.text.clear();
        current.text.extend_from_slice(line.text);
    });
    let log = Log::Server(server);
    if log.enabled(line.level) {
        // The items say the text.
        log.write(line.level, b"", c"", 0);
    }
}

/// `%P`, and what else names the process.
unsafe extern "C" fn process(_: *const sys::ap_errorlog_info, _: *const c_char, buffer: *mut c_char, length: c_int) -> c_int {
    // SAFETY: httpd lends the buffer.
    unsafe {
        put(buffer, length, |out, _| out.extend_from_slice(CURRENT.with_borrow(|current| current.pid).to_string().as_bytes()))
    }
}

/// `%M`
unsafe extern "C" fn message(info: *const sys::ap_errorlog_info, _: *const c_char, buffer: *mut c_char, length: c_int) -> c_int {
    // SAFETY: httpd lends both; the server, where one is named, is live.
    unsafe {
        let server = info.as_ref().and_then(|info| Server::new(info.s.cast_mut()));
        let escapes = if server.is_some_and(|server| writes_json(server.record())) { Escapes::Quoted } else { Escapes::Plain };
        put(buffer, length, |out, room| {
            let room = room.saturating_sub(BEHIND_THE_MESSAGE);
            CURRENT.with_borrow(|current| escape(&current.text, escapes, room, out));
            if out.is_empty() {
                // An item that says nothing takes its field with it.
                out.push(b' ');
            }
        })
    }
}

unsafe extern "C" fn timed_line(
    info: *const sys::ap_errorlog_info,
    _: *const c_char,
    buffer: *mut c_char,
    length: c_int,
) -> c_int {
    // SAFETY: httpd lends both.
    unsafe {
        put(buffer, length, |out, room| {
            out.extend_from_slice(format!("[{}] ", now()).as_bytes());
            default_line(info.as_ref(), out, room);
        })
    }
}

unsafe extern "C" fn untimed_line(
    info: *const sys::ap_errorlog_info,
    _: *const c_char,
    buffer: *mut c_char,
    length: c_int,
) -> c_int {
    // SAFETY: as above.
    unsafe { put(buffer, length, |out, room| default_line(info.as_ref(), out, room)) }
}

/// A line in httpd's default format, after its time.
fn default_line(info: Option<&sys::ap_errorlog_info>, out: &mut Vec<u8>, room: usize) {
    let level = info.map_or(Level::Error, |info| Level::from_number(info.level));
    CURRENT.with_borrow(|current| {
        out.extend_from_slice(format!("[wsgi:{}] [pid {}] ", level.name(), current.pid).as_bytes());
        // httpd adds the end of the line.
        escape(&current.text, Escapes::Plain, room.saturating_sub(out.len() + 2), out);
    });
}

/// The local time as httpd shows it.
fn now() -> String {
    // SAFETY: both fill a structure of plain numbers, for which zeros are valid.
    let time = unsafe {
        let mut time: sys::apr_time_exp_t = std::mem::zeroed();
        sys::apr_time_exp_lt(&raw mut time, sys::apr_time_now());
        time
    };
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let of = |names: &[&'static str], number: c_int| {
        usize::try_from(number).ok().and_then(|at| names.get(at).copied()).unwrap_or("???")
    };
    format!(
        "{} {} {:02} {:02}:{:02}:{:02}.{:06} {}",
        of(&DAYS, time.tm_wday),
        of(&MONTHS, time.tm_mon),
        time.tm_mday,
        time.tm_hour,
        time.tm_min,
        time.tm_sec,
        time.tm_usec,
        time.tm_year + 1900
    )
}

/// Has `fill` say what goes to httpd's buffer. How much that was.
///
/// # Safety
/// `buffer` has room for `length` bytes.
unsafe fn put(buffer: *mut c_char, length: c_int, fill: impl FnOnce(&mut Vec<u8>, usize)) -> c_int {
    let Some(room) = usize::try_from(length).ok().filter(|room| *room > 1 && !buffer.is_null()) else { return 0 };
    // A panic ends at C; to report it would come here again. The item says nothing then.
    let filled = catch_unwind(AssertUnwindSafe(|| {
        let mut text = Vec::new();
        fill(&mut text, room - 1);
        text
    }));
    let mut text = filled.unwrap_or_default();
    text.truncate(room - 1);
    // SAFETY: promised by the caller; there is room for the text and a NUL.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast(), text.len());
        buffer.add(text.len()).write(0);
    }
    c_int::try_from(text.len()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{CURRENT, message, process, put};

    /// What a function of an item says with so much room.
    fn said(function: super::sys::ap_errorlog_handler_fn_t, room: usize) -> Option<String> {
        let mut buffer = vec![0xff_u8; room];
        // SAFETY: these functions do not look at what is null here, and there is as much room as they are told.
        let length =
            unsafe { function?(std::ptr::null(), std::ptr::null(), buffer.as_mut_ptr().cast(), i32::try_from(room).ok()?) };
        buffer.get(..usize::try_from(length).ok()?).map(|said| String::from_utf8_lossy(said).into_owned())
    }

    #[test]
    fn a_line_is_named_after_its_process_and_its_text_fits() {
        CURRENT.with_borrow_mut(|current| {
            current.pid = 4711;
            current.text = b"a \"quoted\" word".to_vec();
        });
        assert_eq!(said(Some(process), 8192).as_deref(), Some("4711"));
        assert_eq!(said(Some(message), 8192).as_deref(), Some("a \"quoted\" word"));
        assert_eq!(said(Some(process), 3).as_deref(), Some("47"));
        CURRENT.with_borrow_mut(|current| current.text = vec![b'x'; 100_000]);
        assert_eq!(said(Some(message), 8192).map(|said| said.len()), Some(8191 - super::BEHIND_THE_MESSAGE));
        CURRENT.with_borrow_mut(|current| current.text.clear());
        assert_eq!(said(Some(message), 8192).as_deref(), Some(" "));
    }

    #[test]
    fn no_room_is_no_text() {
        // SAFETY: nothing is written there.
        assert_eq!(unsafe { put(std::ptr::null_mut(), 100, |_, _| ()) }, 0);
    }
}
