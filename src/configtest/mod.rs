/*! What `apachectl configtest` asks about the machine: would the applications run? All that is found is a warning.

[`embedded`] and [`daemon`] are the two modes, [`questions`] what both ask, [`probe`] the probe that becomes a user and looks at his files, [`locale`] the
locales that groups name. *Runs in: parent (configtest).* */

pub mod daemon;
pub mod embedded;
mod locale;
mod probe;
mod questions;
