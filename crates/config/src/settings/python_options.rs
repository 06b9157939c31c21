/*! How the directives of the interpreter are told to Python, the same way in embedded mode and in a daemon. *Runs in: parent, child.* */

use super::{HashSeed, ProcessSettings};

impl ProcessSettings {
    /// Python's command line options.
    pub fn python_options(&self) -> Vec<Vec<u8>> {
        let mut options: Vec<Vec<u8>> = Vec::new();
        match self.optimize {
            0 => {}
            1 => options.push(b"-O".to_vec()),
            _ => options.push(b"-OO".to_vec()),
        }
        if self.dont_write_bytecode {
            options.push(b"-B".to_vec());
        }
        options.extend(self.warnings.iter().map(|warning| [b"-W", &**warning].concat()));
        options
    }

    /// `PYTHONHASHSEED`; empty to leave it alone.
    pub fn python_hash_seed(&self) -> Vec<u8> {
        match self.hash_seed {
            None => Vec::new(),
            Some(HashSeed::Random) => b"random".to_vec(),
            Some(HashSeed::Fixed(seed)) => seed.to_string().into_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HashSeed, ProcessSettings};

    #[test]
    fn directives_become_options() {
        let settings = ProcessSettings {
            optimize: 2,
            dont_write_bytecode: true,
            warnings: vec![b"ignore"[..].into(), b"error::DeprecationWarning"[..].into()],
            hash_seed: Some(HashSeed::Fixed(7)),
            ..ProcessSettings::default()
        };
        assert_eq!(settings.python_options(), [&b"-OO"[..], b"-B", b"-Wignore", b"-Werror::DeprecationWarning"]);
        assert_eq!(settings.python_hash_seed(), b"7");
        assert!(ProcessSettings::default().python_options().is_empty());
        assert!(ProcessSettings::default().python_hash_seed().is_empty());
        let random = ProcessSettings { hash_seed: Some(HashSeed::Random), ..ProcessSettings::default() };
        assert_eq!(random.python_hash_seed(), b"random");
    }
}
