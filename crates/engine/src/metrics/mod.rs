/*! What applications may ask about requests, processes and the whole server. *Runs in: Apache child, daemon.* */

pub mod server;
