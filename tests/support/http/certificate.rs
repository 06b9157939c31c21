/*! A certificate for `localhost`, made when the first server with TLS needs it, valid for the run. */

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The certificate's file in `directory`; its key lies beside it with `.key` added.
pub fn localhost(directory: &Path) -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let file = directory.join("localhost.pem");
        let output = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .arg("-out")
            .arg(&file)
            .arg("-keyout")
            .arg(file.with_extension("pem.key"))
            .output()
            .expect("openssl should be installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        file
    })
}
