/*! httpd as a process of this machine: [`process`] (what it says about itself), [`accounts`] and [`host_info`] (the machine), [`scoreboard`], [`shared`] and
[`retained`] (what children share, and what the parent keeps), [`forked`] and [`other_child`] (processes that it starts), [`descriptor`] and [`peer`]. */

pub mod accounts;
pub mod descriptor;
pub mod forked;
pub mod host_info;
pub mod other_child;
pub mod peer;
pub mod process;
pub mod retained;
pub mod scoreboard;
pub mod shared;
