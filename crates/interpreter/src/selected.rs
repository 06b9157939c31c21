/*! The interpreter that a configuration means. *Runs in: child, helper.* */

use std::path::PathBuf;

use super::start_error::StartError;

/// The interpreter to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// Its executable, as found in the home (a virtualenv's must be called by that name).
    pub executable: PathBuf,
    /// The home that the configuration names.
    pub home: Option<PathBuf>,
    /// Why this one, for the log.
    pub reason: String,
}

impl Selected {
    /// An error with the reason why this interpreter was selected, which names the directive if there was one.
    pub fn with_reason(&self, problem: &StartError) -> StartError {
        StartError::new(problem.code(), format!("{}: {problem}", self.reason))
    }
}
