/*! httpd's scoreboard: what its children and their threads do. *Runs in: parent, child.* */
#![expect(unsafe_code, reason = "reads httpd's structures")]

use std::ffi::{c_char, c_int};

use protocol::scoreboard::{Process, Scoreboard, Worker};

use crate::httpd::sys;

/// How mod_status shows a thread's state, in the order of their numbers in scoreboard.h (`SERVER_DEAD` and so on).
const STATES: &[u8; 11] = b".S_RWKLDCGI";

/// What the scoreboard says now; `None` in a process without one.
///
/// Nobody is kept from writing meanwhile, as mod_status keeps nobody: a thread's texts may be a mixture of two requests'.
pub fn read() -> Option<Scoreboard> {
    // SAFETY: both are queries. The global part lives as long as httpd, and is plain numbers, which other processes may write: they are copied once.
    let global = unsafe { if sys::ap_exists_scoreboard_image() == 0 { None } else { copy(sys::ap_get_scoreboard_global()) } }?;
    let processes = (0..global.server_limit).filter_map(|number| process(number, global.thread_limit)).collect();
    let count = |number: c_int| u32::try_from(number).unwrap_or(0);
    Some(Scoreboard {
        server_limit: count(global.server_limit),
        thread_limit: count(global.thread_limit),
        running_generation: global.running_generation,
        restart_time: global.restart_time,
        processes,
    })
}

/// The child at a place, if there is one.
fn process(number: c_int, threads: c_int) -> Option<Process> {
    // SAFETY: null for a place that there is not; else it lives as long as httpd, and is plain numbers.
    let score = unsafe { copy(sys::ap_get_scoreboard_process(number)) }?;
    (score.pid != 0).then(|| Process {
        number: u32::try_from(number).unwrap_or(0),
        pid: score.pid,
        generation: score.generation,
        quiescing: score.quiescing != 0,
        workers: (0..threads).map(|thread| worker(number, thread)).collect(),
    })
}

/// A copy of what other processes may be writing, without a reference to it; `None` for null.
///
/// # Safety
/// `from` is null or aligned and mapped, and any bytes are a valid `T`.
unsafe fn copy<T>(from: *const T) -> Option<T> {
    // SAFETY: promised by the caller.
    (!from.is_null()).then(|| unsafe { from.read_volatile() })
}

fn worker(process: c_int, thread: c_int) -> Worker {
    // SAFETY: plain numbers and characters, for which zeros are valid.
    let mut score: sys::worker_score = unsafe { std::mem::zeroed() };
    // SAFETY: copies into what is ours; both numbers are below the limits that the scoreboard itself gives.
    unsafe { sys::ap_copy_scoreboard_worker(&raw mut score, process, thread) };
    Worker {
        thread_num: score.thread_num,
        generation: score.generation,
        status: STATES.get(usize::from(score.status)).copied().unwrap_or(b'?').into(),
        access_count: score.access_count,
        bytes_served: u64::try_from(score.bytes_served).unwrap_or(0),
        start_time: score.start_time,
        stop_time: score.stop_time,
        last_used: score.last_used,
        client: text(&score.client64),
        request: text(&score.request),
        vhost: text(&score.vhost),
    }
}

/// The characters before the first NUL.
fn text(characters: &[c_char]) -> Vec<u8> {
    characters.iter().take_while(|character| **character != 0).map(|character| character.cast_unsigned()).collect()
}

#[cfg(test)]
mod tests {
    use super::{STATES, sys};

    #[test]
    fn states_are_shown_as_mod_status_does() {
        let shown = [
            (sys::SERVER_DEAD, b'.'),
            (sys::SERVER_STARTING, b'S'),
            (sys::SERVER_READY, b'_'),
            (sys::SERVER_BUSY_READ, b'R'),
            (sys::SERVER_BUSY_WRITE, b'W'),
            (sys::SERVER_BUSY_KEEPALIVE, b'K'),
            (sys::SERVER_BUSY_LOG, b'L'),
            (sys::SERVER_BUSY_DNS, b'D'),
            (sys::SERVER_CLOSING, b'C'),
            (sys::SERVER_GRACEFUL, b'G'),
            (sys::SERVER_IDLE_KILL, b'I'),
        ];
        for (state, letter) in shown {
            assert_eq!(usize::try_from(state).ok().and_then(|state| STATES.get(state)), Some(&letter), "{state}");
        }
    }
}
