/*! What the owner of scripts and virtual environments puts there. *Runs in: tests.* */

use super::{By, How, Row};
use crate::suites::security::attacks::owner;

macro_rules! own {
    ($name:literal, $done:literal, $comes_to:literal, $function:ident) => {
        Row { name: $name, by: By::Owner, done: $done, comes_to: $comes_to, how: How::Own(owner::$function) }
    };
}

/// See the module.
pub const ROWS: &[Row] = &[
    own!("pyvenv-fifo", "`pyvenv.cfg` is a FIFO", "configtest, start and graceful restart end; memory is bounded", pyvenv_fifo),
    own!(
        "pyvenv-sparse",
        "`pyvenv.cfg` has 3 GiB",
        "configtest, start and graceful restart end; memory is bounded",
        pyvenv_sparse
    ),
    own!(
        "pyvenv-device",
        "`pyvenv.cfg` is a link to `/dev/zero`",
        "configtest, start and graceful restart end; memory is bounded",
        pyvenv_device
    ),
    own!("python-device", "the interpreter is a link to `/dev/zero`", "503; a warning at configtest", python_device),
    own!(
        "python-shadow",
        "the interpreter is a link to `/etc/shadow`",
        "503; nothing of it is shown, no hint opens it",
        python_shadow
    ),
    own!("python-fifo", "the interpreter is a FIFO", "503; a warning at configtest", python_fifo),
    own!("python-loop", "the interpreter is a link to itself", "503; a warning at configtest", python_loop),
    own!(
        "python-endless",
        "the interpreter writes 20,000 lines",
        "503; configtest's memory and words are bounded",
        python_endless
    ),
    own!("python-hangs", "the interpreter and its children do not end", "503; configtest gives it up", python_hangs),
    own!(
        "python-looks-around",
        "the interpreter looks for descriptors, a terminal and rights at configtest",
        "three descriptors, no terminal, no new privileges, the user's uid",
        python_looks_around
    ),
    own!("script-fifo", "the script is a FIFO", "an error for its own clients", script_fifo),
    own!("script-device", "the script is a link to `/dev/zero`", "an error for its own clients", script_device),
    own!("script-sparse", "the script has 3 GiB", "an error for its own clients", script_sparse),
    own!("script-directory", "the script is a directory", "an error for its own clients", script_directory),
    own!("script-loop", "the script is a link to itself", "an error for its own clients", script_loop),
];
