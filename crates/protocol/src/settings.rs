/*! What an engine is told when it starts: one value, encoded the same way for an Apache child and for a daemon.

The encoding is a list of `name NUL u32-length value` entries, so that a field can be added without breaking a peer:
an unknown name is skipped, a missing one keeps its default. */

/// Settings of one Python process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EngineSettings {
    /// The interpreter whose prefix and site-packages are to be used (`<home>/bin/python`); empty for the library's own.
    pub executable: Vec<u8>,
    /// Python's command line options, as `-O`, `-B`, `-Wignore`, in order.
    pub options: Vec<Vec<u8>>,
    /// Value of `PYTHONHASHSEED` (`random` or a number); empty to leave it alone.
    pub hash_seed: Vec<u8>,
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
    /// The application group that lives in the main interpreter besides `%{GLOBAL}`; empty for none.
    pub main_group: Vec<u8>,
    /// The largest number of dynamically named interpreters.
    pub max_dynamic_interpreters: u32,
    /// `wsgi.multithread`.
    pub multithread: bool,
    /// `wsgi.multiprocess`.
    pub multiprocess: bool,
    /// `mod_wsgi.maximum_processes`.
    pub maximum_processes: u32,
    /// `mod_wsgi.threads_per_process`.
    pub threads_per_process: u32,
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

/// Why encoded settings could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the engine's settings are malformed: the module and the engine are of different builds")
    }
}

impl std::error::Error for Malformed {}

trait Field {
    fn put(&self, name: &str, out: &mut Vec<u8>);
    fn take(&mut self, value: &[u8]) -> Result<(), Malformed>;
}

fn entry(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.push(0);
    out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(value);
}

impl Field for Vec<u8> {
    fn put(&self, name: &str, out: &mut Vec<u8>) {
        entry(name, self, out);
    }
    fn take(&mut self, value: &[u8]) -> Result<(), Malformed> {
        *self = value.to_vec();
        Ok(())
    }
}

impl Field for Vec<Vec<u8>> {
    fn put(&self, name: &str, out: &mut Vec<u8>) {
        for item in self {
            entry(name, item, out);
        }
    }
    fn take(&mut self, value: &[u8]) -> Result<(), Malformed> {
        self.push(value.to_vec());
        Ok(())
    }
}

impl Field for bool {
    fn put(&self, name: &str, out: &mut Vec<u8>) {
        entry(name, &[u8::from(*self)], out);
    }
    fn take(&mut self, value: &[u8]) -> Result<(), Malformed> {
        *self = match value {
            [0] => false,
            [1] => true,
            _ => return Err(Malformed),
        };
        Ok(())
    }
}

impl Field for u32 {
    fn put(&self, name: &str, out: &mut Vec<u8>) {
        entry(name, &self.to_le_bytes(), out);
    }
    fn take(&mut self, value: &[u8]) -> Result<(), Malformed> {
        *self = Self::from_le_bytes(value.try_into().map_err(|_| Malformed)?);
        Ok(())
    }
}

impl Field for f64 {
    fn put(&self, name: &str, out: &mut Vec<u8>) {
        entry(name, &self.to_le_bytes(), out);
    }
    fn take(&mut self, value: &[u8]) -> Result<(), Malformed> {
        *self = Self::from_le_bytes(value.try_into().map_err(|_| Malformed)?);
        Ok(())
    }
}

impl Field for [u32; 3] {
    fn put(&self, name: &str, out: &mut Vec<u8>) {
        let bytes: Vec<u8> = self.iter().flat_map(|n| n.to_le_bytes()).collect();
        entry(name, &bytes, out);
    }
    fn take(&mut self, value: &[u8]) -> Result<(), Malformed> {
        let (parts, rest) = value.as_chunks::<4>();
        match (parts, rest) {
            ([a, b, c], []) => *self = [u32::from_le_bytes(*a), u32::from_le_bytes(*b), u32::from_le_bytes(*c)],
            _ => return Err(Malformed),
        }
        Ok(())
    }
}

macro_rules! fields {
    ($($name:ident),+ $(,)?) => {
        impl EngineSettings {
            /// The bytes that [`EngineSettings::decode`] reads.
            pub fn encode(&self) -> Vec<u8> {
                let mut out = Vec::with_capacity(1024);
                $(self.$name.put(stringify!($name), &mut out);)+
                out
            }

            fn set(&mut self, name: &[u8], value: &[u8]) -> Result<(), Malformed> {
                $(if name == stringify!($name).as_bytes() { return self.$name.take(value); })+
                Ok(())
            }
        }
    };
}

fields!(
    executable, options, hash_seed, python_path, python_eggs, switch_interval, restrict_stdin, restrict_stdout, single_process,
    restrict_signal, destroy_interpreter, case_sensitive, process_group, main_group, max_dynamic_interpreters,
    multithread, multiprocess, maximum_processes, threads_per_process, apache_version, apache_description,
    apache_build_date, mpm_name, apache_maximum_processes, apache_threads_per_process,
);

impl EngineSettings {
    /// Reads what [`EngineSettings::encode`] wrote.
    ///
    /// # Errors
    /// [`Malformed`] when an entry is cut short or a value has the wrong size.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, Malformed> {
        let mut settings = Self::default();
        while !bytes.is_empty() {
            let end = bytes.iter().position(|b| *b == 0).ok_or(Malformed)?;
            let (name, rest) = bytes.split_at_checked(end).ok_or(Malformed)?;
            let (length, rest) = rest.get(1..).and_then(|r| r.split_first_chunk::<4>()).ok_or(Malformed)?;
            let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Malformed)?;
            let (value, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
            settings.set(name, value)?;
            bytes = rest;
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::{EngineSettings, Malformed};

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
