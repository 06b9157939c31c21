/*! Which script a request is for: the alias that maps its URL, or the handler that its file has. *Runs in: child.* */

use std::ffi::CStr;

use super::route;
use crate::httpd::Request;
use crate::httpd::configuration::module_config;
use crate::httpd::status::Answer;
use crate::request::alias;
use config::settings::{Alias, DirectoryConfig, HandlerScript};

/// The handler that an alias gives to its requests.
const HANDLER: &CStr = c"wsgi-script";

/// The handler's other name, as a media type for `AddType`.
const MEDIA_TYPE: &[u8] = b"application/x-httpd-wsgi";

/// The note by which mod_alias, too, says that a URL was mapped on purpose; other modules look at it.
const FORCED_TYPE: &CStr = c"alias-forced-type";

/// Maps a URL by the first alias that matches (translate-name phase).
pub fn translate_name(request: Request<'_>) -> Answer {
    let aliases = &module_config::of_server(request.server()).aliases;
    if aliases.is_empty() {
        return Answer::Declined;
    }
    let Some(mapped) = route::map(aliases, request.uri()) else { return Answer::Declined };
    // Directory walk would look for the script segment by segment, on every request: here it is known where it ends.
    let known = mapped.target_end.and_then(|end| mapped.filename.split_at_checked(end));
    if !known.is_some_and(|(file, path_info)| request.map_to_file(file, path_info)) {
        request.set_filename(&mapped.filename);
    }
    request.set_handler(HANDLER);
    request.notes().set_lent(FORCED_TYPE, HANDLER);
    alias::note(request, mapped.alias);
    Answer::Ok
}

/// What runs a request.
#[derive(Clone, Copy)]
pub enum Script<'r> {
    /// The requested file itself. `alias` is the one that mapped it, if one did.
    File {
        /// The alias.
        alias: Option<&'r Alias>,
    },
    /// The script that `WSGIHandlerScript` names for the request's handler.
    Handler(&'r HandlerScript),
}

impl<'r> Script<'r> {
    /// Whether `request` is one for this module, by its handler.
    pub fn of(request: Request<'r>, directory: &'r DirectoryConfig) -> Option<Self> {
        let handler = request.handler()?;
        if handler == HANDLER.to_bytes() || handler == MEDIA_TYPE {
            return Some(Self::File { alias: alias::of(request) });
        }
        let scripts = directory.handler_scripts.as_deref()?;
        scripts.iter().find(|script| *script.handler == *handler).map(Self::Handler)
    }

    /// The alias that mapped the request.
    pub fn alias(self) -> Option<&'r Alias> {
        match self {
            Self::File { alias } => alias,
            Self::Handler(_) => None,
        }
    }

    /// The handler script, if it is one.
    pub fn handler(self) -> Option<&'r HandlerScript> {
        match self {
            Self::File { .. } => None,
            Self::Handler(script) => Some(script),
        }
    }

    /// Path of the script to load.
    pub fn path(self, request: Request<'r>) -> &'r [u8] {
        match self {
            Self::File { .. } => request.filename(),
            Self::Handler(script) => &script.script,
        }
    }
}
