/*! A whole configuration that is made up of lines. *Runs in: tests.* */
#![allow(missing_docs, reason = "tests")]

use crate::global_checks::{ServerView, check, main_choices, main_group};
use crate::settings::merge;
use crate::test_support::Sample;
use crate::{Diagnostics, DirectoryConfig, ServerConfig};

/// A main server and its virtual hosts, read in the order given.
#[derive(Default)]
pub struct Whole {
    pub servers: Vec<(ServerConfig, DirectoryConfig, &'static str, u16)>,
    pub notes: Diagnostics,
    pub main_is_unreachable: bool,
}

impl Whole {
    pub fn main(lines: &[&str]) -> Self {
        Self::default().server("main.example", 80, lines)
    }

    pub fn host(self, name: &'static str, lines: &[&str]) -> Self {
        self.server(name, 8080, lines)
    }

    fn server(mut self, name: &'static str, port: u16, lines: &[&str]) -> Self {
        let mut sample = Sample { notes: self.notes, line: 100, ..Sample::default() };
        sample.add(lines);
        self.notes = sample.notes;
        let merged = match self.servers.first() {
            Some((main, directory, ..)) => {
                (merge::server(main, &sample.server), merge::directory(directory, &sample.directory), name, port)
            }
            None => (sample.server, sample.directory, name, port),
        };
        self.servers.push(merged);
        self
    }

    /// A section in the server read last.
    pub fn within(mut self, section: (&'static str, &'static str), lines: &[&str]) -> Self {
        let mut sample = Sample { notes: self.notes, section: Some(section), ..Sample::default() };
        sample.add(lines);
        self.notes = sample.notes;
        if let Some((server, ..)) = self.servers.last_mut() {
            server.sections.extend(sample.server.sections);
            server.uses.extend(sample.server.uses);
        }
        self
    }

    /// A section of which only a request can tell whether it is in it.
    pub fn section(self, lines: &[&str]) -> Self {
        self.within(("<Files x>", "x"), lines)
    }

    pub fn views(&self) -> Vec<ServerView<'_>> {
        self.servers
            .iter()
            .enumerate()
            .map(|(index, (config, directory, host, port))| ServerView {
                config,
                directory,
                host: host.as_bytes(),
                port: *port,
                reachable: index > 0 || !self.main_is_unreachable,
            })
            .collect()
    }

    pub fn main_group(&self) -> Option<String> {
        self.main_group_of("")
    }

    pub fn main_group_of(&self, process_group: &str) -> Option<String> {
        let name = main_group(process_group.as_bytes(), &self.views(), &is_directory);
        // Whoever may look later comes to the same.
        let later = main_choices(process_group.as_bytes(), &self.views());
        assert_eq!(later.into_iter().find(|(_, target)| !is_directory(target)).map(|(name, _)| name), name);
        name.map(|name| String::from_utf8_lossy(&name).into_owned())
    }

    pub fn findings(&self) -> Vec<String> {
        check(&self.views(), &self.notes).iter().map(ToString::to_string).collect()
    }
}

/// The one target that is a directory.
pub fn is_directory(path: &[u8]) -> bool {
    path == b"/srv/scripts"
}
