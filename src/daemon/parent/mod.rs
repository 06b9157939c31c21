/*! The parent's part of daemon mode: [`launch`] (a generation is planned and equipped), [`supervisor`] (who starts and watches its processes), [`handover`] (how a
supervisor gets a further configuration), [`log_writer`] (who writes the lines of processes), [`socket_directory`] (whether others could put sockets there).
*Runs in: parent.* */

mod handover;
pub mod launch;
mod log_writer;
pub mod socket_directory;
pub mod supervisor;
