/*! Bodies of requests and responses on their way through httpd's filters: [`bucket`], [`file_bucket`] and [`brigade`] (what goes through them), [`filters`]
(which there are), [`input`] and [`output`] (of a request), [`client_socket`] (behind the last filter). */

pub mod brigade;
pub mod bucket;
pub mod client_socket;
pub mod file_bucket;
pub mod filters;
pub mod input;
pub mod output;
