//! The committed corpus, tried on every property: what the fuzzers once found stays found.

use std::path::Path;

#[test]
fn the_corpus_holds_for_every_target() {
    for (name, property) in properties::TARGETS {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let files = std::fs::read_dir(&directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
        let mut tried = 0;
        for file in files {
            let path = file.expect("a directory entry").path();
            let bytes = std::fs::read(&path).expect("a readable file");
            // Every beginning of it is an input too: what arrives stops anywhere.
            for end in (0..bytes.len()).step_by(1 + bytes.len() / 200).chain([bytes.len()]) {
                if std::panic::catch_unwind(|| property(&bytes[..end])).is_err() {
                    panic!("{name}: the first {end} bytes of {}", path.display());
                }
            }
            tried += 1;
        }
        assert!(tried > 5, "{} has {tried} inputs", directory.display());
    }
}
