/*! Where the applications of an alias run, as far as the configuration alone tells.

An option of the alias decides; else the sections that cover it, in the order in which httpd merges them; else the server. A section that
covers only some of its requests (an expression, a condition, a deeper directory) leaves the answer open: it is then the best guess, and
not certain. *Runs in: parent.* */

use super::view::{ServerView, host_and_port};
use crate::settings::section::{SectionGroups, Within};
use crate::settings::{Alias, GroupName, Text};

/// A group name, and whether every request of the alias has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed<'a> {
    /// The name as configured.
    pub name: &'a GroupName,
    /// No section may decide otherwise.
    pub certain: bool,
}

/// How much of what an alias maps a section covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Covers {
    All,
    Some,
    None,
}

impl<'a> ServerView<'a> {
    /// The process group of what `alias` maps in this server.
    pub fn process_group(&self, alias: &'a Alias) -> Placed<'a> {
        let base = self.directory.process_group.as_ref().unwrap_or(&GroupName::Global);
        self.settle(alias, alias.process_group.as_ref(), base, |section| section.process_group.as_ref())
    }

    /// Its application group.
    pub fn application_group(&self, alias: &'a Alias) -> Placed<'a> {
        let base = self.directory.application_group.as_ref().unwrap_or(&GroupName::Resource);
        self.settle(alias, alias.application_group.as_ref(), base, |section| section.application_group.as_ref())
    }

    fn settle(
        &self,
        alias: &Alias,
        option: Option<&'a GroupName>,
        base: &'a GroupName,
        pick: impl Fn(&'a SectionGroups) -> Option<&'a GroupName>,
    ) -> Placed<'a> {
        if let Some(name) = option {
            return Placed { name, certain: true };
        }
        let mut placed = Placed { name: base, certain: true };
        for section in in_order(&self.config.sections) {
            let Some(name) = pick(section) else { continue };
            match covers(&section.within, alias) {
                Covers::All => placed = Placed { name, certain: true },
                Covers::Some => placed.certain = false,
                Covers::None => {}
            }
        }
        placed
    }

    /// Whether a request to this server might run in that process group (the empty one is embedded mode), by whatever it says.
    pub fn might_use(&self, group: &[u8]) -> bool {
        let aliases = self.config.aliases.iter().filter_map(|alias| alias.process_group.as_ref());
        let base = self.directory.process_group.as_ref().unwrap_or(&GroupName::Global);
        self.named_in_sections().chain(self.handler_groups()).chain(aliases).chain([base]).any(|name| might_be(name, group))
    }

    /// The process groups that sections and their handler scripts name.
    pub fn named_in_sections(&self) -> impl Iterator<Item = &'a GroupName> {
        let sections = &self.config.sections;
        sections
            .iter()
            .flat_map(|section| section.handlers.iter().filter_map(|(group, _)| group.as_ref()).chain(&section.process_group))
    }

    /// The process groups that handler scripts outside of sections name.
    fn handler_groups(&self) -> impl Iterator<Item = &'a GroupName> {
        self.directory.handler_scripts.as_deref().unwrap_or_default().iter().filter_map(|script| script.process_group.as_ref())
    }

    /// The text of a name for what `alias` maps, if no request has a say in it. `is_directory` says whether an alias's target is a
    /// directory, whose scripts each have a `%{RESOURCE}` of their own.
    pub fn fixed_name(&self, name: &GroupName, alias: &Alias, is_directory: &dyn Fn(&[u8]) -> bool) -> Option<Text> {
        match name {
            GroupName::Global => Some(Text::from([])),
            GroupName::Literal(name) => Some(name.clone()),
            GroupName::Server => Some(host_and_port(self.host, self.port).into()),
            GroupName::Resource if alias.pattern.is_some() || maps_directory(alias, is_directory) => None,
            GroupName::Resource => {
                let script_name = fixed_script_name(&alias.location, self.config.process.case_sensitive);
                Some([&host_and_port(self.host, self.port), b"|".as_slice(), &script_name].concat().into())
            }
            GroupName::Host | GroupName::Env(_) => None,
        }
    }
}

/// Whether the alias leads to the scripts of a directory.
pub fn maps_directory(alias: &Alias, is_directory: &dyn Fn(&[u8]) -> bool) -> bool {
    alias.target.ends_with(b"/") || is_directory(&alias.target)
}

/// Whether a request may turn `name` into `group`.
pub fn might_be(name: &GroupName, group: &[u8]) -> bool {
    match name {
        GroupName::Global => group.is_empty(),
        GroupName::Literal(name) => **name == *group,
        GroupName::Server | GroupName::Host | GroupName::Resource | GroupName::Env(_) => true,
    }
}

/// The sections as httpd merges them: directories from the root down, then what is matched otherwise, then locations. Later ones win.
fn in_order(sections: &[SectionGroups]) -> Vec<&SectionGroups> {
    let mut ordered: Vec<&SectionGroups> = sections.iter().collect();
    ordered.sort_by_key(|section| match &section.within {
        Within::Directory(path) => (0, parts(path).len()),
        Within::Elsewhere => (1, 0),
        Within::Location(_) => (2, 0),
    });
    ordered
}

fn covers(within: &Within, alias: &Alias) -> Covers {
    let (section, mapped) = match within {
        Within::Elsewhere => return Covers::Some,
        Within::Directory(path) => (parts(path), parts(&alias.target)),
        Within::Location(path) => (parts(path), parts(&alias.location)),
    };
    match alias.pattern {
        Some(_) => Covers::Some,
        None if mapped.starts_with(&section) => Covers::All,
        None if section.starts_with(&mapped) => Covers::Some,
        None => Covers::None,
    }
}

fn parts(path: &[u8]) -> Vec<&[u8]> {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect()
}

/// `SCRIPT_NAME` of the requests that an alias for a file maps: its URL path, runs of slashes made one, none at the end.
fn fixed_script_name(location: &[u8], case_sensitive: bool) -> Vec<u8> {
    let mut name: Vec<u8> = parts(location).iter().flat_map(|part| [b"/", *part]).flatten().copied().collect();
    if !case_sensitive {
        name.make_ascii_lowercase();
    }
    name
}
