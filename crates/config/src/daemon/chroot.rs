/*! Paths inside and outside of a `chroot=`. Apache sees a script below the directory, the group's processes see it below `/`. *Runs in: parent, child.* */

/// The path as it is in the jail; `None` if it does not lie there.
pub fn inside<'p>(chroot: &[u8], path: &'p [u8]) -> Option<&'p [u8]> {
    let root = chroot.strip_suffix(b"/").unwrap_or(chroot);
    match path.strip_prefix(root)? {
        b"" => Some(b"/"),
        rest if rest.starts_with(b"/") => Some(rest),
        _ => None,
    }
}

/// The path as the group's processes will find it: a path below the directory is shortened, any other is taken to be one inside already.
pub fn as_seen<'p>(chroot: Option<&[u8]>, path: &'p [u8]) -> &'p [u8] {
    chroot.and_then(|chroot| inside(chroot, path)).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::{as_seen, inside};

    #[test]
    fn only_whole_components_count() {
        for (chroot, path, expected) in [
            ("/jail", "/jail/srv/app.wsgi", Some("/srv/app.wsgi")),
            ("/jail/", "/jail/srv/app.wsgi", Some("/srv/app.wsgi")),
            ("/jail", "/jail", Some("/")),
            ("/jail", "/jailed/app.wsgi", None),
            ("/jail", "/srv/jail/app.wsgi", None),
            ("/", "/srv/app.wsgi", Some("/srv/app.wsgi")),
            ("/jail", "", None),
        ] {
            assert_eq!(inside(chroot.as_bytes(), path.as_bytes()), expected.map(str::as_bytes), "{chroot} {path}");
        }
    }

    #[test]
    fn what_is_not_below_it_is_inside_already() {
        assert_eq!(as_seen(Some(b"/jail"), b"/jail/a"), b"/a");
        assert_eq!(as_seen(Some(b"/jail"), b"/a"), b"/a");
        assert_eq!(as_seen(None, b"/jail/a"), b"/jail/a");
    }
}
