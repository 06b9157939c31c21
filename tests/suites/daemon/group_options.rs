/*! Options of `WSGIDaemonProcess` that show in the response, or in what the processes see of the machine. */

use crate::suite;
use crate::support::client::Request;
use crate::support::httpd::{Httpd, Plan, Prepared};
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::poll;
use crate::support::site::Site;
use crate::support::workdir::{copy_tree, readable, writable_directory};
use registration::trial;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The suite.
pub fn suite() -> Suite {
    suite!("group_options").in_daemon_mode().plan(|plan| plan.modules(&["buffer"]))
}

#[trial(reach(Reach::Everywhere))]
fn a_client_that_does_not_read_is_given_up_after_response_socket_timeout(site: &Site) {
    assert_eq!(site.get("/impatient/closed").ok(), "0");
    let mut client = site.connect();
    client.send(&Request::get("/impatient/flood").head_bytes()).unwrap();
    let begun = Instant::now();
    poll::wait_for("the application is told", || site.get("/impatient/closed").ok() == "1");
    // `Timeout` is 20 s.
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_millis(900) && waited < Duration::from_secs(9), "{waited:?}");
    drop(client);
}

/// The limit is the response's alone: a slow upload that follows on the same connection may pause for longer.
#[trial]
fn the_next_request_on_the_connection_has_httpds_own_timeout(site: &Site) {
    let mut client = site.connect();
    client.exchange(&Request::get("/impatient/process")).unwrap().expect(200);
    let upload = Request::post("/near/count", vec![b'x'; 1000]);
    client.send(&upload.head_bytes()).unwrap();
    client.send(&[b'x'; 500]).unwrap();
    let hears = client.hears_something_within(Duration::from_secs(2)).unwrap();
    assert!(!hears, "the server has given the upload up");
    client.send(&[b'x'; 500]).unwrap();
    assert_eq!(client.receive(false).unwrap().ok(), "1000");
}

#[trial]
fn a_process_for_one_request_says_so(site: &Site) {
    assert_eq!(site.get("/once/run_once").ok(), "True");
    assert_eq!(site.get("/small/run_once").ok(), "False");
}

/// An empty directory in which the application may write.
fn open_directory(site: &Site, name: &str) -> PathBuf {
    let directory = site.path("files").join(name);
    fs::create_dir_all(&directory).unwrap();
    writable_directory(&directory);
    directory
}

#[trial]
fn a_filter_is_flushed_after_response_buffer_size(site: &Site) {
    for (group, flushed) in [("small", true), ("large", false)] {
        let directory = open_directory(site, group);
        let mut client = site.connect();
        client.send(&Request::get(&format!("/{group}/burst?{}", directory.display())).head_bytes()).unwrap();
        poll::wait_for("all has been sent", || directory.join("begun").exists());
        assert_eq!(client.hears_something_within(Duration::from_secs(1)).unwrap(), flushed, "{group}");
        fs::write(directory.join("go"), "").unwrap();
        let response = client.receive(false).unwrap().expect(200);
        assert_eq!((response.body.len(), response.complete), (300_000, true), "{group}");
    }
}

#[trial]
fn a_header_longer_than_header_buffer_size_is_500(site: &Site) {
    // The name, the colon and the space count.
    let room = "X-Long: ".len();
    for (group, limit) in [("/short", 8192), ("", 32768)] {
        site.get(&format!("{group}/long_header?{}", limit - room)).expect(200);
        site.get(&format!("{group}/long_header?{}", limit - room + 1)).expect(500);
        let line = site.expect_log(&format!("re:WSGI1333: .*`X-Long` is longer than the {limit} bytes"));
        assert!(line.text.contains("header-buffer-size="), "{}", line.text);
    }
}

/// A Python that can be copied as a whole.
fn movable(setup: &Setup) -> (PathBuf, PathBuf) {
    let own = setup.run.pythons.iter().rev().find(|python| python.prefix != Path::new("/usr"));
    match own {
        Some(python) => (python.prefix.clone(), python.executable.clone()),
        None => setup.skip("every Python here is the system's, which has no directory of its own to copy"),
    }
}

/// Copies a file to the same path below `jail`.
fn put(jail: &Path, file: &Path) {
    let target = jail.join(file.strip_prefix("/").unwrap());
    let directory = target.parent().unwrap();
    fs::create_dir_all(directory).unwrap();
    for above in directory.ancestors().take_while(|above| above.starts_with(jail)) {
        readable(above);
    }
    fs::copy(file, target).unwrap();
}

/// The shared libraries of a program or library, the loader among them.
fn libraries(file: &Path) -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(file).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().filter(|word| word.starts_with('/')).map(|word| PathBuf::from(word.trim_end_matches(':'))).collect()
}

fn copy_executable_tree(from: &Path, jail: &Path) {
    let target = jail.join(from.strip_prefix("/").unwrap());
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    assert!(Command::new("cp").arg("-a").arg(from).arg(&target).status().unwrap().success());
    for above in target.ancestors().take_while(|above| above.starts_with(jail)) {
        readable(above);
    }
}

/// Puts into the jail what configtest says that it lacks, one thing after another, until it lacks nothing.
fn fill_as_configtest_says(setup: &Setup, plan: &Plan, jail: &Path, (prefix, executable): (&Path, &Path)) {
    let said = || {
        let (accepted, said) = Prepared::new(setup, plan, "jail").configtest();
        assert!(accepted, "{said}");
        said
    };
    let lacks = |said: &str, what: &str| {
        let line = said.lines().find(|line| line.contains("WSGI1423") && line.contains(what));
        assert!(
            line.is_some_and(|line| line.contains("jail.conf:2") && line.contains("To fix: ")),
            "`{what}` is not named: {said}"
        );
    };
    lacks(&said(), "it contains no Python");
    let engine = setup.module.file.parent().unwrap().join("mod_wsgi_rs_engine.so");
    lacks(&said(), &format!("the engine `{}`", engine.display()));
    copy_executable_tree(prefix, jail);
    lacks(&said(), "the dynamic loader");
    for library in libraries(executable) {
        put(jail, &library);
    }
    if let Some(library) = libraries(executable).into_iter().find(|file| file.to_string_lossy().contains("libpython")) {
        // A program finds its libraries beside itself by /proc, which is not there.
        lacks(&said(), "libpython");
        let place = jail.join("usr/lib").join(library.file_name().unwrap());
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        readable(&jail.join("usr"));
        readable(&jail.join("usr/lib"));
        fs::copy(&library, place).unwrap();
    }
    lacks(&said(), &format!("the engine `{}`", engine.display()));
    put(jail, &engine);
    for library in libraries(&engine) {
        put(jail, &library);
    }
    for module in fs::read_dir(prefix.join(format!("lib/python{}/lib-dynload", version(executable)))).unwrap() {
        for library in libraries(&module.unwrap().path()).into_iter().filter(|library| !library.starts_with(prefix)) {
            put(jail, &library);
        }
    }
    let said = said();
    let outside = |line: &&str| line.contains("WSGIScriptAlias at") && line.contains("is not below the directory of `chroot=`");
    let (named, rest): (Vec<&str>, Vec<&str>) = said.lines().partition(outside);
    assert_eq!((named.len(), rest.join("\n").trim()), (1, "Syntax OK"), "{said}");
}

/// configtest names what is missing until nothing is; then the application runs in there, and nothing of the world outside shows.
#[trial(reach(Reach::Once))]
fn a_group_lives_in_its_chroot(setup: &Setup) {
    if crate::support::installation::server_user().is_none() {
        setup.skip("only root can chroot");
    }
    let (prefix, executable) = movable(setup);
    let jail = setup.run.workdir.server_root("jail").join("jail");
    copy_tree(&setup.run.workdir.path().join("apps/lib"), &jail.join("srv"));
    fs::copy(setup.run.workdir.path().join("apps/daemon.wsgi"), jail.join("srv/daemon.wsgi")).unwrap();
    readable(&jail);
    let plan = Plan::new("jail.conf")
        .define("JAIL", jail.display().to_string())
        .define("JAILED_PYTHON", executable.display().to_string())
        .define("OWN_GROUPS", "1");
    fill_as_configtest_says(setup, &plan, &jail, (&prefix, &executable));
    let server = Httpd::start(setup, &plan, "jail");
    server.announce("WSGI1335");
    let site = Site::new(&server, setup);
    let facts = site.get("/jailed/paths").ok();
    assert!(facts.starts_with("['/srv/daemon.wsgi', None, '/srv/daemon.wsgi', "), "{facts}");
    assert!(facts.contains(&executable.display().to_string()) && !facts.contains("'proc'"), "{facts}");
    site.get("/outside/paths").expect(502);
    site.expect_log("re:WSGI1335: .*is not below");
    // A changed script is noticed from outside.
    let script = jail.join("srv/daemon.wsgi");
    let text = fs::read_to_string(&script).unwrap();
    fs::write(&script, text.replace("b\"not read\"", "b\"changed\"")).unwrap();
    poll::wait_for("the new code serves", || site.get("/jailed/unread").ok() == "changed");
}

fn version(executable: &Path) -> String {
    executable.file_name().unwrap().to_string_lossy().trim_start_matches("python").to_owned()
}
