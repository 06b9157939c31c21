/*! What directory sections say about process groups and application groups, kept with the server that they stand in.

A section's settings are reachable only from a request that enters it. But where an application runs is often said in a section
(`<Directory /srv/shop>` with `WSGIProcessGroup shop`), and must be known earlier: to load its script at start, to leave Python out of Apache's
own processes, to warn of a group that nothing uses. *Runs in: parent.* */

use std::sync::Arc;

use super::values::{GroupName, Text};

/// The section that a directive stands in. Lent for one directive.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    /// The name of its directive, as `<Directory`; empty for a `.htaccess` file.
    pub directive: &'a [u8],
    /// The rest of that line.
    pub arguments: &'a [u8],
    /// `cmd->path`: the directory or the URL path, or the expression.
    pub path: &'a [u8],
    /// `file:line` of its beginning, to tell sections apart.
    pub begins: (&'a str, u32),
}

/// What a section covers, as far as it is known before a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Within {
    /// Files below a directory.
    Directory(Text),
    /// URLs below a path.
    Location(Text),
    /// Expressions, wildcards, files and conditions: a request must come to know.
    Elsewhere,
}

/// Sections that httpd takes apart before anything else sees them, so they are no sections to a directive.
const TRANSPARENT: [&[u8]; 7] =
    [b"<IfModule", b"<IfDefine", b"<IfVersion", b"<IfFile", b"<IfDirective", b"<IfSection", b"<Macro"];

impl Section<'_> {
    /// Whether a directive of that name only decides if what is in it is read at all.
    pub fn is_transparent(directive: &[u8]) -> bool {
        TRANSPARENT.iter().any(|name| name.eq_ignore_ascii_case(directive))
    }

    /// What it covers.
    pub fn within(&self) -> Within {
        let first = self.arguments.iter().find(|byte| !byte.is_ascii_whitespace() && **byte != b'"');
        let wild = first == Some(&b'~') || self.path.iter().any(|byte| b"*?[".contains(byte));
        match self.directive {
            _ if wild => Within::Elsewhere,
            name if name.eq_ignore_ascii_case(b"<Directory") => Within::Directory(self.path.into()),
            name if name.eq_ignore_ascii_case(b"<Location") => Within::Location(self.path.into()),
            _ => Within::Elsewhere,
        }
    }
}

/// What one section says about groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionGroups {
    /// `file:line` of its beginning.
    pub begins: Arc<str>,
    /// What it covers.
    pub within: Within,
    /// `WSGIProcessGroup`
    pub process_group: Option<GroupName>,
    /// `WSGIApplicationGroup`
    pub application_group: Option<GroupName>,
    /// `process-group=` and `application-group=` of its handler scripts.
    pub handlers: Vec<(Option<GroupName>, Option<GroupName>)>,
}

/// The record of `section`, if there is one, among those of its server; made if it is the first directive in there that says anything about groups.
pub fn record<'s>(sections: &'s mut Vec<SectionGroups>, section: Option<&Section<'_>>) -> Option<&'s mut SectionGroups> {
    let section = section?;
    let (file, line) = section.begins;
    let begins = format!("{file}:{line}");
    let within = section.within();
    let index = sections.iter().position(|known| *known.begins == *begins && known.within == within).unwrap_or_else(|| {
        sections.push(SectionGroups {
            begins: begins.into(),
            within,
            process_group: None,
            application_group: None,
            handlers: Vec::new(),
        });
        sections.len() - 1
    });
    sections.get_mut(index)
}

/// A place where a process group is named in a way that no request has a say in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupUse {
    /// The group.
    pub name: Text,
    /// The directive, and its option if it is named there.
    pub directive: String,
    /// `file:line`
    pub defined_at: Arc<str>,
    /// In a directory section.
    pub in_section: bool,
    /// To load a script at start, not to answer requests.
    pub import: bool,
}

#[cfg(test)]
mod tests {
    use super::{Section, Within, record};

    fn section<'a>(directive: &'a str, arguments: &'a str, path: &'a str) -> Section<'a> {
        Section { directive: directive.as_bytes(), arguments: arguments.as_bytes(), path: path.as_bytes(), begins: ("a.conf", 1) }
    }

    #[test]
    fn plain_directories_and_locations_are_known() {
        let directory = Within::Directory(b"/srv/shop/".as_slice().into());
        let location = Within::Location(b"/shop".as_slice().into());
        for (given, expected) in [
            (section("<Directory", "/srv/shop>", "/srv/shop/"), directory.clone()),
            (section("<directory", "\"/srv/shop\">", "/srv/shop/"), directory),
            (section("<Location", "/shop>", "/shop"), location),
            (section("<Directory", "~ ^/srv/.*>", "^/srv/.*"), Within::Elsewhere),
            (section("<Directory", "/srv/*>", "/srv/*/"), Within::Elsewhere),
            (section("<Location", "/s?op>", "/s?op"), Within::Elsewhere),
            (section("<DirectoryMatch", "^/srv>", "^/srv"), Within::Elsewhere),
            (section("<Files", "a.wsgi>", "a.wsgi"), Within::Elsewhere),
            (section("<If", "\"true\">", "if"), Within::Elsewhere),
        ] {
            assert_eq!(given.within(), expected, "{given:?}");
        }
    }

    #[test]
    fn a_section_has_one_record() {
        let mut sections = Vec::new();
        let first = section("<Directory", "/a>", "/a/");
        assert!(record(&mut sections, Some(&first)).is_some() && record(&mut sections, Some(&first)).is_some());
        let next = Section { begins: ("a.conf", 9), ..first };
        assert!(record(&mut sections, Some(&next)).is_some());
        assert_eq!(sections.len(), 2);
    }
}
