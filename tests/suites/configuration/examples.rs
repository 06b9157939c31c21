/*! The ready configurations of `examples/`: each loads and answers. Only what a test server must have otherwise is replaced:
directories, ports, users. */

use crate::suite;
use crate::support::client::Request;
use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::pythons::virtualenv;
use crate::support::site::Site;
use registration::trial;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const WHY: &str = "they use options that mod_wsgi lacks";

/// The suite.
pub fn suite() -> Suite {
    suite!("examples").reach(Reach::Once)
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// Starts a server with the example's `site.conf`, its `site` below the server's own directory.
fn start(setup: &Setup, name: &str) -> Httpd {
    let text = fs::read_to_string(examples().join(name).join("site.conf")).unwrap();
    let place = setup.run.workdir.path().join(format!("examples-{name}"));
    lay_out(setup, name, &place);
    let text = text
        .replace(&format!("/srv/{name}"), &place.display().to_string())
        .replace("*:80>", "*:${PORT}>")
        .replace("*:8080>", "*:${PORT}>")
        .replace(" user=$name group=$name", "");
    // These are the test server's own.
    let kept = text.lines().filter(|line| !["Listen ", "ErrorLog ", "CustomLog "].iter().any(|word| line.starts_with(word)));
    let plan = Plan::new("nothing.conf").define("OWN_GROUPS", "1").define("OWN_HOME", "1");
    let plan = if text.contains("<Macro") { plan.modules(&["macro"]) } else { plan };
    Httpd::start(setup, &plan.line(&kept.collect::<Vec<_>>().join("\n")), &format!("examples-{name}"))
}

/// Copies the site, readable to httpd's user, with a virtual environment of the frameworks where the configuration names one.
fn lay_out(setup: &Setup, name: &str, place: &Path) {
    let site = examples().join(name).join("site");
    let copied = Command::new("cp").arg("-rT").arg(&site).arg(place).status().unwrap();
    let opened = Command::new("chmod").args(["-R", "a+rX"]).arg(place).status().unwrap();
    assert!(copied.success() && opened.success(), "{} could not be copied", site.display());
    let django = if setup.python.minor() < 10 { "django==4.2.20" } else { "django==5.2.8" };
    let home =
        virtualenv(&setup.python, &[django, "flask==3.1.2", "pyramid==2.0.2", "setuptools==75.8.2", "bottle==0.13.4"]).unwrap();
    std::os::unix::fs::symlink(home, place.join("venv")).unwrap();
}

#[track_caller]
fn answers(setup: &Setup, server: &Httpd, request: &Request, wanted: &str) {
    assert_eq!(Site::new(server, setup).send(request).ok(), wanted);
}

#[trial(differs(WHY))]
fn django_in_processes_of_its_own(setup: &Setup) {
    let server = start(setup, "django");
    let ask = |target| Request::get(target).header("Host", "django.example");
    answers(setup, &server, &ask("/"), "Django, process group django\n");
    answers(setup, &server, &ask("/static/style.css"), "body { font-family: sans-serif }\n");
}

#[trial(differs(WHY))]
fn flask_in_apaches_processes(setup: &Setup) {
    let server = start(setup, "flask");
    answers(setup, &server, &Request::get("/").header("Host", "flask.example"), "Flask\n");
}

#[trial(differs(WHY))]
fn many_tenants(setup: &Setup) {
    if !setup.run.installation.has("macro") {
        setup.skip("this Apache has no mod_macro");
    }
    let server = start(setup, "tenants");
    for name in ["alice", "bob"] {
        let request = Request::get("/").header("Host", format!("{name}.example"));
        answers(setup, &server, &request, &format!("{name} in {name}\n"));
    }
}

#[trial(differs(WHY))]
fn in_a_container(setup: &Setup) {
    let server = start(setup, "containers");
    answers(setup, &server, &Request::get("/").header("Host", "container.example"), "Flask in a container\n");
}

#[trial(differs(WHY))]
fn behind_a_proxy(setup: &Setup) {
    let server = start(setup, "proxy");
    let request = Request::get("/")
        .header("Host", "proxied.example")
        .header("X-Forwarded-For", "192.0.2.7")
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Host", "shop.example");
    answers(setup, &server, &request, "https://shop.example for 192.0.2.7\n");
}

/// A directory that no trial loads would become wrong unnoticed.
#[trial(differs(WHY))]
fn each_directory_is_tried(_: &Setup) {
    let entries = fs::read_dir(examples()).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<String> =
        entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["containers", "django", "flask", "proxy", "tenants"]);
}
