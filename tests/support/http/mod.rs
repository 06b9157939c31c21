/*! A client that sees the bytes, and what it speaks through. */

pub mod certificate;
pub mod client;
pub mod curl;
pub mod load;
pub mod response;
