/*! What `make install` leaves: files in the right places, a module that serves from there, a configuration that is accepted line by
line, and nobody's own file overwritten. */

use crate::suite;
use crate::support::httpd::{Httpd, Plan, Prepared};
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::module_under_test::{Module, build_directory};
use crate::support::site::Site;
use crate::support::workdir::unique_number;
use regex::Regex;
use registration::trial;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

const WHY: &str = "it is installed by its own means";

/// The suite.
pub fn suite() -> Suite {
    suite!("install").reach(Reach::Once)
}

/// A directory into which `apxs/install.sh` installs.
struct Stage(PathBuf);

impl Stage {
    fn new(setup: &Setup) -> Self {
        let path = setup.run.workdir.path().join(format!("stage-{}", unique_number()));
        fs::create_dir(&path).unwrap();
        let stage = Self(path);
        stage.run("install");
        stage
    }

    /// Runs the script, and gives what it said.
    fn run(&self, what: &str) -> String {
        self.run_with_umask(what, "022")
    }

    fn run_with_umask(&self, what: &str, umask: &str) -> String {
        let mut command = Command::new("sh");
        command.args(["-c", "umask $1 && exec \"$2\" \"$3\"", "sh", umask]).arg(checkout().join("apxs/install.sh"));
        command.arg(what).env("DESTDIR", &self.0).env("BUILD", build_directory());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}");
        said
    }

    /// All files, without the stage's own path.
    fn files(&self) -> Vec<String> {
        fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, found) } else { found.push(path) }
            }
        }
        let mut found = Vec::new();
        walk(&self.0, &mut found);
        let mut names: Vec<String> =
            found.iter().map(|path| format!("/{}", path.strip_prefix(&self.0).unwrap().display())).collect();
        names.sort();
        names
    }

    /// The file whose name matches.
    #[track_caller]
    fn file(&self, pattern: &str) -> PathBuf {
        let wanted = Regex::new(pattern).unwrap();
        let files = self.files();
        let found = files.iter().find(|name| wanted.is_match(name)).unwrap_or_else(|| panic!("no {pattern} in {files:?}"));
        self.0.join(&found[1..])
    }

    fn load_file(&self) -> PathBuf {
        self.file(r"/(mod_wsgi_rs\.load|10-mod_wsgi_rs\.conf|mod_wsgi_rs-load\.conf)$")
    }
}

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[trial(differs(WHY))]
fn the_installed_module_finds_its_engine(setup: &Setup) {
    let stage = Stage::new(setup);
    let file = stage.file("/mod_wsgi_rs.so$");
    assert!(!file.with_file_name("mod_wsgi_rs_engine.so").exists(), "the engine lies in a directory of its own");
    let installed = Setup { module: Arc::new(Module { file, linked_to: None }), ..setup.clone() };
    let server = Httpd::start(&installed, &Plan::new("install.conf"), "installed");
    let site = Site::new(&server, setup);
    assert!(site.get("/where.json").ok().contains("embedded in an Apache child"));
    let mapped = fs::read_to_string(format!("/proc/{}/maps", server.children()[0].pid)).unwrap();
    let engine = stage.file("/mod_wsgi_rs/mod_wsgi_rs_engine.so$").canonicalize().unwrap();
    assert!(mapped.contains(&engine.display().to_string()), "another engine was loaded: {mapped}");
}

#[trial(differs(WHY))]
fn the_load_line_names_the_installed_module(setup: &Setup) {
    let stage = Stage::new(setup);
    let text = fs::read_to_string(stage.load_file()).unwrap();
    let line = text.lines().find(|line| line.starts_with("LoadModule")).unwrap_or_else(|| panic!("no LoadModule in {text}"));
    let path = line.strip_prefix("LoadModule wsgi_module ").unwrap_or_else(|| panic!("{line}"));
    assert_eq!(Path::new(path), setup.run.installation.modules.join("mod_wsgi_rs.so"));
    assert!(stage.files().iter().any(|name| name == path), "{path} is not among {:?}", stage.files());
}

#[trial(differs(WHY))]
fn every_directive_of_wsgi_conf_is_accepted(setup: &Setup) {
    let stage = Stage::new(setup);
    let commented = Regex::new(r"(?m)^( *)#(\s*(?:WSGI|Alias|Require|<)[^\n]*)$").unwrap();
    let text = fs::read_to_string(stage.file(r"/mod_wsgi_rs\.conf$")).unwrap();
    let active = commented.replace_all(&text, "$1$2").into_owned();
    let count = active.lines().filter(|line| line.trim_start().starts_with("WSGI")).count();
    assert!(count > 10 && !active.contains("#WSGI"), "{count} directives were found in {active}");
    let path = stage.0.join("active.conf");
    fs::write(&path, active).unwrap();
    for (name, file) in [("as installed", stage.file(r"/mod_wsgi_rs\.conf$")), ("with every line active", path)] {
        let plan = Plan::new("nothing.conf").line(&format!("Include \"{}\"", file.display()));
        let (accepted, said) = Prepared::new(setup, &plan, "wsgi-conf").configtest();
        assert!(accepted, "wsgi.conf {name}: {said}");
    }
}

#[trial(differs(WHY))]
fn a_changed_file_is_kept(setup: &Setup) {
    let stage = Stage::new(setup);
    let load = stage.load_file();
    fs::write(&load, "# the administrator's own\n").unwrap();
    let said = stage.run("install");
    assert!(said.contains("left as found") && said.contains("must say: LoadModule wsgi_module"), "{said}");
    assert_eq!(fs::read_to_string(&load).unwrap(), "# the administrator's own\n");
    assert!(fs::read_to_string(stage.file(r"\.new$")).unwrap().contains("LoadModule wsgi_module"));
    // Who has said so already is not told again.
    let line = format!("LoadModule wsgi_module {}\n", setup.run.installation.modules.join("mod_wsgi_rs.so").display());
    fs::write(&load, line).unwrap();
    let said = stage.run("install");
    assert!(said.contains("left as found") && !said.contains("must say"), "{said}");
    stage.run("uninstall");
    assert_eq!(stage.files(), [format!("/{}", load.strip_prefix(&stage.0).unwrap().display())]);
}

#[trial(differs(WHY))]
fn uninstalling_takes_everything_back(setup: &Setup) {
    let stage = Stage::new(setup);
    // Twice the same is no change to keep.
    assert!(!stage.run("install").contains("left as found"));
    let files = stage.files();
    for name in ["/mod_wsgi_rs.so", "/mod_wsgi_rs/mod_wsgi_rs_engine.so", "/mod_wsgi_rs/wsgi-supervisor", "/mod_wsgi_rs.conf"] {
        assert!(files.iter().any(|file| file.ends_with(name)), "{files:?} lacks {name}");
    }
    assert_eq!(files.len(), 9, "{files:?}");
    if installed("objcopy") {
        stage.run("install-debug");
        assert_eq!(stage.files().len(), 12, "{:?}", stage.files());
    }
    stage.run("uninstall");
    assert_eq!(stage.files(), Vec::<String>::new());
}

#[trial(differs(WHY))]
fn a_strict_umask_closes_nothing(setup: &Setup) {
    let path = setup.run.workdir.path().join(format!("stage-{}", unique_number()));
    fs::create_dir(&path).unwrap();
    let stage = Stage(path);
    stage.run_with_umask("install", "077");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    for name in stage.files() {
        let file = stage.0.join(&name[1..]);
        assert_eq!(mode(&file), if name.ends_with("/wsgi-supervisor") { 0o755 } else { 0o644 }, "{name}");
        for directory in file.ancestors().skip(1).take_while(|directory| *directory != stage.0) {
            assert_eq!(mode(directory), 0o755, "{}", directory.display());
        }
    }
}

/// `apt purge libapache2-mod-wsgi-py3` deletes its own files, which carry these names.
#[trial(differs(WHY))]
fn nothing_of_mod_wsgis_package_is_touched(setup: &Setup) {
    let stage = Stage::new(setup);
    let load = stage.load_file();
    for name in ["wsgi.load", "wsgi.conf", "10-wsgi-python3.conf"] {
        fs::write(load.with_file_name(name), "# of the package\n").unwrap();
    }
    stage.run("install");
    for name in ["wsgi.load", "wsgi.conf", "10-wsgi-python3.conf"] {
        let theirs = load.with_file_name(name);
        assert_eq!(fs::read_to_string(&theirs).unwrap(), "# of the package\n");
        fs::remove_file(theirs).unwrap();
    }
    assert!(fs::read_to_string(&load).unwrap().contains("LoadModule wsgi_module"), "ours stays when theirs go");
    stage.run("uninstall");
    assert_eq!(stage.files(), Vec::<String>::new());
}

/// Is there such a program?
fn installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// What a program of binutils says about a file.
#[track_caller]
fn said_by(program: &str, arguments: &[&str], file: &Path) -> String {
    let output = Command::new(program).args(arguments).arg(file).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The names of what `make install` puts beside Apache's modules.
const BINARIES: [&str; 3] = ["mod_wsgi_rs.so", "mod_wsgi_rs/mod_wsgi_rs_engine.so", "mod_wsgi_rs/wsgi-supervisor"];

/// A crash's addresses lead to lines of the sources once the debug information is installed, and only that file is larger.
#[trial(differs(WHY))]
fn debug_information_lies_apart(setup: &Setup) {
    if !installed("objcopy") || std::env::var_os("CARGO_PROFILE_RELEASE_DEBUG").is_some() {
        setup.skip("there is no objcopy, or the build was asked for other debug information than the project's");
    }
    let stage = Stage::new(setup);
    stage.run("install-debug");
    for name in BINARIES {
        let file = stage.file(&format!("/modules/{name}$"));
        let sections = said_by("readelf", &["--sections", "--wide"], &file);
        assert!(sections.contains(".gnu_debuglink") && !sections.contains(".debug_info"), "{name}: {sections}");
        let debug = stage.file(&format!("^/usr/lib/debug/.*/{name}\\.debug$"));
        let sections = said_by("readelf", &["--sections", "--wide"], &debug);
        assert!(sections.contains(".debug_line"), "{name}: {sections}");
        assert!(
            file.metadata().unwrap().len() * 2 < debug.metadata().unwrap().len(),
            "{name} holds little less than its debug file"
        );
        let bytes = fs::read(&debug).unwrap();
        let place = b"/usr/src/mod_wsgi_rs";
        assert!(bytes.windows(place.len()).any(|window| window == place), "{name}: no debugger finds its sources");
    }
}

/// Two checkouts build the same files (`make reproducible` compares them), and nobody reads the builder's name in them.
#[trial(differs(WHY))]
fn no_path_of_the_build_is_installed(setup: &Setup) {
    let stage = Stage::new(setup);
    if installed("objcopy") {
        stage.run("install-debug");
    }
    let checkout = checkout().canonicalize().unwrap().display().to_string();
    let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| home + "/.cargo")).unwrap();
    for name in stage.files() {
        let bytes = fs::read(stage.0.join(&name[1..])).unwrap();
        for path in [&checkout, &home] {
            let found = bytes.windows(path.len()).position(|window| window == path.as_bytes());
            assert!(found.is_none(), "{name} holds the path {path} at byte {found:?}");
        }
    }
}

#[trial(differs(WHY))]
fn every_crate_has_its_licence(setup: &Setup) {
    let stage = Stage::new(setup);
    let text = fs::read_to_string(stage.file("/doc/mod_wsgi_rs/THIRD-PARTY$")).unwrap();
    let (list, texts) = text.split_once("-----").unwrap();
    let crates: Vec<(&str, &str)> = list
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter_map(|line| line.split_whitespace().next().zip(line.split_whitespace().nth(1)))
        .collect();
    for name in ["libc", "rustix", "pyo3-ffi"] {
        assert!(crates.iter().any(|(found, _)| *found == name), "{name} is linked in and not listed: {crates:?}");
    }
    for (name, version) in crates.iter().filter(|(name, _)| *name != "std") {
        let owner = Regex::new(&format!(r"(?m)^    {} {} \(", regex::escape(name), regex::escape(version))).unwrap();
        assert!(owner.is_match(texts), "{name} {version} has no text");
    }
    for words in ["Permission is hereby granted, free of charge", "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION"]
    {
        assert!(texts.contains(words), "the text with `{words}` is missing");
    }
}

/// `wsgi-supervisor --help` and its page name the same words.
#[trial(differs(WHY))]
fn every_program_has_a_manual_page(setup: &Setup) {
    let stage = Stage::new(setup);
    for name in ["mod_wsgi_rs", "wsgi-supervisor"] {
        let page = stage.file(&format!("/man/man8/{name}\\.8$"));
        let text = fs::read_to_string(&page).unwrap();
        assert!(text.contains(".Sh NAME") && text.contains(&format!(".Nm {name}")), "{}", page.display());
        if installed("man") {
            let output = Command::new("man").args(["--warnings", "-l", "-Tutf8", "-Z"]).arg(&page).output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    let page = fs::read_to_string(stage.file("/man/man8/wsgi-supervisor\\.8$")).unwrap();
    let help = said_by_supervisor(&stage);
    let command = Regex::new(r"(?m)^  wsgi-supervisor ([a-z]+|--[a-z]+)$").unwrap();
    let commands: Vec<&str> = command.captures_iter(&help).map(|found| found.get(1).unwrap().as_str()).collect();
    assert!(commands.len() >= 4, "{help}");
    for word in commands {
        assert!(page.contains(word.trim_start_matches("--")), "the page lacks `{word}`");
    }
}

fn said_by_supervisor(stage: &Stage) -> String {
    let output = Command::new(stage.file("/wsgi-supervisor$")).arg("--help").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}
