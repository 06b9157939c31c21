/*! What an httpd child and a daemon process send each other: frames, header fields, and the rules that both sides check. */

pub mod field;
pub mod frame;
pub mod rules;
