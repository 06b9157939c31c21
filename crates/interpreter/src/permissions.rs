/*! Whether a message may advise to open a file or directory to a user, and with which command.

An administrator follows the advice as root. So it never opens root's home or another user's, what belongs to a user who has nothing to do with the matter, or what belongs to
the system; and a path stands in it as a shell reads it. *Runs in: child, helper, supervisor.* */

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User as Account};

use super::files;

/// Whose a file is, and who may use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Permission bits.
    pub mode: u32,
    /// User id of its owner.
    pub owner: u32,
    /// Its group id.
    pub group: u32,
}

/// Who is to get to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// All of its group ids.
    pub groups: Vec<u32>,
}

impl User {
    /// The user that this process is.
    pub fn own() -> Self {
        let mut groups: Vec<u32> =
            rustix::process::getgroups().unwrap_or_default().into_iter().map(rustix::process::Gid::as_raw).collect();
        groups.push(rustix::process::getegid().as_raw());
        Self { uid: rustix::process::geteuid().as_raw(), groups }
    }

    /// The letter by which `chmod` names the bits that count for this user.
    fn class(&self, rights: Rights) -> char {
        if rights.owner == self.uid {
            return 'u';
        }
        if self.groups.contains(&rights.group) { 'g' } else { 'o' }
    }
}

/// Directories that nobody is advised to open or to add to: the system's own, and root's.
const GUARDED: [&str; 7] = ["/etc", "/root", "/proc", "/sys", "/dev", "/boot", "/run"];

/// From this number on a user is a person, whose home is private. Homes of the system's users (`/var/www`, `/`) are directories like others.
const FIRST_PERSON: u32 = 1000;

/// The last number before those that mean nobody.
const LAST_PERSON: u32 = 65_533;

/// The command that opens `path` to `user`, if it may be advised: `chmod o+x /srv`. `letter` is the permission that is missing, `x` or `r`. `homes` says
/// which homes `path` may lie in.
pub fn command(path: &Path, rights: Rights, user: &User, letter: char, homes: impl FnOnce(&Path) -> Vec<Home>) -> Option<String> {
    let its_own = rights.owner == user.uid;
    let may = !is_guarded(path) && (its_own || (rights.owner == 0 && !is_in_home_of_another(path, user.uid, &homes(path))));
    may.then(|| format!("chmod {}+{letter} {}", user.class(rights), word(&path.to_string_lossy())))
}

/// It belongs to the system, or to root.
pub fn is_guarded(path: &Path) -> bool {
    path.parent().is_none() || GUARDED.iter().any(|guarded| path.starts_with(guarded))
}

fn is_in_home_of_another(path: &Path, uid: u32, homes: &[Home]) -> bool {
    let private = |owner: u32| owner == 0 || (FIRST_PERSON..=LAST_PERSON).contains(&owner);
    homes.iter().any(|(owner, home)| *owner != uid && private(*owner) && home.components().count() > 1 && path.starts_with(home))
}

/// A text as one word of a shell's command line: in quotes where it needs some.
pub fn word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:,@%=".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The name of a user of this machine, or `#1000`.
pub fn user_name(uid: u32) -> String {
    Account::from_uid(Uid::from_raw(uid)).ok().flatten().map_or_else(|| format!("#{uid}"), |found| found.name)
}

/// A user's number and home.
pub type Home = (u32, PathBuf);

/// The homes on the way to `path`: of those who own a directory there, or are called like one, and root's. The system is asked, which may have its users from
/// LDAP or SSSD, and so may have to wait for these.
pub fn homes_on_the_way(path: &Path) -> Vec<Home> {
    let owner = |directory: &Path| {
        let owner = std::fs::metadata(directory).ok()?.uid();
        Account::from_uid(Uid::from_raw(owner)).ok().flatten()
    };
    let namesake = |directory: &Path| Account::from_name(directory.file_name()?.to_str()?).ok().flatten();
    let on_the_way = path.ancestors().flat_map(|directory| [owner(directory), namesake(directory)]);
    let root = Account::from_uid(Uid::from_raw(0)).ok().flatten();
    on_the_way.chain([root]).flatten().map(|found| (found.uid.as_raw(), found.dir)).collect()
}

/// The user that this process is, as a word of a command: its name, or its number.
pub fn own_word() -> String {
    word(user_name(rustix::process::geteuid().as_raw()).trim_start_matches('#'))
}

/// How to make a directory for the user that this process is: root's command where root alone can change the way there. Elsewhere somebody could put a link
/// there before the command is run, and have the directory given away to which it leads.
pub fn how_to_make(directory: &Path) -> String {
    let shown = word(&directory.to_string_lossy());
    if is_way_of_roots(directory) {
        format!("create it with `install -d -o {} {shown}`", own_word())
    } else {
        format!("run `mkdir -p {shown}` as the owner of the directory above it, or name another directory")
    }
}

/// Does each existing directory above `path` belong to root, so that nobody else can change what it holds of the way?
fn is_way_of_roots(path: &Path) -> bool {
    let mut below_is_roots = false;
    for directory in path.ancestors().skip(1) {
        let found = match std::fs::symlink_metadata(directory) {
            Ok(found) => found,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !below_is_roots => continue,
            Err(_) => return false,
        };
        // In a directory like `/tmp` others may add names, and not change root's.
        let kept = found.mode() & 0o022 == 0 || (found.mode() & 0o1000 != 0 && below_is_roots);
        if !found.is_dir() || found.uid() != 0 || !kept {
            return false;
        }
        below_is_roots = true;
    }
    true
}

/// Longer lists of users are not read.
const MOST_ACCOUNTS: u64 = 4 * 1024 * 1024;

/// The homes of the users in `/etc/passwd`, and every directory below `/home`, for who must not wait for a directory service: the supervisor. It looks at no
/// file on the way either.
pub fn local_homes(path: &Path) -> Vec<Home> {
    let text = files::read_regular(Path::new("/etc/passwd"), MOST_ACCOUNTS).unwrap_or_default();
    let one = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        Some((fields.get(2)?.parse().ok()?, PathBuf::from(fields.get(5)?)))
    };
    let mut homes: Vec<Home> = String::from_utf8_lossy(&text).lines().filter_map(one).collect();
    if let Some(below) = path.ancestors().find(|directory| directory.parent() == Some(Path::new("/home")))
        && !homes.iter().any(|(_, home)| home == below)
    {
        // Of a user whom another source knows.
        homes.push((LAST_PERSON, below.to_owned()));
    }
    homes
}

#[cfg(test)]
mod tests {
    use super::{Rights, User, command, homes_on_the_way, is_in_home_of_another, local_homes, user_name, word};
    use std::path::{Path, PathBuf};

    fn user(uid: u32, groups: &[u32]) -> User {
        User { uid, groups: groups.to_vec() }
    }

    #[test]
    fn the_bits_that_count_for_the_user_are_named() {
        let of = |owner, group| {
            command(Path::new("/srv/venv"), Rights { mode: 0, owner, group }, &user(77, &[78, 79]), 'x', homes_on_the_way)
        };
        assert_eq!(of(77, 79).as_deref(), Some("chmod u+x /srv/venv"));
        assert_eq!(of(0, 79).as_deref(), Some("chmod g+x /srv/venv"));
        assert_eq!(of(0, 0).as_deref(), Some("chmod o+x /srv/venv"));
        assert_eq!(of(4_321, 79), None, "it belongs to somebody else");
    }

    #[test]
    fn nobody_is_advised_to_open_a_home_of_another_or_the_system() {
        let rights = Rights { mode: 0o700, owner: 0, group: 0 };
        for path in ["/", "/root", "/root/.pyenv/versions/3.11.7", "/etc/ssl/private", "/proc/1", "/run/secrets"] {
            assert_eq!(command(Path::new(path), rights, &user(77, &[]), 'x', homes_on_the_way), None, "{path}");
        }
        let homes: Vec<(u32, PathBuf)> = [(0, "/vault"), (1000, "/people/jane"), (33, "/var/www"), (65_534, "/srv"), (1001, "/")]
            .map(|(uid, home)| (uid, home.into()))
            .into();
        let private = |path: &str, uid| is_in_home_of_another(Path::new(path), uid, &homes);
        assert!(private("/vault", 77) && private("/vault/python/bin", 77) && private("/people/jane/site", 77));
        assert!(!private("/people/jane/site", 1000) && !private("/people/janet", 77), "one's own, and a neighbour");
        assert!(
            !private("/var/www/site", 77) && !private("/srv/site", 77),
            "homes of the system's users are directories like others"
        );
    }

    #[test]
    fn homes_on_the_way_are_those_of_owners_and_namesakes() {
        let of = |path: &str| is_in_home_of_another(Path::new(path), 4_321, &homes_on_the_way(Path::new(path)));
        assert!(of("/root/.pyenv/bin"), "root's, whoever owns what lies there");
        assert!(!of("/srv/venv") && !of("/usr/lib"));
        let local = |path: &str| is_in_home_of_another(Path::new(path), 4_321, &local_homes(Path::new(path)));
        assert!(local("/root/venv") && local("/home/a-user-of-ldap/venv") && !local("/home") && !local("/srv/venv"));
    }

    #[test]
    fn a_path_is_one_word_of_a_command() {
        assert_eq!(word("/srv/my-site_1.2"), "/srv/my-site_1.2");
        assert_eq!(word("/srv/a b; rm -rf /"), "'/srv/a b; rm -rf /'");
        assert_eq!(word("/srv/it's $(x)`y`"), r"'/srv/it'\''s $(x)`y`'");
        assert_eq!(word(""), "''");
    }

    #[test]
    fn a_number_without_a_user_stays_a_number() {
        assert_eq!((user_name(0).as_str(), user_name(3_999_999_999).as_str()), ("root", "#3999999999"));
    }
}
