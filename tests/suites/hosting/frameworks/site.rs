/*! The server with the four applications, and what their trials have in common. */

use crate::support::client::Request;
use crate::support::httpd::{Httpd, Plan};
use crate::support::installation::server_user;
use crate::support::matrix::Setup;
use crate::support::pythons::{Python, virtualenv};
use crate::support::response::Response;
use crate::support::site::Site;
use regex::Regex;
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Pinned, so that a run fails for what we changed. Django's newest that each Python can have.
fn packages(python: &Python) -> [&'static str; 5] {
    let django = if python.minor() < 10 { "django==4.2.20" } else { "django==5.2.8" };
    [django, "flask==3.1.2", "pyramid==2.0.2", "setuptools==75.8.2", "bottle==0.13.4"]
}

/// The virtualenv with the frameworks. Its Python has bytecode for the standard library: httpd's user may not write any, and a
/// framework imports so much of it that each start would take seconds.
fn home(python: &Python) -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let home = virtualenv(python, &packages(python)).expect("a virtualenv with the frameworks");
    let guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let compile = "import compileall, importlib.util, os\n\
                   if not os.path.exists(importlib.util.cache_from_source(os.__file__)):\n    \
                   compileall.compile_dir(os.path.dirname(os.__file__), quiet=2, workers=0)";
    let output = Command::new(home.join("bin/python")).args(["-c", compile]).output().unwrap();
    drop(guard);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    home
}

/// The server with all four, and its data directory.
pub fn start(setup: &Setup) -> Httpd {
    let home = home(&setup.python);
    let plan = Plan::new("frameworks.conf").modules(&["filter", "deflate"]).define("PYTHON_HOME", home.display().to_string());
    let server = Httpd::start(setup, &plan, &format!("{}-frameworks", setup.name()));
    let data = server.files.root.join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("large.bin"), large_file()).unwrap();
    if let Some((_, uid, _, gid)) = server_user() {
        chown(&data, Some(uid), Some(gid)).unwrap();
    }
    server
}

/// 300,000 bytes of which no two stretches look the same.
pub fn large_file() -> Vec<u8> {
    (0..75_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

/// Django's database, with a superuser `admin` whose password is `secret`.
pub fn make_database(setup: &Setup, data: &Path) {
    let home = home(&setup.python);
    let manage = setup.run.workdir.path().join("apps/django_site/manage.py");
    for arguments in
        [&["migrate", "--verbosity=0"][..], &["createsuperuser", "--noinput", "--username=admin", "--email=admin@example.org"]]
    {
        let mut command = Command::new(home.join("bin/python"));
        command.arg("-B").arg(&manage).args(arguments).env_clear();
        command.env("SHOP_DATA", data).env("DJANGO_SUPERUSER_PASSWORD", "secret");
        if let Some((_, uid, _, gid)) = server_user() {
            command.uid(uid).gid(gid);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Asserts that the log held nothing that was not announced.
#[track_caller]
pub fn settled(site: &Site) {
    if let Err(why) = site.settle() {
        panic!("{why}");
    }
}

/// The value of a cookie that a response sets.
#[track_caller]
pub fn cookie(response: &Response, name: &str) -> String {
    let lines = response.header_lines("Set-Cookie");
    let found = lines.iter().find_map(|line| line.strip_prefix(&format!("{name}="))?.split(';').next().map(str::to_owned));
    found.unwrap_or_else(|| panic!("no cookie {name} in {lines:?}"))
}

/// The token that Django put into a page's form.
#[track_caller]
pub fn form_token(response: &Response) -> String {
    let field = Regex::new(r#"name="csrfmiddlewaretoken" value="([^"]+)""#).unwrap();
    let found = field.captures(response.text()).unwrap_or_else(|| panic!("no token in {}", response.text()));
    found[1].to_owned()
}

/// A form as a browser sends it.
pub fn form(target: &str, fields: &[(&str, &str)]) -> Request {
    let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Request::post(target, body.join("&")).header("Content-Type", "application/x-www-form-urlencoded")
}

/// A multipart form with a file `document` and a text field `note`.
pub fn upload(target: &str, content: &[u8], headers: &[(&str, &str)]) -> Request {
    let mut body =
        b"--edge\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nwith a note\r\n--edge\r\nContent-Disposition: \
                     form-data; name=\"document\"; filename=\"my file.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n"
            .to_vec();
    body.extend_from_slice(content);
    body.extend_from_slice(b"\r\n--edge--\r\n");
    let request = Request::post(target, body).header("Content-Type", "multipart/form-data; boundary=edge");
    headers.iter().fold(request, |request, (name, value)| request.header(name, value))
}

/// A POST whose body httpd inflates (`SetInputFilter DEFLATE`).
pub fn compressed(site: &Site, target: &str, content: &[u8]) -> Request {
    let path = site.path("files/compressed");
    fs::write(&path, content).unwrap();
    let output = Command::new("gzip").arg("-c").arg(&path).output().unwrap();
    assert!(output.status.success());
    Request::post(target, output.stdout).header("Content-Encoding", "gzip")
}

/// Asserts that a JSON answer says `"key": value`, whatever its spacing.
#[track_caller]
pub fn says(answer: &str, key: &str, value: &str) {
    let compact: String = answer.chars().filter(|c| !c.is_whitespace()).collect();
    let wanted: String = format!("\"{key}\":{value}").chars().filter(|c| !c.is_whitespace()).collect();
    assert!(compact.contains(&wanted), "{answer} lacks {wanted}");
}

/// The SHA-256 of `data`, from a program, as no crate here makes one.
pub fn sha256(site: &Site, data: &[u8]) -> String {
    let path = site.path("files/hashed");
    fs::write(&path, data).unwrap();
    let output = Command::new("sha256sum").arg(&path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}
