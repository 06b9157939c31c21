/*! What messages advise is true and safe: a fault is made, the message's advice is followed to the letter, and the application answers. Where advice would
harm, there is none. *Runs in: tests.* */

use crate::suite;
use crate::suites::configuration::complaints::{WORDS, configtest, group, needs_root, plan, scratch, serves, warned};
use crate::support::client::Request;
use crate::support::httpd::Httpd;
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::poll;
use crate::support::pythons;
use crate::support::site::Site;
use crate::support::workdir::readable;
use registration::trial;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The suite.
pub fn suite() -> Suite {
    suite!("hints").reach(Reach::Once)
}

/// The line of configtest that has `code`.
#[track_caller]
fn line(setup: &Setup, lines: &[String], code: &str) -> String {
    let (accepted, said) = configtest(setup, lines);
    assert!(accepted, "{said}");
    said.lines().find(|line| line.contains(code)).unwrap_or_else(|| panic!("{code} is missing: {said}")).to_owned()
}

/// Does what a line advises: runs its command that begins with `start`, in a shell, as an administrator would.
#[track_caller]
fn follow(line: &str, start: &str) {
    let command = line.split('`').find(|text| text.starts_with(start)).unwrap_or_else(|| panic!("no `{start}`: {line}"));
    // pip, which no trial asks for, takes a busy machine minutes.
    let command = &command.replace(" -m venv ", " -m venv --without-pip ");
    let done = Command::new("sh").args(["-c", command]).output().unwrap();
    assert!(done.status.success(), "`{command}`: {}", String::from_utf8_lossy(&done.stderr));
}

/// The lines of a group on the trial's own Python.
fn shop(setup: &Setup, options: &str) -> Vec<String> {
    group(&format!("python-home=\"{}\" {options}", setup.home.display()))
}

/// `WSGIPassAuthorization On` would hand the passwords of Apache's users to the application. The message comes where Apache does not ask for any, and so
/// shows that it could have come before.
#[trial(differs(WORDS))]
fn passwords_that_apache_checks_are_not_asked_for(setup: &Setup) {
    let mut lines = shop(setup, "");
    let auth = "AuthType Basic\nAuthName r\nAuthBasicProvider file\nAuthUserFile \"${CONF}/passwords\"";
    lines.push(format!(
        "<Location /closed>\n{auth}\nRequire valid-user\nErrorDocument 401 /page\n</Location>\n\
         <Location /either>\n{auth}\n<RequireAny>\nRequire all granted\nRequire valid-user\n</RequireAny>\n</Location>"
    ));
    let server =
        Httpd::start(setup, &plan(&lines).modules(&["auth_basic", "authn_core", "authn_file", "authz_user"]), "passwords");
    server.announce("re:WSGI1424|AH01617|AH01618");
    let site = Site::new(&server, setup);
    let with_password = |target: &str| site.send(&Request::get(target).header("Authorization", "Basic amFuZTpub3QtaGVycw=="));
    // The application, which makes the page of the refusal, chooses its status.
    assert_eq!(with_password("/closed").value("PATH_INFO"), Some("/page"));
    assert_eq!(with_password("/either").expect(200).value("HTTP_AUTHORIZATION"), None);
    assert!(server.whole_log().iter().all(|line| !line.text.contains("WSGI1424")), "Apache asks for the password itself");
    with_password("/elsewhere").expect(200);
    site.expect_log("WSGI1424");
}

/// The value that a message names can be written as it names it.
#[trial(differs(WORDS))]
fn a_size_with_a_unit(setup: &Setup) {
    let (accepted, said) = configtest(setup, &shop(setup, "memory-limit=512"));
    assert!(!accepted && said.contains("write `memory-limit=512M` for 512 MB"), "{said}");
    let (accepted, said) = configtest(setup, &shop(setup, "memory-limit=1536M request-timeout=5min"));
    assert!(accepted, "{said}");
}

#[trial(differs(WORDS))]
fn a_script_that_is_missing_or_closed(setup: &Setup) {
    needs_root(setup);
    let root = setup.run.workdir.server_root("closed-script");
    let place = root.join("a site");
    let script = place.join("app.wsgi");
    fs::create_dir(&place).unwrap();
    readable(&place);
    let lines = |options: &str| {
        let mut lines = shop(setup, options);
        lines[1] = format!("WSGIScriptAlias / \"{}\" process-group=shop", script.display());
        lines
    };
    let named = format!("the script `{}` of WSGIScriptAlias at ", script.display());
    warned(
        setup,
        &lines(""),
        "WSGI1530",
        &["WSGIDaemonProcess `shop` at ", &named, "does not exist", "correct the path, or create the script"],
    );
    fs::copy(setup.run.workdir.path().join("apps/where.wsgi"), &script).unwrap();
    let user = "user=nobody home=/";
    for (path, closed, word) in [(&script, 0o640, "is not readable"), (&place, 0o750, "is not accessible")] {
        fs::set_permissions(path, Permissions::from_mode(closed)).unwrap();
        warned(
            setup,
            &lines(user),
            "WSGI1530",
            &[&named, "is not readable for user nobody, who has to load it", word, "`namei -l '"],
        );
        // The words of the process that has tried it name that user as well.
        let server = Httpd::start(setup, &plan(&lines(user)), "closed-script");
        server.announce("re:WSGI1204|WSGI13|AH00529|AH00035");
        let site = Site::new(&server, setup);
        assert!(site.get("/").status >= 400);
        if path == &script {
            assert!(site.expect_log("WSGI1204").text.contains("user nobody, who runs this process, may not read it"));
        }
        drop(site);
        drop(server);
        follow(&line(setup, &lines(user), "WSGI1530"), "chmod ");
        assert!(serves(setup, &lines(user), "/").contains("mod_wsgi.process_group=shop"));
    }
    // In embedded mode it is Apache's user who counts.
    let embedded =
        [format!("WSGIPythonHome \"{}\"", setup.home.display()), format!("WSGIScriptAlias / \"{}.none\"", script.display())];
    assert!(line(setup, &embedded, "WSGI1530").contains("does not exist"));
}

/// Opening the home is not advised; another virtualenv beside the old one is, and it serves.
#[trial(differs(WORDS))]
fn a_virtualenv_of_a_python_in_roots_home(setup: &Setup) {
    needs_root(setup);
    let closed = Path::new("/root").metadata().is_ok_and(|found| found.permissions().mode() & 0o005 == 0);
    if !closed || !Path::new("/usr/bin/python3").exists() {
        setup.skip("root's home is open, or there is no python3 of the system");
    }
    let home = scratch(setup, "roots");
    fs::create_dir_all(home.join("bin")).unwrap();
    fs::write(home.join("pyvenv.cfg"), "home = /root/.pyenv/versions/3.11.7/bin\nversion = 3.11.7\n").unwrap();
    symlink("/root/.pyenv/versions/3.11.7/bin/python3.11", home.join("bin/python")).unwrap();
    readable(&home);
    let lines = group(&format!("python-home=\"{}\"", home.display()));
    let said = line(setup, &lines, "WSGI1051");
    assert!(said.contains("`/root` (mode ") && !said.contains("chmod"), "{said}");
    let server = Httpd::start(setup, &plan(&lines), "roots");
    server.announce("re:WSGI13");
    let site = Site::new(&server, setup);
    site.get("/").expect(503);
    // Said once, perhaps before the trial's first request.
    let said_of_it = || server.whole_log().into_iter().find(|line| line.text.contains("WSGI1303"));
    let log = poll::until(poll::SOON, said_of_it).expect("the log says why the group does not start").text;
    assert!(log.contains("not accessible to") && !log.contains("chmod"), "{log}");
    drop(site);
    drop(server);
    follow(&said, "mv ");
    assert!(home.with_extension("old").join("pyvenv.cfg").exists(), "the old one is kept");
    assert!(serves(setup, &lines, "/").contains("mod_wsgi.process_group=shop"));
}

/// A readable copy of the Python of that version in root's pyenv, if there is one.
fn of_pyenv(setup: &Setup, version: &str) -> PathBuf {
    let all = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv/versions"));
    let found = all.and_then(|all| fs::read_dir(all).ok()).into_iter().flatten().filter_map(Result::ok);
    let mut found = found.filter(|entry| entry.file_name().to_string_lossy().starts_with(&format!("{version}.")));
    match found.next() {
        Some(entry) => pythons::copy(&entry.path(), version).unwrap(),
        None => setup.skip("no such Python in pyenv"),
    }
}

#[trial(differs(WORDS))]
fn a_group_on_a_python_that_is_too_old(setup: &Setup) {
    let python = of_pyenv(setup, "3.8").join("bin/python3.8");
    let lines = group(&format!("python=\"{}\"", python.display()));
    let said = format!("`{}` is Python 3.8.", python.display());
    let (accepted, told) = configtest(setup, &lines);
    assert!(accepted && told.contains("WSGI1053") && told.contains(&said) && told.contains("use Python 3.9 or later"), "{told}");
    let server = Httpd::start(setup, &plan(&lines), "old-python");
    server.announce("re:WSGI1053|WSGI13");
    let site = Site::new(&server, setup);
    site.get("/").expect(503);
    let log = site.expect_log("WSGI1053").text;
    assert!(log.contains(&said) && log.contains("use Python 3.9 or later"), "{log}");
    assert!(site.log().iter().all(|line| !line.text.contains("undefined symbol")));
    drop(site);
    drop(server);
    let newer = format!("python=\"{}\"", setup.python.executable.display());
    assert!(serves(setup, &group(&newer), "/").contains("mod_wsgi.process_group=shop"));
}

/// A prefix whose interpreter looks for its library in `directory`, not longer than `$ORIGIN/../lib`.
fn with_run_path(setup: &Setup, name: &str, version: &str, directory: &str) -> PathBuf {
    const OWN: &[u8] = b"$ORIGIN/../lib\0";
    let copy = of_pyenv(setup, version);
    let prefix = scratch(setup, name);
    fs::create_dir_all(prefix.join("bin")).unwrap();
    symlink(copy.join("lib"), prefix.join("lib")).unwrap();
    let mut image = fs::read(copy.join(format!("bin/python{version}"))).unwrap();
    let at = image.windows(OWN.len()).position(|window| window == OWN).expect("its run path");
    let padded = directory.bytes().chain(std::iter::repeat(0)).take(OWN.len());
    image.splice(at..at + OWN.len(), padded);
    let python = prefix.join("bin/python3");
    fs::write(&python, image).unwrap();
    fs::set_permissions(&python, Permissions::from_mode(0o755)).unwrap();
    readable(&prefix);
    python
}

#[trial(differs(WORDS))]
fn a_shared_library_that_the_loader_does_not_find(setup: &Setup) {
    needs_root(setup);
    let python = with_run_path(setup, "no-library", "3.12", "/nowhere/lib");
    let lines = group(&format!("python=\"{}\"", python.display()));
    let said = line(setup, &lines, "WSGI1052");
    assert!(
        said.contains("libpython3.12.so.1.0") && said.contains("--set-rpath") && !said.contains("environment is broken"),
        "{said}"
    );
    // The directories that the loader looks in can be listed as the line says, where binutils are installed.
    if Path::new("/usr/bin/readelf").exists() {
        follow(&said, "readelf ");
    }
    // What `patchelf --set-rpath` does.
    let python = with_run_path(setup, "found-library", "3.12", "$ORIGIN/../lib");
    assert!(serves(setup, &group(&format!("python=\"{}\"", python.display())), "/").contains("mod_wsgi.process_group=shop"));
}

#[trial(differs(WORDS))]
fn a_shared_library_of_another_python(setup: &Setup) {
    needs_root(setup);
    if !Path::new("/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0").exists() {
        setup.skip("the system has no libpython3.11 that could be taken");
    }
    let python = with_run_path(setup, "other-library", "3.11", "/nowhere/lib");
    let lines = group(&format!("python=\"{}\"", python.display()));
    let said = line(setup, &lines, "WSGI1063");
    assert!(said.contains("libpython3.11.so.1.0` of another Python") && said.contains("`patchelf --set-rpath "), "{said}");
    let python = with_run_path(setup, "own-library", "3.11", "$ORIGIN/../lib");
    assert!(serves(setup, &group(&format!("python=\"{}\"", python.display())), "/").contains("mod_wsgi.process_group=shop"));
}

#[trial(differs(WORDS))]
fn the_supervisor_says_what_it_is(setup: &Setup) {
    let program = setup.module.file.parent().unwrap().join("wsgi-supervisor");
    let said = |word: &str| {
        let output = Command::new(&program).arg(word).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty());
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(said("--version").starts_with("wsgi-supervisor ") && said("--help").contains("SIGTERM"));
    let server = Httpd::start(setup, &plan(&shop(setup, "")), "titles");
    let site = Site::new(&server, setup);
    site.get("/").expect(200);
    let all = fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
    let titles: Vec<String> = all.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).collect();
    let root = server.files.root.display().to_string();
    assert!(titles.iter().any(|line| line.contains("wsgi-supervisor ") && line.contains(&format!("-d {root}"))), "{titles:?}");
    assert!(titles.iter().any(|line| line.starts_with("(wsgi:shop)")), "{titles:?}");
}
