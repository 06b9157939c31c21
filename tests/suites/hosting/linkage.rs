/*! What the built files need and what they export, as the dynamic linker sees it. */

use crate::suite;
use crate::support::matrix::{Reach, Setup, Suite};
use registration::trial;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const THEIRS: &str = "it is linked to libpython";

/// The suite.
pub fn suite() -> Suite {
    suite!("linkage").reach(Reach::Once)
}

fn output(program: &str, arguments: &[&str], file: &Path) -> String {
    let output = Command::new(program).args(arguments).arg(file).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Names of dynamic symbols: `--defined-only` or `--undefined-only`.
fn symbols(file: &Path, which: &str) -> BTreeSet<String> {
    let text = output("nm", &["-D", which], file);
    text.lines()
        .filter_map(|line| line.split_whitespace().last())
        .map(|name| name.split('@').next().unwrap().to_owned())
        .collect()
}

fn needed(file: &Path) -> Vec<String> {
    let text = output("readelf", &["-d"], file);
    text.lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|l| Some(l.split('[').nth(1)?.split(']').next()?.to_owned()))
        .collect()
}

fn of_python(name: &str) -> bool {
    name.starts_with("Py") || name.starts_with("_Py")
}

fn of_apache(name: &str) -> bool {
    name.starts_with("ap_") || name.starts_with("apr_")
}

#[trial(differs(THEIRS))]
fn the_module_exports_its_record_alone(setup: &Setup) {
    assert_eq!(symbols(&setup.module.file, "--defined-only"), BTreeSet::from(["wsgi_module".to_owned()]));
}

#[trial(differs(THEIRS))]
fn the_module_needs_no_python(setup: &Setup) {
    let undefined = symbols(&setup.module.file, "--undefined-only");
    assert!(undefined.iter().any(|name| of_apache(name)), "the check itself works");
    assert_eq!(undefined.iter().filter(|name| of_python(name)).collect::<Vec<_>>(), Vec::<&String>::new());
    let libraries = needed(&setup.module.file);
    assert!(!libraries.iter().any(|library| library.contains("python")), "{libraries:?}");
}

#[trial(differs(THEIRS))]
fn the_engine_needs_no_libpython_and_no_apache(setup: &Setup) {
    let undefined = symbols(&setup.module.engine(), "--undefined-only");
    assert!(undefined.iter().any(|name| of_python(name)), "the check itself works");
    assert_eq!(undefined.iter().filter(|name| of_apache(name)).collect::<Vec<_>>(), Vec::<&String>::new());
    let libraries = needed(&setup.module.engine());
    assert!(!libraries.iter().any(|library| library.contains("python") || library.contains("apr")), "{libraries:?}");
}

#[trial(differs(THEIRS))]
fn the_engine_exports_its_entry_points_alone(setup: &Setup) {
    let exported = symbols(&setup.module.engine(), "--defined-only");
    assert!(exported.contains("mod_wsgi_rs_engine"), "{exported:?}");
    let strange: Vec<&String> =
        exported.iter().filter(|name| *name != "mod_wsgi_rs_engine" && !name.starts_with("PyInit_")).collect();
    assert!(strange.is_empty(), "{strange:?}");
}

/// The stable ABI promises it; that the names really are in each library is what counts.
#[trial(differs(THEIRS))]
fn every_python_has_what_the_engine_needs(setup: &Setup) {
    let wanted: BTreeSet<String> =
        symbols(&setup.module.engine(), "--undefined-only").into_iter().filter(|name| of_python(name)).collect();
    let mut looked = 0;
    for python in &setup.run.pythons {
        let library = python.prefix.join(format!("lib/libpython{}.so.1.0", python.version));
        if library.exists() {
            let has = symbols(&library, "--defined-only");
            let lacks: Vec<&String> = wanted.difference(&has).collect();
            assert!(lacks.is_empty(), "Python {} lacks {lacks:?}", python.version);
            looked += 1;
        }
    }
    println!("{looked} libraries of Python have all {} names", wanted.len());
}

#[trial(differs(THEIRS))]
fn faults_are_in_the_test_build_alone(setup: &Setup) {
    const SYMBOL: &str = "mod_wsgi_rs_test_faults";
    for file in [&setup.module.file, &setup.module.engine()] {
        assert!(!symbols(file, "--defined-only").contains(SYMBOL), "{} is a test build", file.display());
        assert!(!String::from_utf8_lossy(&std::fs::read(file).unwrap()).contains("X-Test-Fault"), "{}", file.display());
    }
    let faults = setup.run.faults.as_ref().expect("build/test/mod_wsgi_rs.so is missing: run `make build-faults` first");
    assert!(symbols(&faults.file, "--defined-only").contains(SYMBOL));
}
