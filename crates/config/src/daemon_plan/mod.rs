/*! From the configuration to the supervisor's orders: [`mod@build`] makes a [`protocol::plan::Plan`] of the groups, of what [`host_info`] answers
about users and processors, and of what [`launch`] says about this start. Nothing here touches the machine itself.

*Runs in: parent (configtest and post_config).* */

pub mod build;
mod findings;
pub mod host_info;
pub mod identity;
pub mod interpreters;
pub mod launch;
pub mod socket;
#[cfg(test)]
mod tests;

pub use build::{Built, Refused, build};
pub use findings::check;
pub use host_info::{HostInfo, User};
pub use launch::{Launch, Resources};
pub use socket::{Socket, socket};
