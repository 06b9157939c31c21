/*! Mistakes in a configuration, and what is wrong on the machine: what `httpd -t` says, what a server does that is started all the
same, and that following the message mends it. */

mod homes;

use crate::suite;
use crate::support::httpd::{Httpd, Plan, Prepared};
use crate::support::installation::server_user;
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::poll;
use crate::support::site::Site;
use registration::trial;
use std::fs;
use std::path::Path;

/// mod_wsgi's own messages name neither cause nor cure.
pub const WORDS: &str = "its messages say less";

/// The suite.
pub fn suite() -> Suite {
    suite!("configtest", homes).reach(Reach::Once)
}

pub fn plan(lines: &[&str]) -> Plan {
    lines.iter().fold(Plan::new("configtest.conf"), |plan, line| plan.line(line))
}

pub fn homeless(home: &Path) -> Plan {
    plan(&[&format!("WSGIPythonHome \"{}\"", home.display())]).define("OWN_HOME", "1")
}

/// The message of a configuration that is refused: it names the line, and each of `wanted`.
#[track_caller]
fn refused(setup: &Setup, line: &str, wanted: &[&str]) {
    let (accepted, said) = Prepared::new(setup, &plan(&[line]), "configtest").configtest();
    assert!(!accepted, "`{line}` was accepted: {said}");
    assert!(said.contains("Syntax error on line ") && said.contains("httpd.conf:"), "no place for `{line}`: {said}");
    let directive = line.trim_start_matches('<').split([' ', '\n']).next().unwrap();
    for text in wanted.iter().copied().chain(["To fix: "]) {
        assert!(said.contains(text), "`{line}` ({directive}): the message lacks `{text}`: {said}");
    }
}

pub fn accepted(setup: &Setup, plan: &Plan) -> String {
    let (accepted, said) = Prepared::new(setup, plan, "configtest").configtest();
    assert!(accepted, "{said}");
    said
}

#[trial]
fn a_good_configuration_is_accepted_without_a_word(setup: &Setup) {
    assert_eq!(findings(&accepted(setup, &plan(&[]))), ["Syntax OK"]);
}

/// What configtest said, without the line by which it tells anybody but root that it runs no interpreter.
fn findings(said: &str) -> Vec<&str> {
    said.lines().filter(|line| !line.contains("WSGI1058")).collect()
}

/// Configtest runs interpreters as somebody else, or not at all.
pub fn needs_root(setup: &Setup) {
    if server_user().is_none() {
        setup.skip("without root configtest runs no interpreter");
    }
}

#[trial(differs(WORDS))]
fn arguments_are_checked(setup: &Setup) {
    for directive in ["WSGIScriptAlias", "WSGIScriptAliasMatch", "WSGIHandlerScript"] {
        refused(setup, &format!("{directive} /x"), &[directive, "two arguments", "`/x`"]);
    }
    refused(setup, "WSGIImportScript /x.wsgi", &["WSGIImportScript", "process-group=", "application-group="]);
    refused(
        setup,
        "WSGIImportScript /x.wsgi process-group=%{GLOBAL} application-group=%{HOST}",
        &["WSGIImportScript", "application-group="],
    );
    refused(setup, "WSGIScriptAliasMatch ( /x", &["WSGIScriptAliasMatch", "regular expression `(`"]);
}

#[trial(differs(WORDS))]
fn options_are_checked(setup: &Setup) {
    let alias = |options: &str| format!("WSGIScriptAlias /y \"${{APPS}}/where.wsgi\" {options}");
    refused(setup, &alias("nonsense=1"), &["`nonsense=1`", "callable-object="]);
    refused(setup, &alias("nonsense"), &["`nonsense`"]);
    refused(setup, &alias("application-group="), &["`application-group=`", "no value"]);
    refused(setup, "WSGIDaemonProcess shop threads=''", &["`threads=`", "no value"]);
    refused(setup, &alias("pass-authorization=Maybe"), &["pass-authorization=", "Off | On"]);
    refused(setup, "WSGIHandlerScript x \"${APPS}/where.wsgi\" callable-object=f", &["`callable-object=f`"]);
}

#[trial(differs(WORDS))]
fn values_are_checked(setup: &Setup) {
    for directive in
        ["WSGIScriptReloading", "WSGIPassAuthorization", "WSGIChunkedRequest", "WSGIDontWriteBytecode", "WSGIEnableSendfile"]
    {
        refused(setup, &format!("{directive} Perhaps"), &[&format!("{directive} must be one of: Off | On"), "`Perhaps`"]);
        accepted(setup, &plan(&[&format!("{directive} oN")]));
    }
    refused(setup, "WSGIMapHEADToGET Sometimes", &["WSGIMapHEADToGET must be one of: Off | On | Auto"]);
    for bad in ["-1", "4294967296", "ten", "1x", ""] {
        refused(setup, &format!("WSGIPythonHashSeed \"{bad}\""), &["WSGIPythonHashSeed", "4294967295"]);
    }
    for bad in ["-1", "3", "x"] {
        refused(setup, &format!("WSGIPythonOptimize {bad}"), &["WSGIPythonOptimize", "0 | 1 | 2"]);
    }
    for bad in ["0", "-1", "abc", "nan", "inf"] {
        refused(setup, &format!("WSGISwitchInterval {bad}"), &["WSGISwitchInterval"]);
    }
    for bad in ["a.host.name", "10.0.0.0/33", "::/129", "1.2.3.4/x"] {
        refused(setup, &format!("WSGITrustedProxies {bad}"), &["WSGITrustedProxies", &format!("`{bad}`")]);
    }
    accepted(setup, &plan(&["WSGITrustedProxies 2001:DB8::/32 ::1 127.0.0.1", "WSGITrustedProxyHeaders x-forwarded-for"]));
    for bad in ["X_Forwarded_For", "X-Unknown"] {
        refused(
            setup,
            &format!("WSGITrustedProxyHeaders {bad}"),
            &["WSGITrustedProxyHeaders", &format!("`{bad}`"), "X-Forwarded-For"],
        );
    }
    refused(setup, "WSGICallableObject a.b", &["WSGICallableObject", "`a.b`"]);
    refused(setup, "WSGIPythonHome \"\"", &["WSGIPythonHome takes one argument, found: an empty argument"]);
}

#[trial(differs(WORDS))]
fn the_context_is_checked(setup: &Setup) {
    for line in [
        "WSGIPythonHome /usr",
        "WSGIPythonPath /usr",
        "WSGIPythonOptimize 1",
        "WSGICaseSensitivity Off",
        "WSGIRestrictSignal Off",
    ] {
        let directive = line.split(' ').next().unwrap();
        refused(setup, &format!("<VirtualHost *:${{PORT}}>\n{line}\n</VirtualHost>"), &[directive, "VirtualHost"]);
    }
}

#[trial(differs(WORDS))]
fn daemon_groups_that_do_not_exist_are_refused(setup: &Setup) {
    refused_as_a_whole(setup, "WSGIProcessGroup shop", &["WSGI1018", "WSGIProcessGroup", "`shop`", "%{GLOBAL}"]);
    refused_as_a_whole(
        setup,
        "WSGIScriptAlias /y \"${APPS}/where.wsgi\" process-group=shop",
        &["WSGI1018", "WSGIScriptAlias", "`shop`"],
    );
    let import = "WSGIImportScript \"${APPS}/where.wsgi\" process-group=shop application-group=x";
    refused_as_a_whole(setup, import, &["WSGI1018", "WSGI process group not yet configured.", "`shop`"]);
    accepted(setup, &plan(&["WSGIProcessGroup %{GLOBAL}"]));
    accepted(setup, &plan(&["WSGIProcessGroup shop", "WSGIDaemonProcess shop"]));
    warned(setup, &plan(&["<Location /x>\nWSGIProcessGroup shop\n</Location>"]), &["WSGI1019", "`shop`"]);
}

#[trial(differs("a script to be loaded at start must stand after its group"))]
fn a_group_may_be_defined_after_its_scripts(setup: &Setup) {
    let script = "\"${APPS}/where.wsgi\" process-group=shop application-group=%{GLOBAL}";
    let host = |port: &str, lines: &str| format!("<VirtualHost *:${{{port}}}>\nServerName shop.example\n{lines}\n</VirtualHost>");
    accepted(setup, &plan(&[&format!("WSGIScriptAlias /y {script}"), "WSGIDaemonProcess shop"]));
    accepted(setup, &plan(&[&format!("WSGIImportScript {script}"), "WSGIDaemonProcess shop"]));
    let first = host("OTHER_PORT", &format!("WSGIScriptAlias /y {script}"));
    accepted(setup, &plan(&["Listen 127.0.0.1:${OTHER_PORT}", &first, &host("PORT", "WSGIDaemonProcess shop")]));
}

#[trial(differs("they were removed"))]
fn directives_of_former_versions_are_accepted(setup: &Setup) {
    for line in ["WSGILazyInitialization On", "WSGINewRelicConfigFile /etc/newrelic.ini", "WSGINewRelicEnvironment production"] {
        let (accepted, said) = Prepared::new(setup, &plan(&[line]), "former").configtest();
        let name = line.split(' ').next().unwrap();
        let about: Vec<&str> = said.lines().filter(|said| said.contains(name)).collect();
        assert!(accepted && about.len() == 1 && about[0].contains("WSGI1015") && about[0].contains("[wsgi:info]"), "{said}");
    }
    refused(setup, "WSGILazyInitialization Perhaps", &["WSGILazyInitialization must be one of: Off | On"]);
}

/// As `/var/run/wsgi` does.
#[trial]
fn the_sockets_may_lie_behind_a_link(setup: &Setup) {
    let lines = ["WSGISocketPrefix \"${ROOT}/link/s\"", "WSGIDaemonProcess shop", "WSGIProcessGroup shop"];
    let files = Prepared::new(setup, &plan(&lines), "link");
    std::os::unix::fs::symlink(files.root.join("run"), files.root.join("absolute")).unwrap();
    std::os::unix::fs::symlink("absolute", files.root.join("link")).unwrap();
    let (accepted, said) = files.configtest();
    assert!(accepted && !said.contains("[wsgi:warn]"), "{said}");
}

#[trial(differs(WORDS))]
fn a_daemon_group_is_checked(setup: &Setup) {
    refused(setup, "WSGIDaemonProcess shop process=2", &["Invalid option to WSGI daemon process definition.", "`processes=`"]);
    refused(setup, "WSGIDaemonProcess shop threads=many", &["WSGIDaemonProcess `shop`", "`threads=`", "`many`"]);
    refused(setup, "WSGIDaemonProcess shop processes=2000000", &["`processes=`", "from 1 to 1024"]);
    refused(setup, "WSGIDaemonProcess shop memory-limit=512", &["`memory-limit=`", "`512`", "`memory-limit=512M`"]);
    refused(setup, "WSGIDaemonProcess shop stack-size=1", &["`stack-size=`", "from 65536", "at least 65536"]);
    refused(setup, "WSGIDaemonProcess shop user=root", &["WSGI process blocked from running as root."]);
    let host = |options: &str| {
        format!(
            "<VirtualHost *:${{PORT}}>\nServerName a.example\nWSGIDaemonProcess shop {options}\nWSGIProcessGroup shop\n</VirtualHost>"
        )
    };
    accepted(setup, &plan(&[&host("threads=2"), &host("threads=2")]));
    let twice = [host("threads=2"), host("threads=3")].join("\n");
    refused(setup, &twice, &["Name duplicates previous WSGI daemon definition.", "`shop`"]);
    warned(setup, &plan(&["WSGIDaemonProcess shop"]), &["WSGI1017", "`WSGIProcessGroup shop`"]);
}

/// The state of the machine: a group with such an option serves all the same.
#[trial(differs(WORDS))]
fn directories_of_a_daemon_group_that_are_of_no_use_are_warnings(setup: &Setup) {
    let group = |options: &str| plan(&[&format!("WSGIDaemonProcess shop {options}"), "WSGIProcessGroup shop"]);
    warned(
        setup,
        &group("python-path=/usr:lib-that-is-not"),
        &[
            "WSGI1510: WSGIDaemonProcess `shop` at ",
            "`python-path=` names `/",
            "lib-that-is-not` does not exist",
            "a relative path is resolved against `ServerRoot`",
        ],
    );
    warned(setup, &group("python-eggs=/srv/no/eggs"), &["WSGI1510", "`python-eggs=`", "does not exist", "`install -d -o "]);
    warned(setup, &group("python-eggs=/etc/passwd"), &["WSGI1510", "`/etc/passwd` is not a directory"]);
    if server_user().is_some() {
        warned(setup, &group("python-eggs=/usr"), &["WSGI1510", "may not write to it", "`install -d -o "]);
    }
    accepted(setup, &group("python-path=/usr python-eggs=/tmp"));
}

/// A mistake that only the whole configuration shows: configtest fails, and names the line.
#[track_caller]
fn refused_as_a_whole(setup: &Setup, line: &str, wanted: &[&str]) {
    let (accepted, said) = Prepared::new(setup, &plan(&[line]), "configtest").configtest();
    assert!(!accepted, "`{line}` was accepted: {said}");
    assert!(said.contains("Configuration check failed") && said.contains("httpd.conf:"), "no place for `{line}`: {said}");
    for text in wanted.iter().copied().chain(["To fix: "]) {
        assert!(said.contains(text), "`{line}`: the message lacks `{text}`: {said}");
    }
}

/// A configuration that is accepted with a warning which says all of `wanted`.
#[track_caller]
pub fn warned(setup: &Setup, plan: &Plan, wanted: &[&str]) -> String {
    let said = accepted(setup, plan);
    let warning =
        said.lines().find(|line| line.contains("[wsgi:warn]")).unwrap_or_else(|| panic!("no warning: {said}")).to_owned();
    for text in wanted.iter().copied().chain(["WSGI1", "To fix: "]) {
        assert!(warning.contains(text), "the warning lacks `{text}`: {warning}");
    }
    warning
}

#[trial(differs(WORDS))]
fn a_shadowed_alias_is_a_warning(setup: &Setup) {
    let shadowed = plan(&["WSGIScriptAlias /app/below \"${APPS}/where.wsgi\""]);
    warned(setup, &shadowed, &["`/app/below`", "httpd.conf:", "configtest.conf:2"]);
}

#[trial(differs(WORDS))]
fn trusting_everybody_is_a_warning(setup: &Setup) {
    warned(setup, &plan(&["WSGITrustedProxyHeaders X-Forwarded-For"]), &["WSGITrustedProxies"]);
    let named = plan(&["WSGITrustedProxyHeaders X-Forwarded-For", "WSGITrustedProxies 127.0.0.1"]);
    assert_eq!(findings(&accepted(setup, &named)), ["Syntax OK"]);
}

/// A failing check at a graceful restart would end the server.
#[trial]
fn a_mistake_does_not_end_a_running_server(setup: &Setup) {
    let server = Httpd::start(setup, &plan(&["IncludeOptional ${ROOT}/files/*.part"]), "running");
    let site = Site::new(&server, setup);
    site.get("/app").expect(200);
    // What is wrong with the machine, and what only the whole configuration shows.
    fs::write(
        site.path("files/state.part"),
        "WSGIScriptAlias /gone /nowhere/gone.wsgi\nWSGITrustedProxyHeaders X-Forwarded-For\n",
    )
    .unwrap();
    server.announce("re:WSGI10[0-9]+:");
    server.graceful();
    site.get("/app").expect(200);
}

#[trial(differs(WORDS))]
fn a_refused_chunked_upload_names_the_directive(setup: &Setup) {
    use crate::support::client::Request;
    let server = Httpd::start(setup, &plan(&["IncludeOptional ${ROOT}/files/*.part"]), "chunked");
    server.announce("WSGI1106");
    let site = Site::new(&server, setup);
    let upload = Request::post_chunks("/app", &["abc"]);
    site.send(&upload).expect(411);
    let line = site.expect_log("WSGI1106");
    assert!(line.text.contains("WSGIChunkedRequest On"), "{line:?}");
    fs::write(site.path("files/cure.part"), "WSGIChunkedRequest On\n").unwrap();
    server.graceful();
    poll::wait_for("chunked uploads are taken", || site.send(&upload).status == 200);
}

#[trial(differs(WORDS))]
fn a_missing_package_names_the_environment(setup: &Setup) {
    let server = Httpd::start(setup, &plan(&["WSGIScriptAlias /missing \"${APPS}/broken/import_error.wsgi\""]), "package");
    server.announce("re:WSGI12|No module named");
    server.announce_tracebacks();
    let site = Site::new(&server, setup);
    site.get("/missing").expect(500);
    for text in ["No module named 'a_module_that_nobody_has'", "sys.path", "WSGIPythonHome", "pip install"] {
        let line = site.expect_log(text);
        assert!(text != "pip install" || line.text.contains(&setup.home.display().to_string()), "{line:?}");
    }
}
