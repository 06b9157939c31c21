/*! The engine's door for a daemon process: the Python module `mod_wsgi_rs_engine` with its functions: `hide_environment()` and
`serve(control, listener, memory, table, lifeline, scoreboard, outbox)`.

The module's definition is written by hand and picks its slots by Python's version at run time, because an older Python refuses slots that it
does not know. *Runs in: daemon.* */
#![expect(unsafe_code, reason = "C functions that Python calls, and descriptors that come as numbers")]

use std::ffi::{c_int, c_void};
use std::os::fd::{FromRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;

use pyo3::ffi;

use crate::capi::{self, environment, thread};
use crate::daemon::Inherited;

/// `Py_mod_multiple_interpreters` and its value "supported" (Python 3.12 and later).
const MULTIPLE_INTERPRETERS: (c_int, usize) = (3, 1);
/// `Py_mod_gil` and its value "used" (Python 3.13 and later).
const GIL: (c_int, usize) = (4, 0);

/// The module's entry, called by Python's import.
#[unsafe(no_mangle)]
pub extern "C" fn PyInit_mod_wsgi_rs_engine() -> *mut ffi::PyObject {
    catch_unwind(definition).unwrap_or(null_mut())
}

fn definition() -> *mut ffi::PyObject {
    let version = capi::version();
    let slot = |(number, value): (c_int, usize)| ffi::PyModuleDef_Slot { slot: number, value: value as *mut c_void };
    let mut slots = Vec::new();
    if version >= (3, 12) {
        slots.push(slot(MULTIPLE_INTERPRETERS));
    }
    if version >= (3, 13) {
        slots.push(slot(GIL));
    }
    slots.push(slot((0, 0)));
    let methods = vec![
        ffi::PyMethodDef {
            ml_name: c"serve".as_ptr(),
            ml_meth: ffi::PyMethodDefPointer { PyCFunction: serve },
            ml_flags: ffi::METH_VARARGS,
            ml_doc:
                c"serve(control, listener, memory, table, lifeline, scoreboard, outbox): runs the daemon process; never returns."
                    .as_ptr(),
        },
        ffi::PyMethodDef {
            ml_name: c"hide_environment".as_ptr(),
            ml_meth: ffi::PyMethodDefPointer { PyCFunction: hide_environment },
            ml_flags: ffi::METH_NOARGS,
            ml_doc:
                c"hide_environment(): takes the values of the group's own variables out of what `ps` and /proc/PID/environ show."
                    .as_ptr(),
        },
        ffi::PyMethodDef::zeroed(),
    ];
    // Python keeps pointers to the definition and its tables for as long as the process lives.
    let definition = Box::leak(Box::new(ffi::PyModuleDef {
        m_base: ffi::PyModuleDef_HEAD_INIT,
        m_name: c"mod_wsgi_rs_engine".as_ptr(),
        m_doc: c"The engine of mod_wsgi_rs.".as_ptr(),
        m_size: 0,
        m_methods: Box::leak(methods.into_boxed_slice()).as_mut_ptr(),
        m_slots: Box::leak(slots.into_boxed_slice()).as_mut_ptr(),
        m_traverse: None,
        m_clear: None,
        m_free: None,
    }));
    // SAFETY: a leaked, complete definition: multi-phase initialisation returns it as an object (PEP 489).
    unsafe { ffi::PyModuleDef_Init(definition) }
}

unsafe extern "C" fn hide_environment(_module: *mut ffi::PyObject, _arguments: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // It only moves bytes; what can panic is nothing that would be left half done.
    // SAFETY: the bootstrap code calls this before the engine has started a thread, and before it imports anything that could.
    let _done = catch_unwind(|| unsafe { environment::hide() });
    // SAFETY: None is a static object; a new reference to it is returned.
    unsafe {
        let none = ffi::Py_None();
        ffi::Py_INCREF(none);
        none
    }
}

unsafe extern "C" fn serve(_module: *mut ffi::PyObject, arguments: *mut ffi::PyObject) -> *mut ffi::PyObject {
    crate::logging::panics::install_hook();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: METH_VARARGS passes a tuple; the numbers in it are the descriptors that the supervisor made for this process and that
        // nobody else here owns. Out of range or no numbers: the calls raise, and -1 is refused below.
        let [control, listener, memory, table, lifeline, scoreboard, outbox] = unsafe {
            let number = |place| ffi::PyLong_AsLongLong(ffi::PyTuple_GetItem(arguments, place));
            let numbers = [number(0), number(1), number(2), number(3), number(4), number(5), number(6)]
                .map(|number| c_int::try_from(number).unwrap_or(-1));
            if !ffi::PyErr_Occurred().is_null() {
                return false;
            }
            if numbers.iter().any(|number| *number < 0) {
                return false;
            }
            numbers.map(|number| OwnedFd::from_raw_fd(number))
        };
        let inherited = Inherited { control, listener, memory, table, lifeline, scoreboard, outbox };
        thread::with_main_adopted(|main| crate::daemon::serve(main, inherited));
        true
    }));
    let message = match outcome {
        Ok(true) => c"the daemon process has ended",
        Ok(false) => c"serve(control, listener, memory, table, lifeline, scoreboard, outbox) takes seven descriptors",
        Err(_) => c"the engine panicked while starting",
    };
    // SAFETY: attached again; the message ends with a NUL.
    unsafe {
        if ffi::PyErr_Occurred().is_null() {
            ffi::PyErr_SetString(ffi::PyExc_RuntimeError, message.as_ptr());
        }
    }
    null_mut()
}
