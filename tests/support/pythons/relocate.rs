/*! Copying a Python to another directory, so that it runs there.

CPython finds its library from the place of its executable, so the files can simply be copied. What cannot is the dynamic linker's
way to libpython: a pyenv build names `<old prefix>/lib` in its run path. That text is replaced in place by the shorter
`$ORIGIN/../lib`, which is right for everything in `bin` and `lib`. What `sysconfig` says (`LIBDIR`) stays that of the old place,
as it does for anybody who moves a Python: a module that looks for libpython must not rely on it alone. */

use super::cache;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

/// A copy of the Python in `prefix`, in the cache. A changed original gives a new copy.
pub fn copy(prefix: &Path, version: &str) -> Result<PathBuf, String> {
    let original = prefix.join(format!("bin/python{version}"));
    let changed = fs::metadata(&original).map_err(|e| format!("{}: {e}", original.display()))?.mtime();
    cache::entry(&format!("python-{version}-{changed}"), |target| {
        copy_tree(prefix, target).map_err(|e| format!("{}: {e}", prefix.display()))?;
        for directory in ["bin", "lib"] {
            for entry in fs::read_dir(target.join(directory)).map_err(|e| e.to_string())? {
                point_home(&entry.map_err(|e| e.to_string())?.path(), prefix).map_err(|e| e.to_string())?;
            }
        }
        Ok(())
    })
}

/// Everything but the test suite of Python, static libraries and caches.
fn copy_tree(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    crate::support::workdir::readable(to);
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else if kind.is_dir() {
            if !["test", "tests", "__pycache__", "idlelib", "site-packages"].iter().any(|name| entry.file_name() == *name) {
                copy_tree(&source, &target)?;
            }
        } else if source.extension().is_none_or(|extension| extension != "a") {
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}

/// Replaces `<prefix>/lib` as a whole C string by `$ORIGIN/../lib`, padded with NUL.
fn point_home(file: &Path, prefix: &Path) -> std::io::Result<()> {
    const HOME: &[u8] = b"$ORIGIN/../lib";
    if !file.is_file() || file.is_symlink() {
        return Ok(());
    }
    let mut image = fs::read(file)?;
    let mut old = prefix.join("lib").into_os_string().into_encoded_bytes();
    old.push(0);
    if !image.starts_with(b"\x7fELF") || old.len() <= HOME.len() {
        return Ok(());
    }
    let places: Vec<usize> =
        image.windows(old.len()).enumerate().filter(|(_, window)| *window == old).map(|(at, _)| at).collect();
    for at in &places {
        let text = &mut image[*at..*at + old.len()];
        text.fill(0);
        text[..HOME.len()].copy_from_slice(HOME);
    }
    if places.is_empty() { Ok(()) } else { fs::write(file, image) }
}
