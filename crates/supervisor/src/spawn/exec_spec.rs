/*! All that a daemon process needs before it is Python, worked out and allocated while there is still only one process: after the fork nothing
may be allocated. *Runs in: supervisor.* */

use std::collections::BTreeMap;
use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStrExt;

use protocol::plan::{Group, Identity, Interpreter, Plan};

/// Python code that imports the engine and hands over to it.
const BOOTSTRAP: &str = include_str!("bootstrap.py");
/// Versions that a home is searched for, newest first.
pub const MINORS: std::ops::RangeInclusive<u32> = 9..=30;
/// Descriptors and addresses that are meant for httpd itself, or would mislead Python.
const NOT_INHERITED: [&[u8]; 2] = [b"NOTIFY_SOCKET", b"PYTHONHOME"];
const NOT_INHERITED_PREFIXES: [&[u8]; 2] = [b"LISTEN_", b"WATCHDOG_"];

/// An executable to try.
#[derive(Debug)]
pub struct Candidate {
    /// Its path.
    pub path: CString,
    /// It counts only if one of these directories is there; empty: no condition.
    pub libraries: Vec<CString>,
    /// The arguments.
    pub arguments: Vec<CString>,
    /// Why this one, for the log.
    pub because: String,
}

/// Who to become.
#[derive(Debug)]
pub struct Drop {
    /// User id, never 0.
    pub uid: u32,
    /// Group id, never 0.
    pub gid: u32,
    /// Supplementary groups, sorted, each once, 0 not among them.
    pub groups: Vec<u32>,
}

impl Drop {
    /// Who the plan says.
    ///
    /// # Errors
    /// The user or group is root. No process of a group runs as root, whatever the plan says.
    fn new(identity: &Identity) -> Result<Self, String> {
        let mut groups = identity.groups.clone();
        groups.sort_unstable();
        groups.dedup();
        if identity.uid == 0 || identity.gid == 0 || groups.contains(&0) {
            return Err("it would run as root, or with the group of root. To fix: set `user=`, `group=` and `supplementary-groups=` to unprivileged ones".to_owned());
        }
        Ok(Self { uid: identity.uid, gid: identity.gid, groups })
    }
}

/// A resource limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Which.
    pub what: Resource,
    /// Where a warning comes (CPU) or calls fail.
    pub soft: u64,
    /// What the process can't raise the soft one above.
    pub hard: u64,
}

/// Resources that a group can limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// `memory-limit`
    Data,
    /// `virtual-memory-limit`
    AddressSpace,
    /// `cpu-time-limit`
    Cpu,
}

/// A group's processes before they are Python.
#[derive(Debug)]
pub struct ExecSpec {
    /// What to execute, best first.
    pub candidates: Vec<Candidate>,
    /// The environment, without that of the next two.
    pub environment: Vec<CString>,
    /// `env=`: these take the place of others of the same name.
    pub group_environment: Vec<CString>,
    /// `env-file=`
    pub env_files: Vec<CString>,
    /// Who to become, if httpd runs as root.
    pub identity: Option<Drop>,
    /// File mode mask.
    pub umask: Option<u32>,
    /// Root directory.
    pub chroot: Option<CString>,
    /// Working directory.
    pub directory: Option<CString>,
    /// Nice value, if not 0.
    pub priority: Option<i32>,
    /// Resource limits.
    pub limits: Vec<Limit>,
    /// `no-new-privileges`
    pub no_new_privileges: bool,
}

impl ExecSpec {
    /// The spec for a group, given the supervisor's own environment.
    ///
    /// # Errors
    /// What holds a NUL byte, which no argument, path or environment entry can.
    pub fn new(plan: &Plan, group: &Group, inherited: impl Iterator<Item = (OsString, OsString)>) -> Result<Self, String> {
        let own: Vec<(OsString, OsString)> = inherited.collect();
        // Programs are found as httpd finds them, also for processes that get another `PATH` or none.
        let path = own.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.as_bytes().to_vec()).unwrap_or_default();
        let environment = environment(group, own.into_iter());
        let candidates = candidates(group, &plan.engine, &path)?;
        let entries = environment.iter().map(|(name, value)| [name, b"=".as_slice(), value].concat());
        let text = |what: &str, bytes: &[u8]| if bytes.is_empty() { Ok(None) } else { c_string(what, bytes.to_vec()).map(Some) };
        Ok(Self {
            candidates,
            environment: entries.map(|entry| c_string("an environment variable", entry)).collect::<Result<_, _>>()?,
            group_environment: group_environment(group)
                .into_iter()
                .map(|entry| c_string("a variable of `env=`", entry))
                .collect::<Result<_, _>>()?,
            env_files: of_options(&group.engine.group_options.env_files)
                .map(|path| c_string("the path of `env-file=`", path.clone()))
                .collect::<Result<_, _>>()?,
            identity: plan.privileged.then(|| Drop::new(&group.identity)).transpose()?,
            umask: group.engine.group_options.umask,
            chroot: text("chroot", &group.chroot)?,
            directory: text("home", &group.directory)?,
            priority: (group.priority != 0).then_some(group.priority),
            limits: limits(group),
            no_new_privileges: group.no_new_privileges,
        })
    }
}

fn of_options(values: &Option<Vec<Vec<u8>>>) -> impl Iterator<Item = &Vec<u8>> {
    values.iter().flatten()
}

/// The variables of `env=`. Of two with the same name the later one counts.
fn group_environment(group: &Group) -> Vec<Vec<u8>> {
    let name = |entry: &[u8]| entry.split(|byte| *byte == b'=').next().unwrap_or_default().to_vec();
    let all: BTreeMap<Vec<u8>, &Vec<u8>> =
        of_options(&group.engine.group_options.env).map(|entry| (name(entry), entry)).collect();
    all.into_values().cloned().collect()
}

fn c_string(what: &str, bytes: Vec<u8>) -> Result<CString, String> {
    CString::new(bytes).map_err(|e| format!("{what} contains a NUL byte: `{}`", String::from_utf8_lossy(&e.into_vec())))
}

fn limits(group: &Group) -> Vec<Limit> {
    let cpu_hard = group.cpu_time_limit.saturating_add(1).saturating_add(group.shutdown_timeout.div_ceil(1_000));
    [
        Limit { what: Resource::Data, soft: group.memory_limit, hard: group.memory_limit },
        Limit { what: Resource::AddressSpace, soft: group.virtual_memory_limit, hard: group.virtual_memory_limit },
        Limit { what: Resource::Cpu, soft: group.cpu_time_limit, hard: cpu_hard },
    ]
    .into_iter()
    .filter(|limit| limit.soft > 0)
    .collect()
}

/// Whether a pattern stands for a name: `*` in it for any characters, the others for themselves.
fn stands_for(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|at| name.get(at..).is_some_and(|name| stands_for(rest, name))),
        Some((first, rest)) => name.split_first().is_some_and(|(same, name)| same == first && stands_for(rest, name)),
    }
}

/// What the group gets of httpd's environment less what is not meant for an application, plus what the configuration and the user's entry say.
fn environment(group: &Group, inherited: impl Iterator<Item = (OsString, OsString)>) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut all: BTreeMap<Vec<u8>, Vec<u8>> =
        inherited.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
    all.retain(|name, _| {
        group.inherited_environment.iter().any(|pattern| stands_for(pattern, name))
            && !NOT_INHERITED.contains(&name.as_slice())
            && !NOT_INHERITED_PREFIXES.iter().any(|p| name.starts_with(p))
    });
    if !group.identity.home.is_empty() {
        all.insert(b"HOME".to_vec(), group.identity.home.clone());
    }
    for name in [b"USER".as_slice(), b"USERNAME", b"LOGNAME"] {
        if let Some(value) = all.get_mut(name)
            && !group.identity.name.is_empty()
        {
            value.clone_from(&group.identity.name);
        }
    }
    // Python reads its hash seed before any code of ours runs, so it must stand here.
    for (name, value) in
        [(b"PYTHONHASHSEED".as_slice(), &group.engine.hash_seed), (b"PYTHON_EGG_CACHE", &group.engine.python_eggs)]
    {
        if !value.is_empty() {
            all.insert(name.to_vec(), value.clone());
        }
    }
    for entry in &group.environment {
        let mut parts = entry.splitn(2, |b| *b == b'=');
        if let (Some(name), Some(value)) = (parts.next().filter(|name| !name.is_empty()), parts.next()) {
            all.insert(name.to_vec(), value.to_vec());
        }
    }
    all
}

fn candidates(group: &Group, engine: &[u8], path: &[u8]) -> Result<Vec<Candidate>, String> {
    let mut found = Vec::new();
    for interpreter in &group.interpreters {
        for (executable, libraries) in executables(interpreter, path) {
            let mut arguments = vec![executable.clone()];
            arguments.extend(group.engine.options.iter().cloned());
            arguments.extend([b"-c".to_vec(), BOOTSTRAP.as_bytes().to_vec(), engine.to_vec()]);
            if !group.display_name.is_empty() {
                // Room for a name that is longer than all that stands before it.
                arguments.push(vec![b' '; group.display_name.len()]);
            }
            found.push(Candidate {
                path: c_string("a Python's path", executable)?,
                libraries: libraries.into_iter().map(|l| c_string("a Python's path", l)).collect::<Result<_, _>>()?,
                arguments: arguments.into_iter().map(|a| c_string("an argument", a)).collect::<Result<_, _>>()?,
                because: String::from_utf8_lossy(&interpreter.because).into_owned(),
            });
        }
    }
    Ok(found)
}

/// The executables that an entry stands for, with the directories of which one must be there.
fn executables(interpreter: &Interpreter, path: &[u8]) -> Vec<(Vec<u8>, Vec<Vec<u8>>)> {
    let join = |directory: &[u8], name: &str| [directory, b"/", name.as_bytes()].concat();
    if interpreter.home {
        // `prefix:exec_prefix`: executables belong to the second.
        let mut parts = interpreter.path.splitn(2, |b| *b == b':');
        let prefix = parts.next().unwrap_or_default();
        let home = parts.next().unwrap_or(prefix);
        let mut all = vec![(join(home, "bin/python"), Vec::new()), (join(home, "bin/python3"), Vec::new())];
        for minor in MINORS.rev() {
            let libraries = ["lib", "lib64"].map(|lib| join(prefix, &format!("{lib}/python3.{minor}")));
            all.push((join(home, &format!("bin/python3.{minor}")), libraries.to_vec()));
        }
        return all;
    }
    if interpreter.path.contains(&b'/') {
        return vec![(interpreter.path.clone(), Vec::new())];
    }
    let directories = path.split(|b| *b == b':').filter(|directory| directory.starts_with(b"/"));
    directories.map(|directory| (join(directory, &String::from_utf8_lossy(&interpreter.path)), Vec::new())).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that meets what it does not expect is to fail")]

    use super::{ExecSpec, Resource};
    use protocol::plan::{Group, Identity, Interpreter, Plan};
    use std::ffi::OsString;

    fn spec(group: &Group, environment: &[(&str, &str)]) -> ExecSpec {
        let plan = Plan { engine: b"/lib/engine.so".to_vec(), ..Plan::default() };
        ExecSpec::new(&plan, group, environment.iter().map(|(n, v)| (OsString::from(n), OsString::from(v)))).unwrap()
    }

    fn interpreter(path: &str, home: bool) -> Interpreter {
        Interpreter { path: path.into(), home, because: b"python-home=".to_vec() }
    }

    fn entries(spec: &ExecSpec) -> Vec<String> {
        spec.environment.iter().map(|e| e.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn an_application_gets_httpds_environment_but_not_its_sockets() {
        let group = Group {
            identity: Identity { name: b"shop".to_vec(), home: b"/home/shop".to_vec(), ..Identity::default() },
            environment: vec![b"LANG=C.UTF-8".to_vec(), b"A=b=c".to_vec(), b"junk".to_vec()],
            inherited_environment: vec![b"*".to_vec()],
            ..Group::default()
        };
        let inherited = [
            ("LISTEN_FDS", "1"),
            ("NOTIFY_SOCKET", "/n"),
            ("WATCHDOG_USEC", "1"),
            ("PYTHONHOME", "/p"),
            ("USER", "root"),
            ("LANG", "de"),
            ("X", "y"),
        ];
        assert_eq!(entries(&spec(&group, &inherited)), ["A=b=c", "HOME=/home/shop", "LANG=C.UTF-8", "USER=shop", "X=y"]);
    }

    #[test]
    fn of_httpds_environment_an_application_gets_what_is_named() {
        let found = |patterns: &[&str]| {
            let group =
                Group { inherited_environment: patterns.iter().map(|p| p.as_bytes().to_vec()).collect(), ..Group::default() };
            let inherited =
                [("LC_ALL", "C"), ("LC", "x"), ("SECRET", "s"), ("TZ", "UTC"), ("NOTIFY_SOCKET", "/n"), ("LISTEN_FDS", "1")];
            entries(&spec(&group, &inherited)).join(" ")
        };
        assert_eq!(found(&[]), "");
        assert_eq!(found(&["TZ", "LC_*"]), "LC_ALL=C TZ=UTC");
        assert_eq!(found(&["S*T", "*Z", "SECRE", "L*C*L"]), "LC_ALL=C SECRET=s TZ=UTC");
        assert_eq!(found(&["*"]), "LC=x LC_ALL=C SECRET=s TZ=UTC");
    }

    #[test]
    fn root_and_the_group_of_root_are_refused_whatever_the_plan_says() {
        let plan = Plan { privileged: true, ..Plan::default() };
        let new = |uid, gid, groups: &[u32]| {
            let identity = Identity { uid, gid, groups: groups.to_vec(), ..Identity::default() };
            ExecSpec::new(&plan, &Group { identity, ..Group::default() }, std::iter::empty())
        };
        assert_eq!(new(7, 8, &[9, 8, 9]).unwrap().identity.unwrap().groups, [8, 9]);
        for (uid, gid, groups) in [(0, 8, &[8][..]), (7, 0, &[8]), (7, 8, &[8, 0]), (0, 0, &[])] {
            assert!(new(uid, gid, groups).is_err_and(|why| why.contains("root")), "{uid} {gid} {groups:?}");
        }
    }

    #[test]
    fn a_home_is_searched_as_decided() {
        let group =
            Group { interpreters: vec![interpreter("/v:/x", true)], display_name: b"(wsgi:shop)".to_vec(), ..Group::default() };
        let spec = spec(&group, &[]);
        let paths: Vec<_> = spec.candidates.iter().map(|c| c.path.to_str().unwrap()).collect();
        assert_eq!(paths[..3], ["/x/bin/python", "/x/bin/python3", "/x/bin/python3.30"]);
        assert_eq!(paths.last(), Some(&"/x/bin/python3.9"));
        assert_eq!(spec.candidates[2].libraries[0].to_str(), Ok("/v/lib/python3.30"));
        let arguments = &spec.candidates[0].arguments;
        assert_eq!(arguments[0].to_str(), Ok("/x/bin/python"));
        assert_eq!(arguments[3].to_str(), Ok("/lib/engine.so"));
        assert_eq!(arguments[4].as_bytes().len(), "(wsgi:shop)".len());
    }

    #[test]
    fn a_bare_name_is_looked_for_in_absolute_directories_alone() {
        let group = Group { interpreters: vec![interpreter("python3", false)], ..Group::default() };
        let spec = spec(&group, &[("PATH", ".:/a::/b:bin")]);
        let paths: Vec<_> = spec.candidates.iter().map(|c| c.path.to_str().unwrap()).collect();
        assert_eq!(paths, ["/a/python3", "/b/python3"]);
    }

    #[test]
    fn the_processor_time_leaves_room_to_drain() {
        let group = Group { cpu_time_limit: 10, shutdown_timeout: 4_500, memory_limit: 7, ..Group::default() };
        let limits: Vec<_> = spec(&group, &[]).limits.iter().map(|l| (l.what, l.soft, l.hard)).collect();
        assert_eq!(limits, [(Resource::Data, 7, 7), (Resource::Cpu, 10, 16)]);
    }

    #[test]
    fn a_nul_byte_is_named() {
        let group = Group { directory: b"/a\0b".to_vec(), ..Group::default() };
        assert!(ExecSpec::new(&Plan::default(), &group, std::iter::empty()).is_err_and(|e| e.contains("home")));
    }
}
