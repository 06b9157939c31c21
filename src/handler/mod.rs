/*! One request, from start to finish, in reading order: [`route`] (which script), [`admission`] (may it run), [`group_name`] (where),
[`environ`] (what the application is told, as far as [`sieve`] lets it through; [`trusted_proxy`] corrects it), [`authorization`] (whether credentials are among it), [`variables`] (httpd's own get it too), [`exchange`] (all of that put together, and the
conversation with Python), [`request_body`] and [`response_body`] (what the conversation is made of), [`failure`] (who gets which
status when it does not work).

*Runs in: child.* */

pub mod admission;
pub mod alias;
mod authorization;
pub mod conversation;
pub mod entry;
pub mod environ;
pub mod exchange;
pub mod failure;
pub mod group_failure;
pub mod group_name;
pub mod place;
pub mod request_body;
pub mod response_body;
pub mod route;
pub mod script;
pub mod script_owner;
mod sieve;
pub mod trusted_proxy;
mod variables;

pub use exchange::handle;
pub use script::translate_name;
