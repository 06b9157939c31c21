//! What is said of an installation, of a Python, and of processes that cannot start: it is repaired under a running server.

use super::{EMBEDDED, GROUP, HOME, IN_GROUP, Scripts, WORDS, application, complaints, expect_advice, needs_root, owned, plan};
use crate::support::httpd::Httpd;
use crate::support::installation::server_user;
use crate::support::matrix::Setup;
use crate::support::module_under_test::Module;
use crate::support::poll;
use crate::support::site::Site;
use crate::support::workdir::readable;
use registration::trial;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::sync::Arc;

#[trial(differs(WORDS))]
fn a_python_of_embedded_mode_is_repaired_and_apache_restarted(setup: &Setup) {
    let home = complaints::scratch(setup, "repaired");
    let lines = owned(&[&format!("WSGIPythonHome \"{}\"", home.display()), EMBEDDED]);
    let server = Httpd::start(setup, &plan(&lines), "repaired");
    server.announce("re:WSGI1051|WSGI1111|AH00493|AH00494");
    let site = Site::new(&server, setup);
    site.get("/").expect(503);
    expect_advice(&site, &["WSGI1051", "WSGI1111"]);
    complaints::make_virtualenv(&setup.python, &home);
    server.restart();
    site.get("/").expect(200);
}

/// A broken virtualenv is made again at the same place.
#[trial(differs(WORDS))]
fn an_interpreter_that_does_not_say_what_it_is_is_made_again(setup: &Setup) {
    needs_root(setup);
    let home = complaints::scratch(setup, "silent");
    complaints::make_virtualenv(&setup.python, &home);
    for name in ["python", "python3", &format!("python{}", setup.python.version)] {
        let file = home.join("bin").join(name);
        fs::remove_file(&file).ok();
        fs::write(&file, "#!/bin/sh\necho it is broken >&2\nexit 3\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for lines in [
        [format!("WSGIPythonHome \"{}\"", home.display()), EMBEDDED.to_owned()],
        [GROUP.replace("${PYTHON_HOME}", &home.display().to_string()), IN_GROUP.to_owned()],
    ] {
        let (accepted, said) = complaints::configtest(setup, &lines);
        let line = said.lines().find(|line| line.contains("WSGI1052")).unwrap_or_else(|| panic!("{said}"));
        assert!(accepted && line.contains("it is broken"), "its own words are shown: {line}");
    }
    complaints::make_virtualenv(&setup.python, &home);
    complaints::serves(setup, &owned(&[&format!("WSGIPythonHome \"{}\"", home.display()), EMBEDDED]), "/");
}

/// The engine is put beside the module, and may be read.
#[trial(differs(WORDS))]
fn a_missing_engine_is_put_beside_the_module(setup: &Setup) {
    let module = Module::copied(&setup.module.file, &setup.run.workdir.server_root("alone").join("files")).unwrap();
    let (engine, aside) = (module.engine(), module.engine().with_extension("aside"));
    fs::rename(&engine, &aside).unwrap();
    let alone = Setup { module: Arc::new(module), ..setup.clone() };
    for lines in [[HOME, EMBEDDED], [GROUP, IN_GROUP]] {
        let lines = owned(&lines);
        let (accepted, said) = complaints::configtest(&alone, &lines);
        assert!(accepted && said.contains("WSGI1056") && said.contains("copy the file to the directory of the module"), "{said}");
        fs::rename(&aside, &engine).unwrap();
        complaints::serves(&alone, &lines, "/");
        if server_user().is_some() {
            fs::set_permissions(&engine, fs::Permissions::from_mode(0o640)).unwrap();
            let (_, said) = complaints::configtest(&alone, &lines);
            let line = said.lines().find(|line| line.contains("WSGI1056")).unwrap_or_else(|| panic!("{said}"));
            super::follow(line, "chmod ");
            complaints::serves(&alone, &lines, "/");
        }
        fs::rename(&engine, &aside).unwrap();
    }
}

/// A user who is not there; the name is corrected, and `apachectl graceful` starts the group.
#[trial(differs(WORDS))]
fn a_group_that_cannot_serve_does_so_after_a_graceful_restart(setup: &Setup) {
    needs_root(setup);
    let (user, ..) = server_user().unwrap();
    let group = format!("{GROUP} user=nobody-here");
    let server = Httpd::start(setup, &plan(&owned(&[&group, IN_GROUP])), "no-user");
    server.announce("re:WSGI1022|WSGI1322|WSGI1312|AH00493");
    let site = Site::new(&server, setup);
    site.get("/").expect(503);
    expect_advice(&site, &["WSGI1322"]);
    let text = fs::read_to_string(&server.files.config).unwrap();
    fs::write(&server.files.config, text.replace("nobody-here", user)).unwrap();
    server.graceful();
    poll::wait_for("the group serves", || site.get("/").status == 200);
}

/// What cleaned up the directory of the sockets took the directory as well.
#[trial(differs(WORDS))]
fn a_directory_of_sockets_that_was_removed_is_repaired_by_a_graceful_restart(setup: &Setup) {
    let place = setup.run.workdir.server_root("cleaned").join("run/sockets");
    fs::create_dir(&place).unwrap();
    readable(&place);
    let prefix = format!("WSGISocketPrefix \"{}/s\"", place.display());
    let group = format!("{GROUP} connect-timeout=2");
    let server = Httpd::start(setup, &plan(&owned(&[&prefix, &group, IN_GROUP])), "cleaned");
    server.announce("re:WSGI13|AH00493");
    let site = Site::new(&server, setup);
    site.get("/").expect(200);
    fs::remove_dir_all(&place).unwrap();
    super::expect_advice(&site, &["WSGI1340", "WSGI1316"]);
    fs::create_dir(&place).unwrap();
    readable(&place);
    server.graceful();
    // Until then the old process serves over the connections that it has.
    poll::wait_for("there is a socket again", || fs::read_dir(&place).unwrap().count() > 0);
    poll::wait_for("the group serves", || site.get("/").status == 200);
}

/// The owner and the mode are corrected.
#[trial(differs(WORDS))]
fn a_script_of_somebody_else_gets_its_owner(setup: &Setup) {
    needs_root(setup);
    let scripts = Scripts::new(setup, &application("pass"));
    let (user, uid, ..) = server_user().unwrap();
    let group = format!("{GROUP} script-user={user}");
    let lines = owned(&[&group, &scripts.alias("process-group=shop")]);
    let refused = |wanted: &str| {
        let server = Httpd::start(setup, &plan(&lines), "owner");
        server.announce("re:.");
        let site = Site::new(&server, setup);
        assert!(site.get("/").status >= 400);
        let line = expect_advice(&site, &["WSGI1336"]).remove(0);
        assert!(line.contains(wanted), "{line}");
    };
    refused("owner");
    chown(scripts.path(), Some(uid), None).unwrap();
    chown(&scripts.0, Some(uid), None).unwrap();
    fs::set_permissions(scripts.path(), fs::Permissions::from_mode(0o666)).unwrap();
    refused("writable by every");
    fs::set_permissions(scripts.path(), fs::Permissions::from_mode(0o644)).unwrap();
    readable(&scripts.0);
    let server = Httpd::start(setup, &plan(&lines), "owned");
    Site::new(&server, setup).get("/").expect(200);
}

/// A group that cannot start is repaired while the server runs: the virtual environment is seen, and nothing is restarted.
#[trial(differs(WORDS))]
fn a_repaired_virtualenv_is_seen(setup: &Setup) {
    let home = complaints::scratch(setup, "unfinished");
    let group = format!("{} connect-timeout=2", GROUP.replace("${PYTHON_HOME}", &home.display().to_string()));
    let server = Httpd::start(setup, &plan(&owned(&[&group, IN_GROUP])), "unfinished");
    server.announce("re:WSGI1051|WSGI13");
    let site = Site::new(&server, setup);
    site.get("/").expect(503);
    expect_advice(&site, &["WSGI1303", "WSGI1339"]);
    complaints::make_virtualenv(&setup.python, &home);
    poll::wait_for("the group serves", || site.get("/").status == 200);
}
