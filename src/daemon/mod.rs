/*! Daemon mode, seen from Apache: applications in processes of their own.

In the parent ([`parent`]) a generation is planned and handed to a supervisor. In a child: [`group`] and [`child`] (what it knows about the groups, and its
connections to their processes), [`connections`] (kept from request to request), [`share`] (how many requests a group may have) and [`relay`] (one request with a
process). [`scoreboard`] tells the processes what httpd does. *Runs in: parent, child.* */

pub mod child;
mod clock;
pub mod connections;
pub mod group;
pub mod parent;
pub mod relay;
pub mod scoreboard;
pub mod share;
