//! What is said of a request, and of the script that it leads to.

use super::{EMBEDDED, GROUP, HOME, IN_GROUP, Scripts, WORDS, application, at_request, expect_advice, owned, plan};
use crate::support::client::Request;
use crate::support::httpd::Httpd;
use crate::support::matrix::Setup;
use crate::support::poll;
use crate::support::pythons;
use crate::support::site::Site;
use registration::trial;
use std::fs;

fn page() -> Request {
    Request::get("/")
}

#[trial(differs(WORDS))]
fn a_missing_script_is_created_or_its_path_corrected(setup: &Setup) {
    let scripts = Scripts::new(setup, &application("pass"));
    let right = scripts.alias("");
    let wrong = right.replace("app.wsgi", "none.wsgi");
    at_request(setup, &["WSGI1101"], &[HOME, &wrong], &[HOME, &right], &page());
    // A running server needs no restart for it.
    let server = Httpd::start(setup, &plan(&owned(&[HOME, &wrong])), "missing");
    server.announce("WSGI1101");
    let site = Site::new(&server, setup);
    site.get("/").expect(404);
    scripts.write("none.wsgi", &application("pass"));
    site.get("/").expect(200);
}

#[trial(differs(WORDS))]
fn a_url_is_mapped_to_a_script_and_not_to_a_directory(setup: &Setup) {
    let scripts = Scripts::new(setup, &application("pass"));
    let right = scripts.alias("");
    let wrong = right.replacen("/app.wsgi", "/", 1);
    at_request(setup, &["WSGI1102"], &[HOME, &wrong], &[HOME, &right], &page());
}

#[trial(differs(WORDS))]
fn a_directory_may_run_scripts_or_the_script_is_mapped(setup: &Setup) {
    let scripts = Scripts::new(setup, &application("pass"));
    let directory = scripts.0.display().to_string();
    let handler = |options: &str| {
        format!(
            "Alias /files \"{directory}\"\n<Directory \"{directory}\">\nRequire all granted\nAddHandler wsgi-script .wsgi\n{options}\n</Directory>"
        )
    };
    let request = Request::get("/files/app.wsgi");
    at_request(setup, &["WSGI1103"], &[HOME, &handler("")], &[HOME, &handler("Options +ExecCGI")], &request);
    // Apache's own aliases come first, so the message names a URL that none of them covers.
    let mapped = format!("WSGIScriptAlias /site \"{}\"\n{}", scripts.path(), handler(""));
    let server = Httpd::start(setup, &plan(&owned(&[HOME, &mapped])), "mapped");
    Site::new(&server, setup).get("/site").expect(200);
}

#[trial(differs(WORDS))]
fn a_path_after_the_script_is_allowed_again(setup: &Setup) {
    let off = "<Location />\nAcceptPathInfo Off\n</Location>";
    at_request(setup, &["WSGI1104"], &[HOME, EMBEDDED, off], &[HOME, EMBEDDED], &Request::get("/below"));
}

#[trial(differs(WORDS))]
fn a_longer_body_is_allowed(setup: &Setup) {
    let scripts = Scripts::new(setup, &application("environ['wsgi.input'].read()"));
    let limit = |bytes: u32| format!("<Location />\nLimitRequestBody {bytes}\n</Location>");
    let request = Request::post("/", "x".repeat(2000));
    let alias = scripts.alias("");
    at_request(setup, &["WSGI1108"], &[HOME, &alias, &limit(1000)], &[HOME, &alias, &limit(3000)], &request);
}

#[trial(differs(WORDS))]
fn embedded_mode_is_allowed_or_a_group_is_given(setup: &Setup) {
    let restricted = "WSGIRestrictEmbedded On";
    at_request(setup, &["WSGI1109"], &[HOME, restricted, EMBEDDED], &[HOME, EMBEDDED], &page());
    at_request(setup, &["WSGI1109"], &[HOME, restricted, EMBEDDED], &[GROUP, restricted, IN_GROUP], &page());
}

/// A name that only a request shows, so that configtest can't.
#[trial(differs(WORDS))]
fn a_group_that_a_request_names_is_declared_permitted_or_corrected(setup: &Setup) {
    let named = "SetEnvIf Request_URI . group=shop\nWSGIProcessGroup %{ENV:group}";
    let request = page();
    let start = |lines: &[&str]| plan(&owned(lines)).modules(&["setenvif"]);
    let answers = |lines: &[&str]| {
        let server = Httpd::start(setup, &start(lines), "cured");
        Site::new(&server, setup).send(&request).expect(200);
    };
    let refuses = |code: &str, lines: &[&str]| {
        let server = Httpd::start(setup, &start(lines), "faulty");
        server.announce("re:.");
        let site = Site::new(&server, setup);
        site.send(&request).expect(500);
        expect_advice(&site, &[code]);
    };
    refuses("WSGI1110", &[HOME, EMBEDDED, named]);
    answers(&[EMBEDDED, named, GROUP]);
    answers(&[HOME, EMBEDDED, &named.replace("group=shop", "group=%{GLOBAL}")]);
    let other = GROUP.replace("shop", "other");
    let only = |names: &str| format!("WSGIRestrictProcess {names}");
    refuses("WSGI1321", &[GROUP, &other, EMBEDDED, named, &only("other")]);
    answers(&[GROUP, &other, EMBEDDED, named, &only("other shop")]);
    answers(&[GROUP, &other, EMBEDDED, &named.replace("group=shop", "group=other"), &only("other")]);
    let host = |name: &str, lines: &[&str]| {
        format!("<VirtualHost 127.0.0.1:${{PORT}}>\nServerName {name}\n{}\n</VirtualHost>", lines.join("\n"))
    };
    let owner = host("b.example", &[GROUP]);
    refuses("WSGI1320", &[&host("a.example", &[EMBEDDED, named]), &owner]);
    answers(&[GROUP, &host("a.example", &[EMBEDDED, named])]);
    answers(&[&host("a.example", &[GROUP, EMBEDDED, named]), &owner]);
}

#[trial(differs(WORDS))]
fn a_length_is_corrected_or_left_out(setup: &Setup) {
    let with = |length: &str| {
        format!(
            "def application(environ, start_response):\n    start_response('200 OK', [('Content-Type', 'text/plain'){length}])\n    return [b'served']\n"
        )
    };
    for (code, wrong) in [("WSGI1180", "4"), ("WSGI1181", "8")] {
        let scripts = Scripts::new(setup, &with(&format!(", ('Content-Length', '{wrong}')")));
        let server = Httpd::start(setup, &plan(&owned(&[HOME, &scripts.alias("")])), "lengths");
        server.announce(code);
        let site = Site::new(&server, setup);
        site.get("/");
        expect_advice(&site, &[code]);
        for right in [", ('Content-Length', '6')", ""] {
            scripts.write("app.wsgi", &with(right));
            poll::wait_for("the corrected script serves", || {
                let response = site.get("/");
                response.complete && response.text() == "served" && response.header("Content-Length").as_deref() == Some("6")
            });
        }
    }
}

#[trial(differs(WORDS))]
fn a_callable_is_defined_or_named(setup: &Setup) {
    let scripts = Scripts::new(setup, &application("pass").replace("def application", "def app"));
    let alias = scripts.alias("");
    at_request(setup, &["WSGI1203"], &[HOME, &alias], &[HOME, &alias, "WSGICallableObject app"], &page());
    let server = Httpd::start(setup, &plan(&owned(&[HOME, &alias])), "callable");
    let site = Site::new(&server, setup);
    server.announce("WSGI1203");
    site.get("/").expect(500);
    expect_advice(&site, &["WSGI1203"]);
    scripts.write("app.wsgi", &application("pass"));
    poll::wait_for("the corrected script serves", || site.get("/").status == 200);
}

#[trial(differs(WORDS))]
fn a_function_that_asks_for_reloads_is_corrected_or_removed(setup: &Setup) {
    let text = application("pass");
    let with = |body: &str| format!("def reload_required(resource):\n    {body}\n\n\n{text}");
    let server_of = |scripts: &Scripts| Httpd::start(setup, &plan(&owned(&[HOME, &scripts.alias("")])), "reloads");
    for right in [with("return False"), text.clone()] {
        let scripts = Scripts::new(setup, &with("raise RuntimeError('no answer')"));
        let server = server_of(&scripts);
        server.announce("re:no answer|WSGI1205");
        server.announce_tracebacks();
        let site = Site::new(&server, setup);
        site.get("/").expect(200);
        site.get("/").expect(200);
        expect_advice(&site, &["WSGI1205"]);
        scripts.write("app.wsgi", &right);
        let number = || server.whole_log().iter().filter(|line| line.text.contains("WSGI1205")).count();
        let before = number();
        for _ in 0..3 {
            site.get("/").expect(200);
        }
        // The first of them may have asked the old code, before it saw that there is new one.
        assert!(number() <= before + 1, "{} after {before}", number());
    }
}

/// Literally: the package that the message names is installed, and its two lines are added.
#[trial(differs(WORDS))]
fn an_asgi_application_is_wrapped_as_the_message_says(setup: &Setup) {
    let home = pythons::virtualenv(&setup.python, &["a2wsgi==1.10.10"]).unwrap();
    let group = GROUP.replace("${PYTHON_HOME}", &home.display().to_string());
    let asgi = "class Site:\n    async def __call__(self, scope, receive, send):\n        \
                body = (await receive()).get('body', b'')\n        \
                await send({'type': 'http.response.start', 'status': 200, 'headers': [(b'content-type', b'text/plain')]})\n        \
                await send({'type': 'http.response.body', 'body': scope['path'].encode() + b' ' + body})\n\n\n";
    let scripts = Scripts::new(setup, &format!("{asgi}application = Site()\n"));
    let server = Httpd::start(setup, &plan(&owned(&[&group, &scripts.alias("process-group=shop")])), "asgi");
    let site = Site::new(&server, setup);
    server.announce("WSGI1207");
    site.get("/").expect(500);
    let line = expect_advice(&site, &["WSGI1207"]).remove(0);
    let code = |start: &str| line.split('`').find(|text| text.starts_with(start)).unwrap_or_else(|| panic!("{line}"));
    let (import, wrap) = (code("from a2wsgi import "), code("application = "));
    assert!(line.contains("a2wsgi"), "{line}");
    let wrapped = wrap.replace("(app)", "(application)");
    scripts.write("app.wsgi", &format!("{import}\n\n{asgi}application = Site()\n{wrapped}\n"));
    poll::wait_for("it serves", || site.get("/page").status == 200);
    assert_eq!(site.post("/page", "a body").ok(), "/page a body");
    for number in 0..20 {
        assert_eq!(site.get(&format!("/{number}")).ok(), format!("/{number} "));
    }
}

#[trial(differs(WORDS))]
fn a_directory_of_the_path_is_corrected(setup: &Setup) {
    let directory = setup.run.workdir.server_root("path").join("files");
    let path = |name: &str| format!("WSGIPythonPath \"{}/{name}:${{APPS}}/lib\"", directory.display());
    let lines = owned(&[HOME, EMBEDDED, &path("packages")]);
    let server = Httpd::start(setup, &plan(&lines), "path");
    let site = Site::new(&server, setup);
    site.get("/").expect(200);
    assert!(expect_advice(&site, &["WSGI1255"])[0].contains("/packages"));
    server.announce("WSGI1255");
    drop(site);
    drop(server);
    fs::create_dir(directory.join("packages")).unwrap();
    crate::support::workdir::readable(&directory.join("packages"));
    let server = Httpd::start(setup, &plan(&lines), "cured");
    Site::new(&server, setup).get("/").expect(200);
    assert!(server.whole_log().iter().all(|line| !line.text.contains("WSGI1255")));
}
