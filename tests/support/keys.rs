/*! Counting the thread-specific keys (`pthread_key_create`) of a server's parent: they are few, nothing shows them from outside, and a
module that leaves one behind at each reload ends the server's life after about a thousand. */

use super::httpd::{Httpd, Plan};
use super::workdir::{Workdir, unique_number};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The count of one server.
#[derive(Debug)]
pub struct Keys {
    file: PathBuf,
}

impl Keys {
    /// Has the server of `plan` counted: a small library is compiled, and loaded into it before everything else.
    pub fn count(workdir: &Workdir, plan: Plan) -> (Self, Plan) {
        let number = unique_number();
        let library = workdir.path().join(format!("keys-{number}.so"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("support/keys.c");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let mut compile = Command::new(compiler);
        compile.args(["-shared", "-fPIC", "-O2", "-Wall", "-o"]).arg(&library).arg(source).arg("-ldl");
        let status = compile.status().unwrap_or_else(|error| panic!("{compile:?}: {error}"));
        assert!(status.success(), "{compile:?} ended with {status}");
        let file = workdir.path().join(format!("keys-{number}.count"));
        let lasting = |path: &Path| -> &'static str { path.display().to_string().leak() };
        let plan = plan.environment("LD_PRELOAD", lasting(&library)).environment("PTHREAD_KEYS_FILE", lasting(&file));
        (Self { file }, plan)
    }

    /// How many keys the parent has now.
    pub fn of(&self, server: &Httpd) -> i64 {
        let bytes = fs::read(&self.file).unwrap_or_else(|error| panic!("nobody counts the keys: {error}"));
        let number = |at: usize| i64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        assert_eq!(number(8), i64::from(server.pid()), "the keys of another process are counted");
        assert!(number(0) > 0, "the counter's own key is missing");
        number(0)
    }
}
