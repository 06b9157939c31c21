/*! Apache and APR as safe Rust: the only folder that names the bindings.

Files carry the names of Apache's own documentation. What C lends for a request, a connection or a configuration is borrowed
with that lifetime (`Request<'r>`, `Pool<'p>`, `Server<'s>`); what Rust gives to C lives in a pool and is dropped by it.

In reading order, from the bottom: [`sys`] (the bindings), [`module`], [`status`], [`guard`] (where callbacks enter), [`pool`], [`table`], [`server`], [`connection`],
[`request`], [`log`], then what is made of these: [`configuration`] (directives and hooks), [`stream`] (bodies), [`system`] (the process and the machine). */

mod c_text;
pub mod configuration;
pub mod connection;
#[cfg(feature = "test-faults")]
pub mod faults;
pub mod guard;
pub mod log;
pub mod module;
pub mod pool;
pub mod request;
pub mod server;
pub mod status;
pub mod stream;
pub mod sys;
pub mod system;
pub mod table;

pub use connection::Connection;
pub use log::Log;
pub use pool::Pool;
pub use request::Request;
pub use server::Server;
pub use status::Status;
pub use stream::brigade::Brigade;
pub use table::Table;
