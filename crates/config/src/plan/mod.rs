/*! From the configuration to the supervisor's orders: [`mod@build`] makes a [`protocol::plan::Plan`] of the groups, of what [`machine`] answers
about users and processors, and of what [`launch`] says about this start. Nothing here touches the machine itself.

*Runs in: parent (configtest and post_config).* */

pub mod build;
mod findings;
pub mod identity;
pub mod interpreters;
pub mod launch;
pub mod machine;
pub mod socket;
#[cfg(test)]
mod tests;

pub use build::{Built, Refused, build};
pub use findings::check;
pub use launch::{Launch, Resources};
pub use machine::{Machine, User};
pub use socket::{Socket, socket};
