/*! `script-user=` and `script-group=`: whose scripts a group runs. A user who can write a script, or
put another one in its place, can run code in the group. Looked at by the Apache child before it connects. *Runs in: child.* */

use config::daemon::{Account, ScriptOwner};
use config::error::quoted;

/// What is known of the script, or of its directory.
#[derive(Clone, Copy, Debug)]
pub struct FileFacts<'a> {
    /// Its path.
    pub path: &'a [u8],
    /// Its owner's number.
    pub uid: u32,
    /// Its group's number.
    pub gid: u32,
    /// The owner's name, if the system has one.
    pub user: Option<&'a [u8]>,
    /// The group's name, if the system has one.
    pub group: Option<&'a [u8]>,
    /// Mode bits.
    pub mode: u32,
}

const GROUP_MAY_WRITE: u32 = 0o020;
const OTHERS_MAY_WRITE: u32 = 0o002;

/// Checks the script and the directory that it is in.
///
/// # Errors
/// What is wrong, for [`crate::request::group_failure::GroupFailure::ScriptOwner`].
pub fn check(wanted: &ScriptOwner, script: &FileFacts<'_>, directory: &FileFacts<'_>) -> Result<(), String> {
    for (what, file) in [("the script", script), ("the script's directory", directory)] {
        let path = quoted(file.path);
        let (is_right, role, account, forbidden) = match wanted {
            ScriptOwner::User(account) => (is(account, file.uid, file.user), "user", account, GROUP_MAY_WRITE | OTHERS_MAY_WRITE),
            ScriptOwner::Group(account) => (is(account, file.gid, file.group), "group", account, OTHERS_MAY_WRITE),
        };
        if !is_right {
            let found = match role {
                "user" => name(file.user, file.uid),
                _ => name(file.group, file.gid),
            };
            return Err(format!("{what} {path} belongs to the {role} {found}, but `script-{role}=` requires {account}"));
        }
        if file.mode & forbidden & OTHERS_MAY_WRITE != 0 {
            return Err(format!("{what} {path} is writable by everybody"));
        }
        if file.mode & forbidden & GROUP_MAY_WRITE != 0 {
            return Err(format!("{what} {path} is writable by its group {}", name(file.group, file.gid)));
        }
    }
    Ok(())
}

/// Whether the account is the one with that number and name.
fn is(account: &Account, id: u32, name: Option<&[u8]>) -> bool {
    match account {
        Account::Id(wanted) => *wanted == id,
        Account::Name(wanted) => name == Some(&**wanted),
    }
}

fn name(name: Option<&[u8]>, id: u32) -> String {
    name.map_or_else(|| format!("`#{id}`"), quoted)
}

#[cfg(test)]
mod tests {
    use super::{FileFacts, check};
    use config::daemon::{Account, ScriptOwner};

    const SHOP: FileFacts<'_> =
        FileFacts { path: b"/srv/shop/a.wsgi", uid: 1000, gid: 2000, user: Some(b"shop"), group: Some(b"shops"), mode: 0o644 };
    const DIRECTORY: FileFacts<'_> = FileFacts { path: b"/srv/shop", mode: 0o755, ..SHOP };

    fn user(word: &[u8]) -> ScriptOwner {
        ScriptOwner::User(Account::parse(word).unwrap_or(Account::Id(0)))
    }

    fn group(word: &[u8]) -> ScriptOwner {
        ScriptOwner::Group(Account::parse(word).unwrap_or(Account::Id(0)))
    }

    #[test]
    fn the_owners_scripts_run() {
        for wanted in [user(b"shop"), user(b"#1000"), group(b"shops"), group(b"#2000")] {
            assert_eq!(check(&wanted, &SHOP, &DIRECTORY), Ok(()), "{wanted:?}");
        }
        let writable = FileFacts { mode: 0o664, ..SHOP };
        assert_eq!(check(&group(b"shops"), &writable, &FileFacts { mode: 0o775, ..DIRECTORY }), Ok(()));
    }

    #[test]
    fn what_another_could_have_written_does_not_run() {
        let mode = |mode| FileFacts { mode, ..SHOP };
        let directory = |mode| FileFacts { mode, ..DIRECTORY };
        let cases = [
            (
                user(b"blog"),
                SHOP,
                DIRECTORY,
                "the script `/srv/shop/a.wsgi` belongs to the user `shop`, but `script-user=` requires `blog`",
            ),
            (user(b"#1"), SHOP, DIRECTORY, "belongs to the user `shop`, but `script-user=` requires `#1`"),
            (
                user(b"shop"),
                SHOP,
                FileFacts { user: Some(b"root"), ..DIRECTORY },
                "directory `/srv/shop` belongs to the user `root`",
            ),
            (user(b"shop"), FileFacts { user: None, ..SHOP }, DIRECTORY, "belongs to the user `#1000`"),
            (user(b"shop"), mode(0o664), DIRECTORY, "the script `/srv/shop/a.wsgi` is writable by its group `shops`"),
            (user(b"shop"), mode(0o646), DIRECTORY, "the script `/srv/shop/a.wsgi` is writable by everybody"),
            (user(b"shop"), SHOP, directory(0o775), "directory `/srv/shop` is writable by its group"),
            (user(b"shop"), SHOP, directory(0o757), "directory `/srv/shop` is writable by everybody"),
            (group(b"blogs"), SHOP, DIRECTORY, "belongs to the group `shops`, but `script-group=` requires `blogs`"),
            (group(b"shops"), SHOP, FileFacts { group: Some(b"x"), ..DIRECTORY }, "belongs to the group `x`"),
            (group(b"shops"), mode(0o666), DIRECTORY, "is writable by everybody"),
            (group(b"shops"), SHOP, directory(0o777), "is writable by everybody"),
        ];
        for (wanted, script, directory, expected) in cases {
            let said = check(&wanted, &script, &directory).err().unwrap_or_default();
            assert!(said.contains(expected), "{wanted:?}: {said}");
        }
    }
}
