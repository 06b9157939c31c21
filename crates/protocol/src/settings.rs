/*! What an engine is told when it starts: one record, the same for an Apache child and for a daemon. */

use crate::record::record;

/// `script-user=` or `script-group=` of a daemon group: whom a script, and the directory that it is in, must belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptOwner {
    /// `script-group=`, as opposed to `script-user=`.
    pub is_group: bool,
    /// The number of that user or group; [`ScriptOwner::NOBODY`] if the system has none of that name.
    pub id: u32,
    /// As the configuration names it, for messages.
    pub name: Vec<u8>,
    /// Scripts that may be root's own as well: those that `WSGIImportScript` names, and no URL leads to.
    pub or_roots: Vec<Vec<u8>>,
}

record!(ScriptOwner { is_group, id, name, or_roots });

impl ScriptOwner {
    /// A number that no file's owner has.
    pub const NOBODY: u32 = u32::MAX;
}

/// An application group that the main interpreter may host, chosen by the process that can look at its user's files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MainChoice {
    /// The application group.
    pub group: Vec<u8>,
    /// It is no choice if a directory is here, because the scripts of a directory have a group each; empty for no condition.
    pub unless_directory: Vec<u8>,
}

record!(MainChoice { group, unless_directory });

/// Whether a text is the name of an environment variable that every program understands: letters, digits and `_`, no digit first.
pub fn is_variable_name(name: &[u8]) -> bool {
    name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && name.first().is_some_and(|first| !first.is_ascii_digit())
}

/// Makes the record of the options of `WSGIDaemonProcess` that reach a group's processes as they are written: each field stands once.
macro_rules! group_options {
    ($($(#[$meta:meta])+ $name:ident: $type:ty,)+) => {
        /// Options of `WSGIDaemonProcess` that reach the group's processes as they are written. The parser of the configuration fills it, and the code that obeys an
        /// option reads it; nothing between them names the option.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct GroupOptions { $($(#[$meta])+ pub $name: Option<$type>,)+ }

        record!(GroupOptions { $($name),+ });
    };
}

group_options! {
    /// `umask=`
    umask: u32,
    /// `env=`: `NAME=VALUE` each.
    env: Vec<Vec<u8>>,
    /// `env-file=`: absolute paths.
    env_files: Vec<Vec<u8>>,
}

/// Settings of one Python process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EngineSettings {
    /// The interpreter whose prefix and site-packages are to be used (`<home>/bin/python`); empty for the library's own.
    pub executable: Vec<u8>,
    /// `prefix:exec_prefix` as `PYTHONHOME` takes it, for an installation in two parts; empty otherwise.
    pub home: Vec<u8>,
    /// A directory for the very front of `sys.path` (`home=` of a daemon group); empty for none.
    pub first_path: Vec<u8>,
    /// Python's command line options, as `-O`, `-B`, `-Wignore`, in order.
    pub options: Vec<Vec<u8>>,
    /// Value of `PYTHONHASHSEED` (`random` or a number); empty to leave it alone.
    pub hash_seed: Vec<u8>,
    /// `locale=` of a daemon group, for `setlocale(LC_ALL)`; empty for what Python takes by itself.
    pub locale: Vec<u8>,
    /// Directories for `site.addsitedir`, moved to the front of `sys.path`.
    pub python_path: Vec<Vec<u8>>,
    /// `PYTHON_EGG_CACHE`; empty for none.
    pub python_eggs: Vec<u8>,
    /// `sys.setswitchinterval`, seconds; 0 for Python's own.
    pub switch_interval: f64,
    /// `WSGIRestrictStdin`.
    pub restrict_stdin: bool,
    /// `WSGIRestrictStdout`.
    pub restrict_stdout: bool,
    /// httpd runs as a single process in the foreground (`-X`): `sys.stdout` stays the terminal's.
    pub single_process: bool,
    /// `WSGIRestrictSignal`.
    pub restrict_signal: bool,
    /// `WSGIDestroyInterpreter`: run shutdown callbacks and `atexit` functions at the end.
    pub destroy_interpreter: bool,
    /// `WSGICaseSensitivity`.
    pub case_sensitive: bool,
    /// The process group's name; empty for embedded mode.
    pub process_group: Vec<u8>,
    /// What `WSGIDaemonProcess` says, as it is written.
    pub group_options: GroupOptions,
    /// Whose scripts are loaded; anybody's without it.
    pub script_owner: Option<ScriptOwner>,
    /// The application group that lives in the main interpreter besides `%{GLOBAL}`; empty for none.
    pub main_group: Vec<u8>,
    /// The choices for that in a daemon process, best first; `main_group` is then the first one's name.
    pub main_choices: Vec<MainChoice>,
    /// The largest number of dynamically named interpreters.
    pub max_dynamic_interpreters: u32,
    /// `wsgi.multithread`.
    pub multithread: bool,
    /// `wsgi.multiprocess`.
    pub multiprocess: bool,
    /// `wsgi.run_once`: each process runs one request.
    pub run_once: bool,
    /// `mod_wsgi.maximum_processes`.
    pub maximum_processes: u32,
    /// `mod_wsgi.threads_per_process`.
    pub threads_per_process: u32,
    /// Applications may call `mod_wsgi.server_metrics()`.
    pub server_metrics: bool,
    /// Apache's children take descriptors of files from the group's processes; otherwise files travel as bytes.
    pub descriptors: bool,
    /// `apache.version`.
    pub apache_version: [u32; 3],
    /// `apache.description`.
    pub apache_description: Vec<u8>,
    /// `apache.build_date`.
    pub apache_build_date: Vec<u8>,
    /// `apache.mpm_name`.
    pub mpm_name: Vec<u8>,
    /// `apache.maximum_processes`.
    pub apache_maximum_processes: u32,
    /// `apache.threads_per_process`.
    pub apache_threads_per_process: u32,
}

record!(EngineSettings {
    executable,
    home,
    first_path,
    options,
    hash_seed,
    locale,
    python_path,
    python_eggs,
    switch_interval,
    restrict_stdin,
    restrict_stdout,
    single_process,
    restrict_signal,
    destroy_interpreter,
    case_sensitive,
    process_group,
    group_options,
    script_owner,
    main_group,
    main_choices,
    max_dynamic_interpreters,
    multithread,
    multiprocess,
    run_once,
    maximum_processes,
    threads_per_process,
    server_metrics,
    descriptors,
    apache_version,
    apache_description,
    apache_build_date,
    mpm_name,
    apache_maximum_processes,
    apache_threads_per_process,
});

impl EngineSettings {
    /// A process of a group with `threads=0`: it runs its import scripts on the main thread, and ends with them.
    pub fn is_service(&self) -> bool {
        self.threads_per_process == 0 && !self.process_group.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::EngineSettings;
    use crate::record::Malformed;

    fn sample() -> EngineSettings {
        EngineSettings {
            executable: b"/srv/venv/bin/python".to_vec(),
            options: vec![b"-O".to_vec(), b"-Wignore".to_vec()],
            switch_interval: 0.005,
            restrict_signal: true,
            apache_version: [2, 4, 71],
            max_dynamic_interpreters: 100,
            ..EngineSettings::default()
        }
    }

    #[test]
    fn what_is_encoded_is_read_back() {
        assert_eq!(EngineSettings::decode(&sample().encode()), Ok(sample()));
    }

    #[test]
    fn an_unknown_entry_is_skipped() {
        let mut bytes = sample().encode();
        bytes.extend_from_slice(b"later\0\x02\0\0\0ab");
        assert_eq!(EngineSettings::decode(&bytes), Ok(sample()));
    }

    #[test]
    fn a_cut_inside_an_entry_is_malformed() {
        let bytes = b"hash_seed\0\x02\0\0\x0012";
        assert!(EngineSettings::decode(bytes).is_ok_and(|s| s.hash_seed == b"12"));
        for cut in 1..bytes.len() {
            assert_eq!(EngineSettings::decode(bytes.get(..cut).unwrap_or_default()), Err(Malformed), "cut at {cut}");
        }
        assert_eq!(EngineSettings::decode(b"threads_per_process\0\x01\0\0\0a"), Err(Malformed));
    }
}
