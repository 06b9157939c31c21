/*! What both backends need of a request: [`conversation`] (the request with its two directions), [`environ`] (what its application is given), [`request_body`],
[`response_body`] (with the ways in which a response ends), [`failure`] and [`group_failure`] (who gets which status when it does not work), [`alias`] (for the log).

It knows neither the handler above nor the backends. *Runs in: child.* */

pub mod alias;
pub mod conversation;
pub mod environ;
pub mod failure;
pub mod group_failure;
pub mod request_body;
pub mod response_body;
