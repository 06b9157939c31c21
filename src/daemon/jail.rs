/*! What is missing in the directory of a `chroot=`: interpreter, its loader and libraries, Python's own modules, the engine.

Files are looked up as a process in the jail sees them; then the interpreter is run in it, as the group's user, and loads the engine.
*Runs in: parent (configtest).* */

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use protocol::log_code;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::embedded::helper::{Confinement, Identity};
use crate::embedded::{Problem, companion, facts};

/// Says what is missing below `root` for a group whose interpreter is the first of `candidates` that is there.
pub fn missing(root: &Path, candidates: &[PathBuf], who: &Identity) -> Vec<Problem> {
    let Ok(jail) = File::open(root) else {
        return vec![incomplete(format!("`{}` does not exist", root.display()), "make the directory, or correct the path")];
    };
    let mut problems = Vec::new();
    let engine = companion::engine();
    if let Ok(engine) = &engine
        && let Err(Errno::NOENT) = open(&jail, engine)
    {
        let hint = format!("copy `{}` to `{}`, again after each update", engine.display(), below(root, engine).display());
        problems.push(incomplete(format!("the engine `{}` is not in it", engine.display()), &hint));
    }
    let found = candidates.iter().find_map(|candidate| Some((candidate, open(&jail, candidate).ok()?)));
    let Some((interpreter, file)) = found else {
        let names: Vec<String> = candidates.iter().map(|path| format!("`{}`", path.display())).collect();
        let cause = format!("it has no Python: {} not there, seen from inside", names.join(" and "));
        problems
            .push(incomplete(cause, "install a Python below that directory, and name it with `python=` as it is called inside"));
        return problems;
    };
    if let Some(loader) = loader(&file)
        && let Err(Errno::NOENT) = open(&jail, &loader)
    {
        let cause = format!("the program loader `{}` of `{}` is not in it", loader.display(), interpreter.display());
        let hint = format!("copy `{0}` there, and the libraries that `ldd {1}` lists", loader.display(), interpreter.display());
        problems.push(incomplete(cause, &hint));
        return problems;
    }
    let confinement = Confinement { identity: Some(who), root: Some(root) };
    let runs = match &engine {
        Ok(engine) if problems.is_empty() => facts::load_engine(interpreter, engine, confinement),
        _ => facts::ask(interpreter, confinement).map(drop),
    };
    if let Err(problem) = runs {
        let cause = problem.text().split(" (hint: ").next().unwrap_or_default().to_owned();
        problems.push(incomplete(format!("run in it, {cause}"), "put what the line names into the directory, at the same path"));
    }
    problems
}

fn incomplete(cause: String, hint: &str) -> Problem {
    Problem::new(&log_code::JAIL_INCOMPLETE, format!("the directory of `chroot=`: {cause} (hint: {hint})"))
}

fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Opens a file as a process whose root directory is `jail` would, links and all. A kernel before 5.6 cannot.
fn open(jail: &File, path: &Path) -> Result<File, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    rustix::fs::openat2(jail, path, flags, Mode::empty(), ResolveFlags::IN_ROOT).map(File::from)
}

/// The loader that an ELF program names (`PT_INTERP`); `None` for a static one, and for what is no 64-bit program of this machine's byte order.
fn loader(file: &File) -> Option<PathBuf> {
    const INTERP: u32 = 3;
    let mut head = [0; 64];
    file.read_exact_at(&mut head, 0).ok()?;
    let native = if cfg!(target_endian = "little") { 1 } else { 2 };
    if !head.starts_with(b"\x7fELF") || head.get(4) != Some(&2) || head.get(5) != Some(&native) {
        return None;
    }
    let start = u64::from_ne_bytes(*head.get(32..)?.first_chunk()?);
    let (size, count) =
        (u16::from_ne_bytes(*head.get(54..)?.first_chunk()?), u16::from_ne_bytes(*head.get(56..)?.first_chunk()?));
    for number in 0..u64::from(count) {
        let mut segment = [0; 56];
        file.read_exact_at(&mut segment, start.checked_add(number.checked_mul(size.into())?)?).ok()?;
        if u32::from_ne_bytes(*segment.first_chunk()?) == INTERP {
            let offset = u64::from_ne_bytes(*segment.get(8..)?.first_chunk()?);
            let length = u64::from_ne_bytes(*segment.get(32..)?.first_chunk()?).min(4096);
            let mut text = vec![0; usize::try_from(length).ok()?];
            file.read_exact_at(&mut text, offset).ok()?;
            let text = text.split(|byte| *byte == 0).next()?;
            return Some(PathBuf::from(std::str::from_utf8(text).ok()?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{loader, open};
    use std::fs::File;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    #[test]
    fn a_program_names_its_loader() {
        let own = loader(&File::open("/proc/self/exe").unwrap());
        assert!(own.is_none_or(|loader| loader.is_absolute() && loader.exists()));
        assert_eq!(loader(&File::open("/etc/passwd").unwrap()), None);
    }

    #[test]
    fn links_lead_nowhere_out_of_the_jail() {
        let root = std::env::temp_dir().join(format!("jail-{}", std::process::id()));
        std::fs::create_dir_all(root.join("usr/bin")).unwrap();
        std::fs::write(root.join("usr/bin/python3.11"), "").unwrap();
        symlink("/usr/bin/python3.11", root.join("usr/bin/python3")).unwrap();
        symlink("/etc/passwd", root.join("usr/bin/out")).unwrap();
        let jail = File::open(&root).unwrap();
        assert!(open(&jail, Path::new("/usr/bin/python3")).is_ok());
        assert!(open(&jail, Path::new("/usr/bin/out")).is_err());
        std::fs::remove_dir_all(root).unwrap();
    }
}
