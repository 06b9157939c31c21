/*! What is missing in the directory of a `chroot=`: interpreter, its loader and libraries, Python's own modules, the engine.

The helper has that root directory already, and is the group's user: files are looked up as the group's processes see them; then the interpreter is run, and
loads the engine. *Runs in: helper.* */

use std::ffi::OsStr;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use interpreter::files::open_regular;
use interpreter::run::Manner;
use interpreter::{StartError, interpreter_info};
use protocol::log_code;
use protocol::probe::{INTERPRETER_LIMIT_MS, Request};

/// How an interpreter is run: in this process's group, which is killed by who asked, and with this process's input.
pub const MANNER: Manner = Manner { limit: Duration::from_millis(INTERPRETER_LIMIT_MS), own_group: false, own_input: true };

/// Says what is missing for a group whose interpreter is the first of `candidates` that is there.
pub fn missing(request: &Request, candidates: &[PathBuf]) -> Vec<StartError> {
    let root = Path::new(OsStr::from_bytes(&request.root));
    let engine = Some(Path::new(OsStr::from_bytes(&request.engine))).filter(|engine| !engine.as_os_str().is_empty());
    let mut problems = Vec::new();
    if let Some(engine) = engine.filter(|engine| is_missing(engine)) {
        let hint = format!("copy `{}` to `{}`, again after each update", engine.display(), below(root, engine).display());
        problems.push(incomplete(format!("it does not contain the engine `{}`", engine.display()), &hint));
    }
    let found = candidates.iter().find_map(|candidate| Some((candidate, open_regular(candidate).ok()?)));
    let Some((interpreter, file)) = found else {
        let names: Vec<String> = candidates.iter().map(|path| format!("`{}`", path.display())).collect();
        let cause = format!("it contains no Python: inside the directory, {} not there", names.join(" and "));
        problems
            .push(incomplete(cause, "install a Python below that directory, and set `python=` to its path inside the directory"));
        return problems;
    };
    if let Some(loader) = loader(&file).filter(|loader| is_missing(loader)) {
        let cause = format!("it does not contain the dynamic loader `{}` of `{}`", loader.display(), interpreter.display());
        let hint = format!("copy `{0}` there, and the libraries that `ldd {1}` lists", loader.display(), interpreter.display());
        problems.push(incomplete(cause, &hint));
        return problems;
    }
    let runs = match engine {
        Some(engine) if problems.is_empty() => interpreter_info::load_engine(interpreter, engine, MANNER),
        _ => interpreter_info::ask(interpreter, MANNER).map(drop),
    };
    if let Err(problem) = runs {
        let cause = problem.text().split(". To fix: ").next().unwrap_or_default().to_owned();
        problems.push(incomplete(
            format!("inside the directory, {cause}"),
            "copy the missing files to the same path inside the directory",
        ));
    }
    problems
}

fn is_missing(path: &Path) -> bool {
    std::fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

fn incomplete(cause: String, hint: &str) -> StartError {
    StartError::new(&log_code::JAIL_INCOMPLETE, format!("the directory of `chroot=`: {cause}. To fix: {hint}"))
}

fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
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
    use super::loader;
    use std::fs::File;

    #[test]
    fn a_program_names_its_loader() -> std::io::Result<()> {
        let own = loader(&File::open("/proc/self/exe")?);
        assert!(own.is_none_or(|loader| loader.is_absolute() && loader.exists()));
        assert_eq!(loader(&File::open("/etc/passwd")?), None);
        Ok(())
    }
}
