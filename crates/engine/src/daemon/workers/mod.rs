/*! The worker threads of a daemon process: how many there are, how many of them run at a time, and what each is doing. */

mod concurrency;
pub mod gate_thread;
pub mod table_slot;
mod worker;
pub mod worker_gate;
pub mod worker_slot;
pub mod worker_threads;
