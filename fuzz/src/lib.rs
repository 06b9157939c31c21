/*! What must hold for whatever bytes arrive. Each function is one fuzz target's body and panics where its property does not hold; `tests/corpus.rs`
tries the committed corpus on them without a fuzzer.

| target | reads |
|---|---|
| `frames_of_child`, `frames_of_daemon` | the channel between an Apache child and a daemon process |
| `control_messages` | the socket pair between supervisor and daemon process |
| `records` | plans, what the parent keeps, what a process is told |
| `running` | what a process has noted of its requests, when it has died |
| `table` | a group's table, which its processes can write into |
| `header_fields` | status lines and headers that an application gives |
| `log_lines` | what a process has written, as it stands in a log |
| `heads` | a response's head, as a child takes it from a daemon process |
| `supervision` | what a group's processes say and how they end, through the supervisor's state machine |
| `table_while_it_changes` | a child's view of the table while a process writes into it at the same time |
| `trusted_proxies` | what clients and proxies say about the client |

The code of `trusted_proxies` is the Apache module's, which can't be linked without Apache, and that of `supervision` a program's: their files, which know nothing of either, are compiled
here. */

pub mod allocation;
mod control;
mod fields;
mod frames;
mod heads;
mod lines;
mod proxies;
mod record;
mod running;
mod scribbled;
mod supervision;
mod table;

/// The module's files, under the names by which they know each other.
#[path = "../../src/request"]
#[allow(dead_code, reason = "the module's own, of which a part is tried")]
mod request {
    pub mod environ;
}
#[path = "../../src/handler"]
mod handler {
    #[path = "environ"]
    pub mod environ {
        pub mod trusted_proxy;
    }
}

/// The supervisor's files.
#[path = "../../crates/supervisor/src/budget.rs"]
#[allow(dead_code, reason = "the supervisor's own, of which a part is tried")]
mod budget;
#[path = "../../crates/supervisor/src/group/mod.rs"]
#[allow(dead_code, reason = "the supervisor's own, of which a part is tried")]
mod group;
#[path = "../../crates/supervisor/src/timers.rs"]
#[allow(dead_code, reason = "the supervisor's own, of which a part is tried")]
mod timers;

pub use control::control_messages;
pub use fields::header_fields;
pub use frames::{frames_of_child, frames_of_daemon};
pub use heads::heads;
pub use lines::log_lines;
pub use proxies::trusted_proxies;
pub use record::records;
pub use running::running;
pub use scribbled::table_while_it_changes;
pub use supervision::supervision;
pub use table::table;

/// A target's name and its property.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 12] = [
    ("frames_of_child", frames_of_child),
    ("frames_of_daemon", frames_of_daemon),
    ("control_messages", control_messages),
    ("records", records),
    ("running", running),
    ("table", table),
    ("header_fields", header_fields),
    ("heads", heads),
    ("log_lines", log_lines),
    ("supervision", supervision),
    ("table_while_it_changes", table_while_it_changes),
    ("trusted_proxies", trusted_proxies),
];
