/*! The Apache of this machine: its program, its modules, which MPMs it has, and the user that serves. */

use std::path::{Path, PathBuf};
use std::process::Command;

/// A multi-processing module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mpm {
    /// Threads and an event loop: what everybody should run.
    Event,
    /// Threads.
    Worker,
    /// Processes of one thread.
    Prefork,
}

impl Mpm {
    /// All of them, the most important first.
    pub const ALL: [Self; 3] = [Self::Event, Self::Worker, Self::Prefork];

    /// The name in the module's file name and in trial names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Worker => "worker",
            Self::Prefork => "prefork",
        }
    }

    /// Does one process run several requests at once?
    pub const fn threaded(self) -> bool {
        !matches!(self, Self::Prefork)
    }
}

/// Where this machine's Apache is.
#[derive(Debug)]
pub struct Installation {
    /// `apache2` or `httpd`.
    pub program: PathBuf,
    /// The directory of `mod_*.so`.
    pub modules: PathBuf,
    /// Names of modules that are compiled in, as `mod_so`.
    built_in: Vec<String>,
}

impl Installation {
    /// Asks `apxs`, and looks in the usual places when there is none.
    pub fn find() -> Result<Self, String> {
        let program = query("SBINDIR")
            .zip(query("PROGNAME"))
            .map(|(directory, name)| Path::new(&directory).join(name))
            .filter(|path| path.exists())
            .or_else(|| usual(&["/usr/sbin/apache2", "/usr/sbin/httpd", "/usr/local/apache2/bin/httpd"]))
            .ok_or("no Apache was found: install apache2-bin and apache2-dev (Debian) or httpd and httpd-devel (Fedora)")?;
        let modules = query("LIBEXECDIR")
            .map(PathBuf::from)
            .filter(|path| path.exists())
            .or_else(|| usual(&["/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/local/apache2/modules"]))
            .ok_or("Apache's modules directory was not found: install apache2-dev (Debian) or httpd-devel (Fedora)")?;
        let list = Command::new(&program).arg("-l").output().map_err(|e| format!("{}: {e}", program.display()))?;
        let built_in = String::from_utf8_lossy(&list.stdout)
            .lines()
            .filter_map(|line| line.trim().strip_suffix(".c").map(str::to_owned))
            .collect();
        Ok(Self { program, modules, built_in })
    }

    /// `LoadModule` lines for `names` (as `alias`), without those that are compiled in.
    pub fn load_lines(&self, names: &[&str]) -> String {
        names
            .iter()
            .filter(|name| !self.built_in.iter().any(|have| have == &format!("mod_{name}")))
            .map(|name| format!("LoadModule {name}_module \"{}\"\n", self.file(name).display()))
            .collect()
    }

    /// Is there such a module, compiled in or as a file?
    pub fn has(&self, name: &str) -> bool {
        self.file(name).exists() || self.built_in.iter().any(|have| have == &format!("mod_{name}"))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.modules.join(format!("mod_{name}.so"))
    }
}

/// The user and group that httpd's children become when the suites run as root.
pub fn server_user() -> Option<(&'static str, u32, &'static str, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    ["www-data", "apache", "nobody"].iter().find_map(|name| {
        let (uid, gid) =
            account("/etc/passwd", name, |fields| Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?)))?;
        let group = group_name(gid)?;
        Some((*name, uid, group, gid))
    })
}

fn account<T>(file: &str, name: &str, take: impl Fn(&[&str]) -> Option<T>) -> Option<T> {
    let text = std::fs::read_to_string(file).ok()?;
    text.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == name).and_then(|f| take(&f))
}

fn group_name(gid: u32) -> Option<&'static str> {
    let text = std::fs::read_to_string("/etc/group").ok()?;
    let name = text.lines().find(|line| line.split(':').nth(2) == Some(&gid.to_string()))?.split(':').next()?.to_owned();
    Some(name.leak())
}

fn query(name: &str) -> Option<String> {
    let apxs = std::env::var_os("APXS").unwrap_or_else(|| "apxs".into());
    let output = Command::new(apxs).args(["-q", name]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

fn usual(paths: &[&str]) -> Option<PathBuf> {
    paths.iter().map(PathBuf::from).find(|path| path.exists())
}
