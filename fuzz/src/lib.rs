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
| `trusted_proxies` | what clients and proxies say about the client |

The last one's code is the Apache module's, which can't be linked without Apache: its files, which know nothing of it, are compiled here. */

pub mod allocation;
mod control;
mod fields;
mod frames;
mod proxies;
mod record;
mod running;
mod table;

/// The module's files, under the names by which they know each other.
#[path = "../../src/config"]
mod config {
    pub mod network;
    pub mod proxy_header;
}
#[path = "../../src/handler"]
mod handler {
    pub mod entry;
    pub mod trusted_proxy;
}

pub use control::control_messages;
pub use fields::header_fields;
pub use frames::{frames_of_child, frames_of_daemon};
pub use proxies::trusted_proxies;
pub use record::records;
pub use running::running;
pub use table::table;

/// A target's name and its property.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 8] = [
    ("frames_of_child", frames_of_child),
    ("frames_of_daemon", frames_of_daemon),
    ("control_messages", control_messages),
    ("records", records),
    ("running", running),
    ("table", table),
    ("header_fields", header_fields),
    ("trusted_proxies", trusted_proxies),
];
