/*! Daemon mode, seen from Apache: applications in processes of their own.

In the parent: [`launch`] (a generation is planned and equipped, with what [`machine`] says) and [`supervisor`] (who starts and watches its
processes) with [`handing_over`] (how it gets a further configuration), and [`log_writer`], the process that writes their lines; [`check`] asks at configtest what would keep a group from serving, and [`socket_place`] whether others could put sockets there. In a child: [`group`] (what it knows about the groups) and [`exchange`]
(one request's conversation with a process), which is made of [`offer`] (with [`queue`] and [`share`]), [`opening`], [`body`], [`outbox`], [`connection`], [`answer`] and [`client`];
[`connections`] are kept for the next request. [`scoreboard`] tells the processes what httpd does. *Runs in: parent, child.* */

pub mod answer;
pub mod body;
pub mod breach;
pub mod check;
pub mod child;
pub mod client;
mod clock;
mod closing;
pub mod connection;
pub mod connections;
pub mod deadline;
pub mod exchange;
pub mod group;
mod handing_over;
pub mod launch;
mod locale;
mod log_writer;
pub mod machine;
pub mod offer;
pub mod opening;
pub mod outbox;
pub mod queue;
pub mod scoreboard;
pub mod share;
mod socket_place;
pub mod supervisor;

pub use child::{Child, Reach, child, child_init};
pub use exchange::run;
pub use group::{Daemons, Group};
