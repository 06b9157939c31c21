/*! The variables of `env=` and `env-file=` in the memory that /proc/PID/environ and `ps e` show. *Runs in: daemon.* */
#![expect(unsafe_code, reason = "this folder is the engine's border with everything that is not safe Rust")]

use std::ffi::{CStr, c_char};
use std::sync::atomic::{AtomicBool, Ordering};

/// What the supervisor puts before those variables.
const MARK: &[u8] = b"WSGI_PRIVATE_ENVIRONMENT=";
/// Programs and libraries keep pointers to values of these, which are no secrets.
const KEPT: [&[u8]; 8] = [b"LD_", b"PYTHON", b"LANG", b"LC_", b"TZ", b"GLIBC_", b"MALLOC_", b"LOCPATH"];

unsafe extern "C" {
    static mut environ: *mut *mut c_char;
}

/// Moves the variables behind the mark to other memory, and overwrites their values where the kernel has put them at exec. Does so once.
///
/// # Safety
/// No other thread reads or changes the environment meanwhile.
pub unsafe fn hide() {
    static DONE: AtomicBool = AtomicBool::new(false);
    let Some((start, end)) = range().filter(|_| !DONE.swap(true, Ordering::AcqRel)) else { return };
    // SAFETY: `environ` is null or a list of pointers to C strings that ends with null (environ(7)), which no other thread uses now, as the caller promises.
    unsafe {
        let mut entry = environ;
        let mut private = false;
        while !entry.is_null() && !(*entry).is_null() {
            let text = CStr::from_ptr(*entry).to_bytes_with_nul();
            let inside = (start..end).contains(&(*entry).expose_provenance());
            let kept = KEPT.iter().any(|prefix| text.starts_with(prefix));
            if private && inside && !kept {
                move_out(entry, text.len());
            }
            private |= text.starts_with(MARK);
            entry = entry.add(1);
        }
    }
}

/// Moves one entry out.
///
/// # Safety
/// `entry` points to an entry of `environ`, a string of `length` bytes with its NUL byte in the memory that the kernel has filled at exec, which can be written.
unsafe fn move_out(entry: *mut *mut c_char, length: usize) {
    // SAFETY: as the caller promises. The copy is never freed, as the C library never frees an entry that it has not made.
    unsafe {
        let old = *entry;
        let copy: &'static mut [u8] = Box::leak(std::slice::from_raw_parts(old.cast::<u8>(), length).into());
        *entry = copy.as_mut_ptr().cast();
        let value = copy.iter().position(|byte| *byte == b'=').map_or(length, |equals| equals + 1);
        old.add(value).write_bytes(0, length - value);
    }
}

/// Where the environment is that this program was executed with: fields 50 and 51 of /proc/self/stat (proc(5)).
fn range() -> Option<(usize, usize)> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    // The first field behind the name is the third.
    let number = |field: usize| fields.get(field - 3)?.parse().ok();
    Some((number(50)?, number(51)?))
}
