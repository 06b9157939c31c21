/*! Which script a URL leads to, and how the URL divides into `SCRIPT_NAME` and `PATH_INFO`.

Aliases match as mod_alias matches them, because that is what users of `WSGIScriptAlias` know: section 3.1 of the behaviour
reference for the match, 3.4 for the split. Plain bytes in, plain bytes out. *Runs in: child, translate-name phase and handler.* */

use std::borrow::Cow;

use crate::config::settings::{Alias, Pattern};

/// Where a URL leads.
#[derive(Debug)]
pub struct Mapped<'c> {
    /// The alias that matched; its options go before the directives.
    pub alias: &'c Alias,
    /// What becomes `r->filename`: the target, and the rest of the URL after the match. httpd's directory walk cuts off
    /// `PATH_INFO` at the first existing file.
    pub filename: Vec<u8>,
}

/// The first of `aliases` that matches `uri` (`r->uri`, %-decoded).
pub fn map<'c>(aliases: &'c [Alias], uri: &[u8]) -> Option<Mapped<'c>> {
    aliases.iter().find_map(|alias| {
        let filename = match &alias.pattern {
            Some(pattern) => by_expression(pattern.as_ref(), &alias.target, uri),
            None => by_prefix(&alias.location, &alias.target, uri),
        }?;
        Some(Mapped { alias, filename })
    })
}

fn by_prefix(location: &[u8], target: &[u8], uri: &[u8]) -> Option<Vec<u8>> {
    let rest = uri.get(prefix_length(location, uri)?..)?;
    // For `/` the slash itself belongs to the rest: `/srv/app.wsgi` + `/page`.
    let rest = if location == b"/" { uri } else { rest };
    Some([target, rest].concat())
}

/// How much of `uri` the alias matches, if it does: a run of slashes matches any run, and the match ends at a slash or at the
/// end of the URL.
fn prefix_length(location: &[u8], uri: &[u8]) -> Option<usize> {
    let (mut wanted, mut found) = (location, uri);
    while let [byte, wanted_rest @ ..] = wanted {
        if *byte == b'/' {
            let skipped = without_slashes(found);
            if skipped.len() == found.len() {
                return None;
            }
            (wanted, found) = (without_slashes(wanted), skipped);
        } else {
            let [same, found_rest @ ..] = found else { return None };
            if same != byte {
                return None;
            }
            (wanted, found) = (wanted_rest, found_rest);
        }
    }
    let ends = location.last() == Some(&b'/') || matches!(found, [] | [b'/', ..]);
    (ends && !location.is_empty()).then(|| uri.len() - found.len())
}

fn without_slashes(text: &[u8]) -> &[u8] {
    let slashes = text.iter().take_while(|byte| **byte == b'/').count();
    text.get(slashes..).unwrap_or_default()
}

fn by_expression(pattern: &dyn Pattern, target: &[u8], uri: &[u8]) -> Option<Vec<u8>> {
    let captures = pattern.captures(uri)?;
    let (_, end) = *captures.first().filter(|(start, end)| start < end)?;
    let mut filename = substitute(target, uri, &captures);
    filename.extend_from_slice(uri.get(end..)?);
    Some(filename)
}

/// Replaces `$0` to `$9` (and `&`, as httpd does) in `target` by what the groups matched; a backslash before either
/// keeps it as it is.
fn substitute(target: &[u8], subject: &[u8], captures: &[(usize, usize)]) -> Vec<u8> {
    let group = |number: usize| captures.get(number).and_then(|(start, end)| subject.get(*start..*end)).unwrap_or_default();
    let mut out = Vec::with_capacity(target.len() + subject.len());
    let mut rest = target;
    loop {
        match rest {
            [b'$', digit @ b'0'..=b'9', after @ ..] => {
                out.extend_from_slice(group(usize::from(digit - b'0')));
                rest = after;
            }
            [b'\\', kept @ (b'$' | b'&'), after @ ..] => {
                out.push(*kept);
                rest = after;
            }
            [byte, after @ ..] => {
                out.push(*byte);
                rest = after;
            }
            [] => return out,
        }
    }
}

/// `SCRIPT_NAME` and `PATH_INFO` for `uri` and the path info that httpd cut off, runs of slashes made one. Without path info
/// the whole URL is `SCRIPT_NAME`.
pub fn split_url<'a>(uri: &'a [u8], path_info: &'a [u8]) -> (Cow<'a, [u8]>, Cow<'a, [u8]>) {
    let script_name = if path_info.is_empty() { uri } else { uri.strip_suffix(path_info).unwrap_or(uri) };
    (single_slashes(script_name), single_slashes(path_info))
}

/// Runs of slashes made one; borrowed when there are none, as in nearly every URL.
pub fn single_slashes(path: &[u8]) -> Cow<'_, [u8]> {
    if !path.windows(2).any(|pair| pair == b"//") {
        return Cow::Borrowed(path);
    }
    let mut out = Vec::with_capacity(path.len());
    for byte in path {
        if *byte != b'/' || out.last() != Some(&b'/') {
            out.push(*byte);
        }
    }
    Cow::Owned(out)
}
