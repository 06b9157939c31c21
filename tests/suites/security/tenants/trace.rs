/*! What `strace -f` wrote: which process was who when it named which path. */

use crate::support::matrix::Setup;
use registration::trial;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Calls that are traced.
pub const TRACED: &str = "trace=%file,%process,setresuid,setuid,setreuid";

/// What root may do there: it looks at nothing but the way, and is done by a process that does nothing else before it is somebody else.
const EXCEPTIONS: [&str; 1] = ["chdir"];

/// What a process did as root below a directory that another user owns.
pub fn trespasses(trace: &str) -> Vec<String> {
    let lines: Vec<(u32, &str)> = trace.lines().filter_map(of_process).collect();
    let parents = parents(&lines);
    let mut users: BTreeMap<u32, u32> = BTreeMap::new();
    let mut begun: BTreeMap<u32, u32> = BTreeMap::new();
    let mut foreign = Foreign::default();
    let mut found = BTreeSet::new();
    for (pid, line) in &lines {
        let mut user = users.get(pid).copied();
        if user.is_none() {
            user = parents.get(pid).and_then(|parent| users.get(parent).copied());
        }
        let user = user.unwrap_or(0);
        // What another process interrupts in the trace has its result on a later line.
        let becomes = match become_user(line) {
            Some(wanted) if line.ends_with("<unfinished ...>") => {
                begun.insert(*pid, wanted);
                None
            }
            None if line.starts_with("<... set") => begun.remove(pid).filter(|_| line.ends_with(" = 0")),
            becomes => becomes,
        };
        users.insert(*pid, becomes.unwrap_or(user));
        let call = line.split('(').next().unwrap_or_default();
        if user == 0 && !EXCEPTIONS.contains(&call) && named(line).iter().any(|path| foreign.is(path)) {
            found.insert((*line).to_owned());
        }
    }
    found.into_iter().collect()
}

/// `PID call(...)`; padding between the two.
fn of_process(line: &str) -> Option<(u32, &str)> {
    let (pid, rest) = line.trim_start_matches("[pid ").split_once(' ')?;
    Some((pid.trim_end_matches(']').parse().ok()?, rest.trim_start()))
}

/// Who made which process. A child may have lines before that which tells of it.
fn parents(lines: &[(u32, &str)]) -> BTreeMap<u32, u32> {
    let made = |line: &str| {
        let call = line.trim_start_matches("<... ");
        let makes = ["clone", "fork", "vfork"].iter().any(|name| call.starts_with(name));
        if !makes {
            return None;
        }
        let result = line.rsplit(" = ").next()?;
        // In a PID namespace the number that the call gives is not the one that strace writes before the process's lines.
        let number = result.strip_suffix(" in strace's PID NS */").and_then(|text| text.rsplit(' ').next());
        number.or_else(|| result.split(' ').next())?.parse::<u32>().ok()
    };
    lines.iter().filter_map(|(pid, line)| Some((made(line)?, *pid))).collect()
}

/// The effective user that a call makes of a process, unless it failed.
fn become_user(line: &str) -> Option<u32> {
    let (call, rest) = line.split_once('(')?;
    if line.contains(" = -1 ") {
        return None;
    }
    let arguments: Vec<&str> = rest.split([')', '<']).next()?.split(',').map(str::trim).collect();
    let effective = match call {
        "setuid" => arguments.first()?,
        "setreuid" | "setresuid" => arguments.get(1)?,
        _ => return None,
    };
    effective.split(' ').next()?.parse().ok()
}

/// The paths of a call, those relative to an open directory with it (`strace -y`).
fn named(line: &str) -> Vec<PathBuf> {
    let Some(arguments) = line.split_once('(').map(|(_, rest)| rest) else { return Vec::new() };
    let mut found = Vec::new();
    let mut directory: Option<PathBuf> = None;
    for (index, part) in arguments.split('"').enumerate() {
        if index % 2 == 1 {
            let path = Path::new(part);
            found.extend(match &directory {
                _ if path.is_absolute() => Some(path.to_path_buf()),
                Some(directory) => Some(directory.join(path)),
                None => None,
            });
        } else {
            directory = part.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(path, _)| PathBuf::from(path));
        }
        // Arguments and environment of a new program are no paths.
        if index == 1 && line.starts_with("execve(") {
            break;
        }
    }
    found
}

/// Which directories are another user's, asked once each.
#[derive(Default)]
struct Foreign(BTreeMap<PathBuf, bool>);

impl Foreign {
    /// Does it lie below a directory that another user than root owns? What the kernel makes up does not count.
    fn is(&mut self, path: &Path) -> bool {
        if ["/proc", "/sys", "/dev"].iter().any(|kernels| path.starts_with(kernels)) {
            return false;
        }
        path.ancestors().skip(1).any(|above| {
            let known = self.0.entry(above.to_path_buf());
            *known.or_insert_with(|| std::fs::metadata(above).is_ok_and(|found| found.is_dir() && found.uid() != 0))
        })
    }
}

/// That the reading of a trace finds what it is for.
#[trial]
pub fn only_root_trespasses(_: &Setup) {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let place = std::env::temp_dir().join(format!("trespass-{}", std::process::id()));
    std::fs::create_dir(&place).unwrap();
    std::os::unix::fs::chown(&place, Some(54_321), None).unwrap();
    let (file, directory) = (place.join("file").display().to_string(), place.display().to_string());
    let trace = [
        "1 clone(child_stack=NULL) = 2".to_owned(),
        "2 vfork() = 1 /* 3 in strace's PID NS */".to_owned(),
        "2 setresuid(7, 7, 7 <unfinished ...>".to_owned(),
        format!("1 openat(AT_FDCWD</>, \"{file}\", O_RDONLY) = 3"),
        "2 <... setresuid resumed>) = 0".to_owned(),
        format!("2 stat(\"{file}\", 0x7) = 0"),
        "2 setresuid(0, 0, 0 <unfinished ...>".to_owned(),
        "2 <... setresuid resumed>) = -1 EPERM (Operation not permitted)".to_owned(),
        format!("2 lstat(\"{file}\", 0x7) = 0"),
        format!("3 readlink(\"{file}\", \"\", 1) = 0"),
        format!("1 newfstatat(3<{directory}>, \"file\", 0x7) = 0"),
        format!("1 chdir(\"{file}\") = 0"),
        format!("1 chroot(\"{file}\") = 0"),
    ];
    let found = trespasses(&trace.join("\n"));
    std::fs::remove_dir(&place).unwrap();
    assert!(
        matches!(&found[..], [a, b, c] if a.starts_with("chroot") && b.starts_with("newfstatat") && c.starts_with("openat")),
        "{found:?}"
    );
}
