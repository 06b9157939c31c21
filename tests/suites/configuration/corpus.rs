/*! Configurations as deployment guides and administrators write them (`tests/corpus`), each with requests and what comes back. The same
trials run with mod_wsgi 6.1.1 under test, which is where the answers were compared.

A file is one server. In it `#: name` begins a configuration, and `#> METHOD host/target [| Header: value] -> status [| text]` is a
request to it: each text must stand in the head or the body of the answer, or must not with `!` before it. `#modules:` names further
modules of Apache for the file. */

use crate::suite;
use crate::support::client::{Client, Request};
use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::{Reach, Setup, Suite};
use registration::trial;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// The suite.
pub fn suite() -> Suite {
    suite!("corpus").reach(Reach::Once)
}

const FILES: [&str; 7] = ["express", "frameworks", "products", "infrastructure", "virtual_hosts", "sections", "modules"];

/// A file of the corpus. It stays for the run, as what a plan announces does.
fn file(name: &str) -> &'static str {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name).with_extension("conf");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).leak()
}

#[trial]
fn what_a_program_writes(setup: &Setup) {
    serves(setup, "express");
}

#[trial]
fn guides_of_frameworks(setup: &Setup) {
    serves(setup, "frameworks");
}

#[trial]
fn guides_of_products(setup: &Setup) {
    serves(setup, "products");
}

#[trial]
fn guides_of_infrastructure(setup: &Setup) {
    serves(setup, "infrastructure");
}

#[trial]
fn virtual_hosts_and_tenants(setup: &Setup) {
    serves(setup, "virtual_hosts");
}

#[trial]
fn conditions_and_sections(setup: &Setup) {
    serves(setup, "sections");
}

#[trial]
fn beside_other_modules(setup: &Setup) {
    serves(setup, "modules");
}

#[trial]
fn there_are_sixty_configurations(_: &Setup) {
    let mut count = 0;
    for name in FILES {
        for part in file(name).split("\n#: ").skip(1) {
            count += 1;
            assert!(part.contains("\n#> "), "nothing is asked of {}", part.lines().next().unwrap_or_default());
        }
    }
    assert!(count >= 60, "{count}");
}

/// Starts the file's server and asks it everything.
fn serves(setup: &Setup, name: &str) {
    let text = file(name);
    let mut plan = Plan::new("corpus.conf").define("OWN_GROUPS", "1");
    let modules: Vec<&'static str> =
        text.lines().filter_map(|line| line.strip_prefix("#modules: ")).flat_map(str::split_whitespace).collect();
    if let Some(missing) = modules.iter().find(|module| !setup.run.installation.has(module)) {
        setup.skip(&format!("this Apache has no mod_{missing}"));
    }
    for pattern in text.lines().filter_map(|line| line.strip_prefix("#announce: ")) {
        plan = plan.announce(pattern);
    }
    let server = Httpd::start(setup, &plan.modules(&modules).line(text), name);
    lay_out(&server.files.root);
    let mut failures = String::new();
    let mut configuration = "";
    for line in text.lines() {
        configuration = line.strip_prefix("#: ").unwrap_or(configuration);
        let Some(asked) = line.strip_prefix("#> ") else { continue };
        let (request, wanted) = asked.split_once(" -> ").unwrap_or_else(|| panic!("{configuration}: no answer in {line}"));
        if let Err(why) = ask(&server, request, wanted) {
            failures.push_str(&format!("\n{configuration}: {request}\n  {why}\n"));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// Static files, and scripts below directories, as the configurations name them.
fn lay_out(root: &Path) {
    let write = |name: &str, text: &str| {
        let file = root.join("htdocs").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        for directory in file.ancestors().skip(1).take_while(|directory| *directory != root) {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    };
    let script = include_str!("../../apps/deployed.wsgi");
    write("static/style.css", "a static file\n");
    write("media/logo.txt", "a logo\n");
    write("index.html", "the start page\n");
    write("sites/alpha/app.wsgi", script);
    write("sites/beta/app.wsgi", script);
    write("scripts/one.wsgi", script);
    write("scripts/two.py", script);
    write(
        "access/.htaccess",
        "AddHandler wsgi-script .wsgi\nOptions +ExecCGI\nWSGICallableObject other\nSetEnv DEPLOYED htaccess\n",
    );
    write("access/run.wsgi", script);
    write("access/plain.txt", "beside a script\n");
    write("home/jane/web/page.wsgi", script);
    write("home/jane/web/page.html", "jane's page\n");
    write("page.shtml", "before <!--#include virtual=\"/inner/part\" --> after\n");
    write("document.md", "# a document\n");
    write("error.html", "the site's own error page\n");
}

fn ask(server: &Httpd, request: &str, wanted: &str) -> Result<(), String> {
    let mut parts = request.split(" | ");
    let (method, url) = parts.next().and_then(|first| first.split_once(' ')).ok_or("METHOD host/target")?;
    let (host, target) = url.split_once('/').ok_or("host/target")?;
    // `host:other` is the second port.
    let (host, port) = host.strip_suffix(":other").map_or((host, server.files.port), |host| (host, server.files.other_port));
    let mut asked = Request::new(method, &format!("/{target}")).header("Host", host).header("Connection", "close");
    for (name, value) in parts.filter_map(|part| part.split_once(": ")) {
        asked = asked.header(name, value);
    }
    let response = Client::connect(port).and_then(|mut client| client.exchange(&asked)).map_err(|error| error.to_string())?;
    let mut wanted = wanted.split(" | ");
    let status = wanted.next().unwrap_or_default().trim();
    let seen = format!("{response:?}\n{}", String::from_utf8_lossy(&response.body));
    if response.status.to_string() != status {
        return Err(format!("{} instead of {status}: {seen}", response.status));
    }
    let heads: Vec<String> = response
        .headers
        .iter()
        .map(|(name, value)| format!("{}: {}", name.to_ascii_lowercase(), String::from_utf8_lossy(value)))
        .collect();
    let answer = format!("{}\n{}", heads.join("\n"), String::from_utf8_lossy(&response.body));
    for text in wanted {
        let (text, there) = text.trim().strip_prefix('!').map_or((text.trim(), true), |text| (text, false));
        if answer.contains(text) != there {
            return Err(format!("`{text}` {} in:\n{answer}", if there { "is not" } else { "is" }));
        }
    }
    Ok(())
}
