/*! The engine's two doors: a C symbol for an Apache child, and a Python module for a daemon process. */

mod embedded;
mod module;
