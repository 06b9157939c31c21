/*! Finds the script that a URL is mapped to, and splits the URL into `SCRIPT_NAME` and `PATH_INFO`.

Aliases match as those of mod_alias, because users of `WSGIScriptAlias` expect that: a run of slashes matches any run, and a match ends at a
slash or at the end. Works on plain bytes. *Runs in: child, translate-name phase and handler.* */

use std::borrow::Cow;

use config::settings::{Alias, Pattern};

/// Where a URL leads.
#[derive(Debug)]
pub struct Mapped<'c> {
    /// The alias that matched; its options go before the directives.
    pub alias: &'c Alias,
    /// What becomes `r->filename`: the target, and the rest of the URL after the match. httpd's directory walk cuts off
    /// `PATH_INFO` at the first existing file.
    pub filename: Vec<u8>,
    /// Where the target ends in `filename`, if the URL goes on with a slash there (or ends): should the target be a file,
    /// what follows is `PATH_INFO`, and nothing on the way to it needs to be looked for.
    pub target_end: Option<usize>,
}

/// The first of `aliases` that matches `uri` (`r->uri`, %-decoded).
pub fn map<'c>(aliases: &'c [Alias], uri: &[u8]) -> Option<Mapped<'c>> {
    aliases.iter().find_map(|alias| {
        let filename = match &alias.pattern {
            Some(pattern) => by_expression(pattern.as_ref(), &alias.target, uri),
            None => by_prefix(&alias.location, &alias.target, uri),
        }?;
        let end = alias.target.len();
        let whole = alias.pattern.is_none() && matches!(filename.get(end..), Some([] | [b'/', ..]));
        Some(Mapped { alias, filename, target_end: whole.then_some(end) })
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

/// Replaces `$0` to `$9` in `target` by what the groups matched, as httpd's `ap_pregsub` does: a backslash keeps the character
/// after it as it is, and goes away itself.
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
            [b'\\', kept, after @ ..] => {
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

/// `SCRIPT_NAME` and `PATH_INFO` for `uri` (`r->uri`) and the path info that httpd cut off, runs of slashes made one. Without path
/// info the whole URL is `SCRIPT_NAME`.
pub fn split_url<'a>(uri: &'a [u8], path_info: &'a [u8]) -> (Cow<'a, [u8]>, Cow<'a, [u8]>) {
    let script_name = uri.get(..path_info_start(uri, path_info)).unwrap_or(uri);
    (single_slashes(script_name), single_slashes(path_info))
}

/// Where `path_info` begins in `uri`. The two are compared from their ends, because a rewritten URL and its path info may share
/// only a tail; one slash equals several, because httpd merges them in one and not in the other.
fn path_info_start(uri: &[u8], path_info: &[u8]) -> usize {
    let (mut head, mut wanted) = (uri, path_info);
    while let ([head_rest @ .., a], [wanted_rest @ .., b]) = (head, wanted) {
        if a != b {
            // The segment that differs as a whole is none of the URL's: a target of WSGIScriptAliasMatch may have made it.
            if *a == b'/' {
                head = head_rest;
            }
            break;
        }
        (head, wanted) = if *a == b'/' { (before_slashes(head), before_slashes(wanted)) } else { (head_rest, wanted_rest) };
    }
    // A tail that begins inside a segment is none.
    let rest = uri.get(head.len()..).unwrap_or_default();
    head.len() + rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len())
}

fn before_slashes(text: &[u8]) -> &[u8] {
    let slashes = text.iter().rev().take_while(|byte| **byte == b'/').count();
    text.get(..text.len() - slashes).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{map, single_slashes, split_url, substitute};
    use config::settings::{Alias, Pattern};

    fn alias(location: &str, target: &str) -> Alias {
        Alias {
            location: location.as_bytes().into(),
            pattern: None,
            target: target.as_bytes().into(),
            process_group: None,
            application_group: None,
            callable_object: None,
            pass_authorization: None,
            defined_at: "test.conf:1".into(),
            order: 0,
        }
    }

    fn filename(aliases: &[Alias], uri: &str) -> Option<String> {
        map(aliases, uri.as_bytes()).map(|mapped| String::from_utf8_lossy(&mapped.filename).into_owned())
    }

    #[test]
    fn a_path_matches_as_mod_alias_matches_it() {
        let cases: &[(&str, &str, &str, Option<&str>)] = &[
            ("/", "/srv/a.wsgi", "/", Some("/srv/a.wsgi/")),
            ("/", "/srv/a.wsgi", "/page", Some("/srv/a.wsgi/page")),
            ("/", "/srv/a.wsgi", "//page", Some("/srv/a.wsgi//page")),
            ("/x", "/srv/a.wsgi", "/x", Some("/srv/a.wsgi")),
            ("/x", "/srv/a.wsgi", "/x/y", Some("/srv/a.wsgi/y")),
            ("/x", "/srv/a.wsgi", "/x//y", Some("/srv/a.wsgi//y")),
            ("/x", "/srv/a.wsgi", "///x/y", Some("/srv/a.wsgi/y")),
            ("/x", "/srv/a.wsgi", "/xy", None),
            ("/x", "/srv/a.wsgi", "/X", None),
            ("/x", "/srv/a.wsgi", "/", None),
            ("/x", "/srv/a.wsgi", "", None),
            ("/x//y", "/srv/a.wsgi", "/x/y", Some("/srv/a.wsgi")),
            ("/x/y", "/srv/a.wsgi", "/x///y/z", Some("/srv/a.wsgi/z")),
            ("/x/", "/srv/d/", "/x/app.wsgi", Some("/srv/d/app.wsgi")),
            ("/x/", "/srv/d/", "/x", None),
            ("x", "/srv/a.wsgi", "/x", None),
        ];
        for (location, target, uri, expected) in cases {
            assert_eq!(filename(&[alias(location, target)], uri).as_deref(), *expected, "{location} {uri}");
        }
    }

    #[test]
    fn the_first_match_wins() {
        let aliases = [alias("/x", "/first"), alias("/", "/all"), alias("/x/y", "/late")];
        assert_eq!(filename(&aliases, "/x/y").as_deref(), Some("/first/y"));
        assert_eq!(filename(&aliases, "/z").as_deref(), Some("/all/z"));
        let ends = |location, target, uri: &str| map(&[alias(location, target)], uri.as_bytes()).and_then(|m| m.target_end);
        assert_eq!(ends("/", "/srv/a.wsgi", "/page"), Some(11));
        assert_eq!(ends("/x", "/srv/a.wsgi", "/x"), Some(11));
        assert_eq!(ends("/x/", "/srv/dir/", "/x/page"), None, "the target is a directory");
    }

    struct Fixed(Option<Vec<(usize, usize)>>);

    impl Pattern for Fixed {
        fn captures(&self, _: &[u8]) -> Option<Vec<(usize, usize)>> {
            self.0.clone()
        }
    }

    #[test]
    fn an_expression_gives_its_groups_and_the_rest() {
        let by = |captures: Option<Vec<(usize, usize)>>| Alias {
            pattern: Some(Arc::new(Fixed(captures))),
            ..alias("^/s/([a-z]+)", "/srv/$1/a.wsgi")
        };
        assert_eq!(filename(&[by(Some(vec![(0, 6), (3, 6)]))], "/s/foo/bar").as_deref(), Some("/srv/foo/a.wsgi/bar"));
        assert_eq!(filename(&[by(None)], "/s/foo"), None);
        assert_eq!(filename(&[by(Some(vec![(0, 0), (0, 0)]))], "/s/foo"), None, "nothing was taken");
        assert_eq!(filename(&[by(Some(vec![]))], "/s/foo"), None);
        assert_eq!(filename(&[by(Some(vec![(0, 99)]))], "/s/foo"), None, "a range outside of the subject");
    }

    #[test]
    fn groups_are_put_in_where_the_target_names_them() {
        let cases: &[(&str, &str)] = &[
            ("/srv/$1-$2", "/srv/ab-cd"),
            ("$0", "ab/cd"),
            ("/$9/x", "//x"),
            (r"/\$1/$1", "/$1/ab"),
            ("/a$", "/a$"),
            ("/$x", "/$x"),
            ("/$10", "/ab0"),
            ("/a&b", "/a&b"),
            (r"/\x\\y\", r"/x\y\"),
        ];
        for (target, expected) in cases {
            let out = substitute(target.as_bytes(), b"ab/cd", &[(0, 5), (0, 2), (3, 5)]);
            assert_eq!(String::from_utf8_lossy(&out), *expected, "{target}");
        }
    }

    #[test]
    fn a_url_divides_where_the_path_info_begins() {
        let cases: &[(&str, &str, &str, &str)] = &[
            ("/page", "/page", "", "/page"),
            ("/", "/", "", "/"),
            ("/x", "", "/x", ""),
            ("/x/y", "/y", "/x", "/y"),
            ("//x///y//z", "/y/z", "/x", "/y/z"),
            ("//x///y//z", "//y//z", "/x", "/y/z"),
            ("/x/", "/", "/x", "/"),
            ("/x//", "//", "/x", "/"),
            ("/x/abc", "/bc", "/x/abc", "/bc"),
            ("/rewritten", "/other/path", "/rewritten", "/other/path"),
            ("/a/b", "/x/b", "/a", "/x/b"),
            ("/m/", "/-", "/m", "/-"),
            ("/m/abc/x", "/abc-x", "/m/abc", "/abc-x"),
            ("", "", "", ""),
        ];
        for (uri, path_info, script_name, path) in cases {
            let (got_script, got_path) = split_url(uri.as_bytes(), path_info.as_bytes());
            assert_eq!(
                (String::from_utf8_lossy(&got_script), String::from_utf8_lossy(&got_path)),
                ((*script_name).into(), (*path).into()),
                "{uri}"
            );
        }
    }

    #[test]
    fn a_path_without_runs_is_lent() {
        assert!(matches!(single_slashes(b"/a/b/"), std::borrow::Cow::Borrowed(b"/a/b/")));
        assert_eq!(&*single_slashes(b"//a///b//"), b"/a/b/");
    }
}
