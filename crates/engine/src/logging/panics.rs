/*! What a panic says, and where it is told. */

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use protocol::log_code::PANIC;

thread_local! {
    /// Message and place of this thread's last panic, kept by the hook because the payload knows only the message.
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Installs the hook that keeps a panic's place. Called once, when the engine starts.
pub fn install_hook() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(|| "unknown place".to_owned(), ToString::to_string);
        let text = format!("{} at {place}", payload_text(info.payload()));
        LAST.with(|last| last.replace(text));
    }));
}

fn payload_text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}

/// Message and place of the panic that was just caught on this thread.
fn describe(payload: &(dyn Any + Send)) -> String {
    let last = LAST.with(RefCell::take);
    if last.is_empty() { payload_text(payload).to_owned() } else { last }
}

/// Runs `body`. A panic is written to the log of the request that this thread runs, or to the server's.
///
/// # Errors
/// Message and place of the panic.
pub fn caught<R>(body: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload| {
        let place = describe(payload.as_ref());
        crate::logging::log_code(PANIC, &format!("the engine panicked: {place}"));
        place
    })
}
