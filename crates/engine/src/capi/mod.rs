/*! Python's C API as thin safe types: the only folder that calls `pyo3::ffi`.

What the rest of the engine sees: [`Attached`], the proof that this thread holds an interpreter; [`Object`], an owned reference that
lives no longer than that; [`Kept`], a reference stored in an interpreter's own data; [`Raised`], the fact that Python's error
indicator is set; [`NativeClass`], a Python type whose data is a Rust value. PyO3's own safe layer is not used: it keeps
process-wide statics and takes the GIL through `PyGILState_Ensure`, which is wrong where sub-interpreters exist.
*Runs in: Apache child, daemon.* */

mod arguments;
mod class;
mod container;
mod dynamic;
mod error;
mod gilstate;
mod make;
mod memory;
mod object;
mod process;
pub mod start;
pub mod thread;

pub use arguments::Arguments;
pub use class::{Class, Constructor, Getter, Method, NativeClass};
pub use dynamic::{version, version_text};
pub use error::{Exception, PyResult, Raised};
pub use make::{run_module_code, seconds};
pub use memory::{borrowed_descriptor, filled, initialised, leave_process, overwrite_arguments, regular_file_size};
pub use object::{Attached, Kept, Object};
pub use process::{Usage, environment, fork, share_heaps, signals};
