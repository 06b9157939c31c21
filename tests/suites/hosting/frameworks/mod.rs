/*! Real frameworks from PyPI, four applications on one server: what Django, Flask, Pyramid and Bottle ask of a WSGI server,
from logging in to the admin to a streamed response. */

mod bottle;
mod django;
mod flask;
mod pyramid;
mod site;
mod together;

use crate::suite;
use crate::support::matrix::Suite;

/// The suite. Every trial starts its own server, as Django's has a database.
pub fn suite() -> Suite {
    suite!("frameworks", django, flask, pyramid, bottle, together)
}
