/*! Homes of Python that are of no use to embedded mode: what `httpd -t` says of them, what a server does that is started all the same, and that
following the message mends it. A part of the suite `configtest`. *Runs in: tests.* */

use super::{WORDS, accepted, homeless, needs_root, plan, warned};
use crate::support::httpd::{Httpd, Prepared};
use crate::support::installation::server_user;
use crate::support::matrix::Setup;
use crate::support::poll;
use crate::support::pythons::Python;
use crate::support::site::Site;
use crate::support::workdir::readable;
use registration::trial;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A server whose home is broken: configtest warns, static files and the parent live, the application answers 503 and the log says
/// why. `mend` does what the message says; after a restart the application answers.
fn broken_home(setup: &Setup, home: &Path, wanted: &[&str], mend: impl FnOnce(&Path)) {
    let plan = homeless(home);
    let warning = warned(setup, &plan, &["WSGIPythonHome at ", "httpd.conf:"]);
    for text in wanted {
        assert!(warning.contains(text), "the warning lacks `{text}`: {warning}");
    }
    let server = Httpd::start(setup, &plan, "broken-home");
    server.announce("re:\\[wsgi:(warn|error)\\].*WSGI10|WSGI1111");
    let site = Site::new(&server, setup);
    fs::write(site.path("htdocs/page.txt"), "a page").unwrap();
    let children = server.children();
    for _ in 0..3 {
        site.get("/app").expect(503);
        assert_eq!(site.get("/page.txt").ok(), "a page");
    }
    assert_eq!(server.children(), children, "no process died and was started again");
    let told: Vec<String> = server.whole_log().into_iter().map(|line| line.text).filter(|text| text.contains("[wsgi:")).collect();
    for text in wanted {
        assert!(told.iter().any(|line| line.contains(text)), "the log lacks `{text}`: {told:#?}");
    }
    mend(home);
    server.graceful();
    poll::wait_for("the application serves after the cure", || site.get("/app").status == 200);
}

fn scratch(setup: &Setup, name: &str) -> PathBuf {
    let root = setup.run.workdir.server_root(name);
    root.join("home")
}

/// What the messages recommend: a virtualenv in that place.
fn make_virtualenv(setup: &Setup, home: &Path) {
    let status =
        std::process::Command::new(&setup.python.executable).args(["-m", "venv", "--clear", "--without-pip"]).arg(home).status();
    assert!(status.unwrap().success());
}

#[trial(differs(WORDS))]
fn a_missing_home_is_a_warning_and_503(setup: &Setup) {
    let home = scratch(setup, "missing-home");
    broken_home(setup, &home, &[&format!("`{}` does not exist", home.display())], |home| make_virtualenv(setup, home));
}

#[trial(differs(WORDS))]
fn a_home_that_is_no_virtualenv_is_a_warning_and_503(setup: &Setup) {
    let home = scratch(setup, "empty-home");
    fs::create_dir(&home).unwrap();
    readable(&home);
    broken_home(setup, &home, &[&home.display().to_string(), "bin/python"], |home| make_virtualenv(setup, home));
}

#[trial(differs(WORDS))]
fn a_pyvenv_cfg_that_is_closed_is_named(setup: &Setup) {
    needs_root(setup);
    let home = scratch(setup, "closed-cfg");
    make_virtualenv(setup, &home);
    readable(&home);
    let file = home.join("pyvenv.cfg");
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    broken_home(setup, &home, &[&format!("`{}` (mode 0600, owner root) is not readable", file.display())], |_| readable(&file));
}

#[trial(differs(WORDS))]
fn a_home_in_two_parts_is_no_virtualenv(setup: &Setup) {
    let home = scratch(setup, "two-parts");
    make_virtualenv(setup, &home);
    readable(&home);
    let line = format!("WSGIPythonHome \"{}:{}\"", home.display(), setup.python.prefix.display());
    let plan = plan(&[&line]).define("OWN_HOME", "1");
    let told = "is a virtual environment, which cannot be combined with a second directory";
    assert!(warned(setup, &plan, &["WSGIPythonHome at "]).contains(told));
    let server = Httpd::start(setup, &plan, "two-parts");
    server.announce("re:WSGI1051: .*cannot be combined with a second directory|WSGI1111");
    Site::new(&server, setup).get("/app").expect(503);
}

#[trial(differs(WORDS))]
fn a_home_for_another_machine_is_named(setup: &Setup) {
    // What `bin/python` begins with: a text without an interpreter, and programs of another word size and another processor.
    let mut other_size = fs::read("/bin/true").unwrap();
    let mut other_processor = other_size.clone();
    other_size[4] ^= 3;
    other_processor[18] ^= 0x55;
    for (name, content, cause) in [
        ("text", b"a text\n".to_vec(), "it is not a program"),
        ("size", other_size, "it is a program for another processor architecture"),
        ("processor", other_processor, "it is a program for another processor architecture"),
    ] {
        let home = scratch(setup, &format!("machine-{name}"));
        fs::create_dir_all(home.join("bin")).unwrap();
        fs::write(home.join("bin/python"), content).unwrap();
        fs::set_permissions(home.join("bin/python"), Permissions::from_mode(0o755)).unwrap();
        readable(&home);
        broken_home(setup, &home, &["bin/python` could not be run", cause], |home| make_virtualenv(setup, home));
    }
}

#[trial(differs("it is linked to one Python itself"))]
fn another_libpython_in_apache_is_named(setup: &Setup) {
    let library = |python: &Python| python.prefix.join(format!("lib/libpython{}.so.1.0", python.version));
    let others = setup.run.pythons.iter().filter(|python| python.version != setup.python.version);
    let Some(other) = others.map(|python| library(python)).find(|file| file.is_file()) else {
        setup.skip("no other Python with a shared library in its prefix");
    };
    let plan = plan(&[&format!("LoadFile \"{}\"", other.display())]);
    let told = format!("httpd has already loaded a different libpython: `{}`", other.display());
    assert!(warned(setup, &plan, &["WSGI1055: "]).contains(&told));
    let server = Httpd::start(setup, &plan, "two-libpythons");
    server.announce("WSGI1055: ");
    server.announce("WSGI1111: ");
    let site = Site::new(&server, setup);
    site.get("/app").expect(503);
    site.expect_log(&told);
}

/// An executable whose path does not look like one is the machine's state, and a warning.
#[trial(differs(WORDS))]
fn a_home_that_is_an_executable_is_refused(setup: &Setup) {
    let home = setup.home.display();
    let wrong = |line: &str| plan(&[line]).define("OWN_HOME", "1");
    for (line, cure) in [
        (format!("WSGIPythonHome \"{home}/bin/python\""), format!("`WSGIPythonHome {home}`")),
        (format!("WSGIDaemonProcess shop python-home=\"{home}/bin/python3\""), format!("`python={home}/bin/python3`")),
    ] {
        let (accepted, said) = Prepared::new(setup, &wrong(&line), "configtest").configtest();
        assert!(!accepted && said.contains("Syntax error on line ") && said.contains("found an executable"), "{line}: {said}");
        assert!(said.contains("python=") && said.contains(&cure), "{line}: {said}");
    }
    accepted(setup, &wrong(&format!("WSGIPythonHome \"{home}\"")));
    let right = format!("WSGIDaemonProcess shop python=\"{home}/bin/python3\"\nWSGIProcessGroup shop");
    accepted(setup, &wrong(&right));
    let other_name = scratch(setup, "strange-executable");
    symlink(setup.home.join("bin/python"), &other_name).unwrap();
    let said = accepted(setup, &homeless(&other_name));
    assert!(said.contains("WSGIPythonHome at ") && said.contains("is a file") && said.contains("`python=`"), "{said}");
}

#[trial(differs(WORDS))]
fn a_closed_directory_above_the_home_is_named(setup: &Setup) {
    if server_user().is_none() {
        return; // Without root there is no other user for whom a directory could be closed.
    }
    let home = scratch(setup, "closed-home");
    let closed = home.parent().unwrap().join("closed");
    let inside = closed.join("home");
    fs::create_dir(&closed).unwrap();
    make_virtualenv(setup, &inside);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let wanted = [format!("directory `{}`", closed.display()), format!("chmod o+x {}", closed.display())];
    broken_home(setup, &inside, &[&wanted[0], &wanted[1]], |_| {
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o701)).unwrap();
    });
}

#[trial(differs(WORDS))]
fn a_home_whose_interpreter_is_gone_is_a_warning_and_503(setup: &Setup) {
    let home = scratch(setup, "dangling-home");
    make_virtualenv(setup, &home);
    for entry in fs::read_dir(home.join("bin")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("python") {
            fs::remove_file(&path).unwrap();
            symlink("/nowhere/python-that-was-removed", &path).unwrap();
        }
    }
    broken_home(setup, &home, &[&home.display().to_string(), "python"], |home| make_virtualenv(setup, home));
}

/// A home whose `bin/python` is a shell script.
fn pretender(setup: &Setup, name: &str, script: &str) -> PathBuf {
    let home = scratch(setup, name);
    make_virtualenv(setup, &home);
    for entry in fs::read_dir(home.join("bin")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("python") {
            fs::remove_file(&path).unwrap();
            fs::write(&path, script).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    home
}

#[trial(differs(WORDS))]
fn a_home_whose_interpreter_hangs_does_not_hold_up_httpd(setup: &Setup) {
    needs_root(setup);
    let home = pretender(setup, "hanging-home", "#!/bin/sh\nexec sleep 300\n");
    let plan = homeless(&home);
    let started = Instant::now();
    warned(setup, &plan, &["WSGIPythonHome"]);
    assert!(started.elapsed().as_secs() < 15, "configtest took {:?}", started.elapsed());
    let server = Httpd::start(setup, &plan, "hanging-home");
    server.announce("re:WSGI10|WSGI1111");
    let site = Site::new(&server, setup);
    fs::write(site.path("htdocs/page.txt"), "a page").unwrap();
    assert_eq!(site.get("/page.txt").ok(), "a page");
    site.get("/app").expect(503);
}

#[trial(differs(WORDS))]
fn a_home_whose_interpreter_talks_nonsense_is_a_warning_and_503(setup: &Setup) {
    needs_root(setup);
    let home = pretender(setup, "nonsense-home", "#!/bin/sh\nprintf 'hello\\377world'\n");
    broken_home(setup, &home, &[&home.display().to_string()], |home| make_virtualenv(setup, home));
}
