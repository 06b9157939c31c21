/*! What users of mod_wsgi complain about most, each as a broken configuration: the message names the directive with its place, the cause and
the cure, and applying exactly that makes the application answer. Rows that other suites hold are not repeated here (a broken
`WSGIPythonHome`, chunked uploads: `configtest`; deaths: `daemon`; installing: `install`; SELinux: a unit test, where there is none). */

use crate::suite;
use crate::support::client::Request;
use crate::support::httpd::{Httpd, Plan, Prepared};
use crate::support::installation::server_user;
use crate::support::matrix::{Mode, Reach, Setup, Suite};
use crate::support::poll;
use crate::support::pythons::Python;
use crate::support::site::Site;
use crate::support::workdir::{readable, writable_directory};
use registration::trial;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

pub const WORDS: &str = "its messages say less";

/// The suite.
pub fn suite() -> Suite {
    suite!("complaints").reach(Reach::Once)
}

/// A server with these lines and nothing else of WSGI.
pub fn plan(lines: &[String]) -> Plan {
    let plan = Plan::new("complaints.conf").define("OWN_HOME", "1").define("OWN_GROUPS", "1");
    lines.iter().fold(plan, |plan, line| plan.line(line))
}

pub fn configtest(setup: &Setup, lines: &[String]) -> (bool, String) {
    Prepared::new(setup, &plan(lines), "complaint").configtest()
}

/// configtest warns in one line, which has the place and all of `wanted`.
#[track_caller]
pub fn warned(setup: &Setup, lines: &[String], code: &str, wanted: &[&str]) {
    let (accepted, said) = configtest(setup, lines);
    assert!(accepted, "{said}");
    let line = said.lines().find(|line| line.contains(code)).unwrap_or_else(|| panic!("{code} is missing: {said}"));
    for text in wanted.iter().copied().chain(["httpd.conf:", "[wsgi:warn]", "To fix: "]) {
        assert!(line.contains(text), "`{text}` is missing: {line}");
    }
}

/// With these lines configtest has nothing to say, and the application answers.
#[track_caller]
pub fn serves(setup: &Setup, lines: &[String], target: &str) -> String {
    let (accepted, said) = configtest(setup, lines);
    // Without root it says that interpreters are not run.
    let told: Vec<&str> = said.lines().filter(|line| !line.contains("WSGI1058")).collect();
    assert!(accepted && told == ["Syntax OK"], "{said}");
    let server = Httpd::start(setup, &plan(lines), "cured");
    Site::new(&server, setup).get(target).ok()
}

pub fn group(options: &str) -> Vec<String> {
    vec![
        format!("WSGIDaemonProcess shop threads=2 python-path=\"${{APPS}}/lib\" {options}"),
        "WSGIScriptAlias / \"${APPS}/where.wsgi\" process-group=shop".to_owned(),
    ]
}

pub fn scratch(setup: &Setup, name: &str) -> PathBuf {
    setup.run.workdir.server_root(name).join("home")
}

pub fn make_virtualenv(python: &Python, home: &Path) {
    let status = Command::new(&python.executable).args(["-m", "venv", "--clear", "--without-pip"]).arg(home).status();
    assert!(status.unwrap().success());
}

pub fn needs_root(setup: &Setup) {
    if server_user().is_none() {
        setup.skip("without root there is no other user for whom something could be closed");
    }
}

/// Row 1, in daemon mode.
#[trial(differs(WORDS))]
fn a_group_whose_home_is_missing(setup: &Setup) {
    let home = scratch(setup, "missing");
    let lines = group(&format!("python-home=\"{}\"", home.display()));
    let wanted = format!("`{}` does not exist", home.display());
    warned(setup, &lines, "WSGI1051", &["WSGIDaemonProcess `shop` at ", "`python-home=`", &wanted]);
    make_virtualenv(&setup.python, &home);
    assert!(serves(setup, &lines, "/").contains("mod_wsgi.process_group=shop"));
}

/// Row 1: the directory is there for root, and not for the group's user.
#[trial(differs(WORDS))]
fn a_group_whose_home_is_closed_to_its_user(setup: &Setup) {
    needs_root(setup);
    let home = scratch(setup, "closed");
    let closed = home.parent().unwrap().join("closed");
    let inside = closed.join("home");
    fs::create_dir(&closed).unwrap();
    make_virtualenv(&setup.python, &inside);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let lines = group(&format!("user=nobody home=/ python-home=\"{}\"", inside.display()));
    let cure = format!("`chmod o+x {}`", closed.display());
    warned(setup, &lines, "WSGI1051", &["WSGIDaemonProcess `shop` at ", "for user nobody", &cure]);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o701)).unwrap();
    serves(setup, &lines, "/");
}

#[trial(differs(WORDS))]
fn a_group_whose_user_does_not_exist(setup: &Setup) {
    needs_root(setup);
    warned(setup, &group("user=no-such-user-here"), "WSGI1022", &["`user=`", "`no-such-user-here`"]);
    let home = format!("python-home=\"{}\"", setup.home.display());
    // Debian's nobody has a home that is not there, and processes begin in their user's home.
    if !Path::new("/nonexistent").exists()
        && fs::read_to_string("/etc/passwd").unwrap().contains("nobody:x:65534:65534:nobody:/nonexistent:")
    {
        warned(setup, &group(&format!("{home} user=nobody")), "WSGI1302", &["`/nonexistent` does not exist", "`home=`"]);
    }
    serves(setup, &group(&format!("{home} user=nobody home=/")), "/");
}

/// Row 2: the system's Python was replaced by a newer one below a virtualenv.
#[trial(differs(WORDS))]
fn a_virtualenv_of_another_python(setup: &Setup) {
    let Some(other) = setup.run.pythons.iter().find(|python| python.version != setup.python.version) else {
        setup.skip("there is one Python only")
    };
    let home = scratch(setup, "replaced");
    make_virtualenv(other, &home);
    for name in ["python", "python3"] {
        let link = home.join("bin").join(name);
        fs::remove_file(&link).unwrap();
        symlink(&setup.python.executable, &link).unwrap();
    }
    let configuration = home.join("pyvenv.cfg");
    let text = fs::read_to_string(&configuration).unwrap();
    let base = |python: &Python| python.executable.parent().unwrap().display().to_string();
    fs::write(&configuration, text.replace(&base(other), &base(&setup.python))).unwrap();
    let lines = group(&format!("python-home=\"{}\"", home.display()));
    // What is in the way is moved, not removed: there may be more in that directory than packages.
    let cure = format!("`mv {0} {0}.old && python{1} -m venv {0}`", home.display(), setup.python.version);
    let for_python = format!("was created for Python {}", other.version);
    if server_user().is_some() {
        warned(setup, &lines, "WSGI1420", &["WSGIDaemonProcess `shop` at ", &for_python, &cure]);
    }
    fs::rename(&home, home.with_extension("old")).unwrap();
    make_virtualenv(&setup.python, &home);
    assert!(serves(setup, &lines, "/").contains("mod_wsgi.process_group=shop"));
}

/// Row 5. Two applications of one group: the second one lives in a sub-interpreter.
#[trial(differs(WORDS))]
fn an_extension_that_hates_subinterpreters(setup: &Setup) {
    let mut lines = group(&format!("python-home=\"{}\"", setup.home.display()));
    lines.push("WSGIScriptAlias /first \"${APPS}/where.wsgi\" process-group=shop".to_owned());
    lines.swap(1, 2);
    lines[2] = "WSGIScriptAlias /only \"${APPS}/main_interpreter.wsgi\" process-group=shop".to_owned();
    let server = Httpd::start(setup, &plan(&lines), "sub-interpreter");
    server.announce("re:WSGI1202|ImportError|To fix: |interpreter:|sys.path");
    server.announce_tracebacks();
    let site = Site::new(&server, setup);
    site.get("/first").expect(200);
    site.get("/only").expect(500);
    site.expect_log("set `WSGIApplicationGroup %{GLOBAL}` for this script");
    drop(site);
    drop(server);
    lines.push("<Location /only>\nWSGIApplicationGroup %{GLOBAL}\n</Location>".to_owned());
    assert_eq!(serves(setup, &lines, "/only"), "the main one");
}

/// Row 7. A Python that was built without a shared library: a copy of the system's, which is linked statically.
#[trial(differs(WORDS))]
fn a_python_without_a_shared_library(setup: &Setup) {
    let Some(system) =
        setup.run.pythons.iter().find(|python| python.prefix == Path::new("/usr") && is_static(&python.executable))
    else {
        setup.skip("this machine's own Python is not a static one")
    };
    let home = scratch(setup, "static");
    copy_static(system, &home);
    let line = format!("WSGIPythonHome \"{}\"", home.display());
    let alias = "WSGIScriptAlias / \"${APPS}/where.wsgi\"".to_owned();
    let broken = [line, "WSGIPythonPath \"${APPS}/lib\"".to_owned(), alias];
    if server_user().is_some() {
        let name = format!("libpython{}.so.1.0", system.version);
        let wanted = [
            "WSGIPythonHome at ",
            &name,
            "built without a shared library",
            "--enable-shared",
            "`WSGIDaemonProcess` and `WSGIProcessGroup`",
        ];
        warned(setup, &broken, "WSGI1054", &wanted);
    }
    let server = Httpd::start(setup, &plan(&broken), "static");
    server.announce("re:WSGI10(54|59)|WSGI1111");
    let site = Site::new(&server, setup);
    site.get("/").expect(503);
    site.expect_log("re:WSGI1054: WSGIPythonHome at .*httpd.conf:");
    drop(site);
    drop(server);
    let mut cured = broken.to_vec();
    cured.push("WSGIDaemonProcess shop threads=2 python-path=\"${APPS}/lib\"".to_owned());
    cured.push("WSGIProcessGroup shop".to_owned());
    assert!(serves(setup, &cured, "/").contains("mod_wsgi.process_group=shop"));
}

fn is_static(executable: &Path) -> bool {
    let image = fs::read(executable).unwrap();
    !image.windows(b"libpython3".len()).any(|window| window == b"libpython3") || {
        let output = Command::new("ldd").arg(executable).output().unwrap();
        !String::from_utf8_lossy(&output.stdout).contains("libpython")
    }
}

/// Its executable and its modules below `home`, with what `sysconfig` says of a build without `--enable-shared`.
fn copy_static(python: &Python, home: &Path) {
    let library = format!("lib/python{}", python.version);
    fs::create_dir_all(home.join("bin")).unwrap();
    fs::create_dir_all(home.join("lib")).unwrap();
    for directory in [home.to_owned(), home.join("bin"), home.join("lib")] {
        readable(&directory);
    }
    fs::copy(&python.executable, home.join("bin/python3")).unwrap();
    assert!(
        Command::new("cp").arg("-a").arg(Path::new("/usr").join(&library)).arg(home.join(&library)).status().unwrap().success()
    );
    for entry in fs::read_dir(home.join(&library)).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("_sysconfigdata") && !path.is_symlink() {
            let text = fs::read_to_string(&path).unwrap();
            let changed: Vec<String> = text.lines().map(|line| without_shared(line, python, home)).collect();
            fs::write(&path, changed.join("\n")).unwrap();
        }
    }
}

fn without_shared(line: &str, python: &Python, home: &Path) -> String {
    let values = [
        ("LIBDIR", format!("'{}/lib'", home.display())),
        ("INSTSONAME", format!("'libpython{}.a'", python.version)),
        ("Py_ENABLE_SHARED", "0".to_owned()),
    ];
    match values.iter().find(|(name, _)| line.trim_start().starts_with(&format!("'{name}':"))) {
        Some((name, value)) => format!(" '{name}': {value},"),
        None => line.to_owned(),
    }
}

/// Row 8.
#[trial(differs(WORDS))]
fn a_socket_that_apache_cannot_reach(setup: &Setup) {
    needs_root(setup);
    let closed = setup.run.workdir.server_root("sockets").join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let mut lines = group(&format!("python-home=\"{}\"", setup.home.display()));
    lines.push(format!("WSGISocketPrefix \"{}/wsgi\"", closed.display()));
    let (accepted, said) = configtest(setup, &lines);
    let cure = format!("`chmod o+x {}`", closed.display());
    let line = said.lines().find(|line| line.contains("WSGI1421")).unwrap_or_else(|| panic!("{said}"));
    assert!(accepted && line.contains("WSGISocketPrefix") && line.contains(&cure), "{line}");
    let server = Httpd::start(setup, &plan(&lines), "closed-sockets");
    server.announce("WSGI1323");
    let site = Site::new(&server, setup);
    site.get("/").expect(503);
    assert!(site.expect_log("WSGI1323").text.contains("`shop`"));
    drop(site);
    drop(server);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o701)).unwrap();
    serves(setup, &lines, "/");
}

/// Row 10. The project lies beside its script, as Django's `manage.py` lays it out.
#[trial(differs(WORDS))]
fn a_package_beside_the_script_in_a_daemon_group(setup: &Setup) {
    let project = setup.run.workdir.server_root("project").join("htdocs/project");
    fs::create_dir_all(project.join("shop_settings")).unwrap();
    fs::write(project.join("shop_settings/__init__.py"), "").unwrap();
    fs::write(
        project.join("shop_settings/wsgi.py"),
        "import shop_settings\n\ndef application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'found']\n",
    )
    .unwrap();
    let lines = |options: &str| {
        vec![
            format!("WSGIDaemonProcess shop threads=2 python-home=\"{}\" {options}", setup.home.display()),
            format!("WSGIScriptAlias / \"{}/shop_settings/wsgi.py\" process-group=shop", project.display()),
            format!("<Directory \"{}\">\nRequire all granted\n</Directory>", project.display()),
        ]
    };
    let server = Httpd::start(setup, &plan(&lines("")), "project");
    server.announce("re:WSGI1202|ModuleNotFoundError|To fix: |interpreter:|sys.path");
    server.announce_tracebacks();
    let site = Site::new(&server, setup);
    site.get("/").expect(500);
    site.expect_log(&format!("add `python-path={}` to `WSGIDaemonProcess shop`", project.display()));
    drop(site);
    drop(server);
    assert_eq!(serves(setup, &lines(&format!("python-path={}", project.display())), "/"), "found");
}

/// Row 11: the group is defined, and the application runs in embedded mode all the same.
#[trial(differs(WORDS))]
fn a_daemon_group_that_nothing_uses(setup: &Setup) {
    let home = format!("python-home=\"{}\"", setup.home.display());
    let mut lines = group(&home);
    lines[1] = "WSGIScriptAlias / \"${APPS}/where.wsgi\"".to_owned();
    lines.push(format!("WSGIPythonHome \"{}\"", setup.home.display()));
    warned(setup, &lines, "WSGI1017", &["`shop`", "write `WSGIProcessGroup shop`", "embedded mode"]);
    lines.push("WSGIProcessGroup shop".to_owned());
    assert!(serves(setup, &lines, "/").contains("mod_wsgi.process_group=shop"));
}

/// Row 12: the same definition in both virtual hosts is one group; a changed copy is refused with both places.
#[trial(differs(WORDS))]
fn a_group_that_certbot_copied(setup: &Setup) {
    let host = |port: &str, threads: u32| {
        let lines = group(&format!("python-home=\"{}\"", setup.home.display()));
        let lines = lines.join("\n").replace("threads=2", &format!("threads={threads}"));
        format!("<VirtualHost 127.0.0.1:${{{port}}}>\nServerName a.example\n{lines}\n</VirtualHost>")
    };
    let both = |threads| vec!["Listen 127.0.0.1:${OTHER_PORT}".to_owned(), host("PORT", 2), host("OTHER_PORT", threads)];
    let (accepted, said) = configtest(setup, &both(3));
    let places = said.matches("httpd.conf:").count();
    assert!(!accepted && said.contains("`shop`") && said.contains("make both lines identical") && places >= 2, "{said}");
    assert!(serves(setup, &both(2), "/").contains("mod_wsgi.process_group=shop"));
}

/// Row 16. Said once for each process of Apache.
#[trial(differs(WORDS))]
fn credentials_that_do_not_arrive(setup: &Setup) {
    let mut lines = group(&format!("python-home=\"{}\"", setup.home.display()));
    let request = Request::get("/").header("Authorization", "Token secret");
    let server = Httpd::start(setup, &plan(&lines), "credentials");
    let site = Site::new(&server, setup);
    for _ in 0..3 {
        assert_eq!(site.send(&request).expect(200).value("HTTP_AUTHORIZATION"), None);
    }
    assert!(site.expect_log("WSGI1424").text.contains("`WSGIPassAuthorization On`"));
    server.announce("WSGI1424");
    assert_eq!(site.log().iter().filter(|line| line.text.contains("WSGI1424")).count(), 1);
    assert!(site.log().iter().all(|line| !line.text.contains("secret")));
    drop(site);
    drop(server);
    for (word, value) in [("On", Some("Token secret")), ("Off", None)] {
        lines.truncate(2);
        lines.push(format!("WSGIPassAuthorization {word}"));
        let server = Httpd::start(setup, &plan(&lines), "credentials");
        let response = Site::new(&server, setup).send(&request).expect(200);
        assert_eq!(response.value("HTTP_AUTHORIZATION"), value, "{word}");
    }
}

/// Row 18. Python itself would say nothing, and run in C.
#[trial(differs(WORDS))]
fn a_locale_that_is_not_installed(setup: &Setup) {
    if !Path::new("/usr/bin/locale").exists() {
        setup.skip("this C library has no list of locales");
    }
    let home = format!("python-home=\"{}\"", setup.home.display());
    for option in ["lang", "locale"] {
        let lines = group(&format!("{home} {option}=xx_YY.UTF-8"));
        let named = format!("`{option}=` names the locale `xx_YY.UTF-8`");
        warned(setup, &lines, "WSGI1422", &["WSGIDaemonProcess `shop` at ", &named, "`C"]);
        serves(setup, &group(&format!("{home} {option}=C.UTF-8")), "/");
    }
    let server = Httpd::start(setup, &plan(&group(&format!("{home} locale=xx_YY.UTF-8"))), "foreign");
    server.announce("WSGI1500");
    let site = Site::new(&server, setup);
    site.get("/").expect(200);
    assert!(site.expect_log("WSGI1500").text.contains("'xx_YY.UTF-8'"));
}

/// Row 18: Apache starts with LANG=C on most systems.
#[trial(reach(Reach::Full))]
fn letters_beyond_ascii_under_lang_c(setup: &Setup) {
    for (mode, variable) in
        [(Mode::Embedded, "LANG"), (Mode::Daemon, "LANG"), (Mode::Embedded, "LC_ALL"), (Mode::Daemon, "LC_ALL")]
    {
        let setup = Setup { mode, ..setup.clone() };
        let plan = Plan::new("complaints.conf").environment(variable, "C").line("WSGIScriptAlias / \"${APPS}/unicode.wsgi\"");
        let plan = if variable == "LANG" { plan.environment("LC_ALL", "") } else { plan };
        let server = Httpd::start(&setup, &plan, "lang-c");
        let site = Site::new(&server, &setup);
        let directory = site.path("files/unicode");
        fs::create_dir(&directory).unwrap();
        writable_directory(&directory);
        let text = site.get(&format!("/?{}", directory.display())).ok().to_lowercase();
        assert_eq!(text, "[true, true, 'utf-8', 'utf-8']", "{} {variable}", setup.name());
        // Apache escapes the bytes; they are those of UTF-8.
        server.announce("printed caf");
        poll::wait_for("print() reaches the log", || {
            site.log().iter().any(|line| line.text.contains("printed caf\\xc3\\xa9-\\xe4\\xbd\\xa0\\xe5\\xa5\\xbd"))
        });
    }
}
