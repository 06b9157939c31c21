/*! The directives: [`DIRECTIVES`] lists them, one file per chapter holds their rows and what they do.

A row is everything there is to say about a directive: name, contexts, words, default, documentation, effect. */

pub mod arguments;
mod daemon;
mod former;
mod loading;
mod mapping;
mod options;
mod python;
mod request;
mod table;
#[cfg(test)]
mod tests;
mod uses;

pub use table::DIRECTIVES;
