/*! What only the whole configuration shows: which daemon groups there are and who may use them, where an alias's applications run, whom
a main interpreter hosts, what is loaded at start, and what is worth a warning.

Called once per reading, when everything has been merged. All of it is about the text: nothing here looks at a file, except
through a question that the caller answers. *Runs in: parent (check_config and post_config).* */

mod findings;
mod group_findings;
mod groups;
mod main_interpreter;
mod placement;
mod scripts;
mod start;
#[cfg(test)]
mod tests;
mod view;

pub use findings::check;
pub use groups::{DaemonGroup, Groups, NoAccess};
pub use main_interpreter::{main_choices, main_group};
pub use placement::Placed;
pub use scripts::{Scripts, named_scripts, scripts};
pub use start::{embedded_imports, starts_python};
pub use view::{ServerView, host_and_port, shown_port};
