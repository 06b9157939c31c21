/*! Apache and APR as safe Rust: the only folder that names the bindings.

Files carry the names of Apache's own documentation. What C lends for a request, a connection or a configuration is borrowed
with that lifetime (`Request<'r>`, `Pool<'p>`, `Server<'s>`); what Rust gives to C lives in a pool and is dropped by it. */

pub mod accounts;
pub mod brigade;
pub mod bucket;
mod c_text;
pub mod client_socket;
pub mod command;
pub mod command_table;
pub mod connection;
pub mod descriptor;
#[cfg(feature = "test-faults")]
pub mod faults;
pub mod file_bucket;
pub mod filters;
pub mod forked;
pub mod guard;
pub mod hook;
pub mod input;
pub mod log;
pub mod module;
pub mod module_config;
pub mod other_child;
pub mod output;
pub mod peer;
pub mod pool;
pub mod process;
pub mod regex;
pub mod request;
pub mod retained;
pub mod scoreboard;
pub mod server;
pub mod shared;
pub mod status;
pub mod sys;
pub mod table;

pub use brigade::Brigade;
pub use connection::Connection;
pub use log::Log;
pub use pool::Pool;
pub use request::Request;
pub use server::Server;
pub use status::Status;
pub use table::Table;
