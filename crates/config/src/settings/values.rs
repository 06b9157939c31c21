/*! Values that directives and options have in common. *Runs in: parent, child.* */

use std::sync::Arc;

/// Bytes that are cheap to share between merged configurations.
pub type Text = Arc<[u8]>;

/// The name of a process group or an application group, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupName {
    /// `%{GLOBAL}`: embedded mode, or the main interpreter.
    Global,
    /// `%{SERVER}`
    Server,
    /// `%{HOST}`
    Host,
    /// `%{RESOURCE}`
    Resource,
    /// `%{ENV:name}`
    Env(Text),
    /// Anything else, literally.
    Literal(Text),
}

impl GroupName {
    /// Reads a name as configured, or as an environment variable holds it. What is none of the forms is literal; the empty
    /// name is `%{GLOBAL}`.
    pub fn parse(word: &[u8]) -> Self {
        match word {
            b"" | b"%{GLOBAL}" => Self::Global,
            b"%{SERVER}" => Self::Server,
            b"%{HOST}" => Self::Host,
            b"%{RESOURCE}" => Self::Resource,
            word => match word.strip_prefix(b"%{ENV:").and_then(|rest| rest.strip_suffix(b"}")) {
                Some(name) if !name.is_empty() => Self::Env(name.into()),
                _ => Self::Literal(word.into()),
            },
        }
    }

    /// The name itself, if no request has a say in it: empty for `%{GLOBAL}`. A literal that looks like a form is none, as in
    /// mod_wsgi.
    pub fn fixed(&self) -> Option<Text> {
        match self {
            Self::Global => Some(Arc::from([])),
            Self::Literal(name) if !name.windows(2).any(|pair| pair == b"%{") => Some(name.clone()),
            _ => None,
        }
    }
}
