/*! From a URL to a script, a callable and an interpreter: aliases, regular expressions, handlers, virtual hosts, group names. */

use crate::suite;
use crate::support::client::Request;
use crate::support::matrix::{Reach, Suite};
use crate::support::response::Response;
use crate::support::site::Site;
use registration::trial;
use std::collections::{HashMap, HashSet};
use std::fs;

/// The suite.
pub fn suite() -> Suite {
    suite!("route")
        .plan(|plan| plan.announce("re:WSGI1010: .*route.conf:[0-9]+: the alias for `/app/(never|static)` is never used"))
}

#[track_caller]
fn routed(response: &Response, script_name: &str, path_info: &str) {
    assert_eq!((response.value("SCRIPT_NAME"), response.value("PATH_INFO")), (Some(script_name), Some(path_info)));
}

fn on_host(site: &Site, host: &str, target: &str) -> Response {
    site.send(&Request::get(target).header("Host", host)).expect(200)
}

/// Puts where.wsgi into the server's own directory under another name.
fn place(site: &Site, name: &str) {
    let source = site.setup.run.workdir.path().join("apps/where.wsgi");
    fs::copy(source, site.path(name)).unwrap();
}

#[trial(reach(Reach::Everywhere))]
fn an_alias_maps_a_prefix_to_a_script(site: &Site) {
    routed(&site.get("/app").expect(200), "/app", "");
    routed(&site.get("/app/").expect(200), "/app", "/");
    let response = site.get("/app/a/b.html?q=1").expect(200);
    routed(&response, "/app", "/a/b.html");
    assert_eq!(response.value("QUERY_STRING"), Some("q=1"));
    assert_eq!(response.value("mod_wsgi.script_name"), Some("/app"));
    assert_eq!(response.value("mod_wsgi.path_info"), Some("/a/b.html"));
    assert_eq!(response.value("mod_wsgi.request_handler"), Some("wsgi-script"));
    assert_eq!(response.value("mod_wsgi.process_group"), Some(""));
    assert!(response.value("SCRIPT_FILENAME").unwrap().ends_with("/where.wsgi"));
}

#[trial]
fn an_alias_at_the_root_leaves_the_whole_path(site: &Site) {
    let response = on_host(site, "three.example", "/root/x");
    routed(&response, "", "/root/x");
}

#[trial]
fn an_alias_ends_at_a_slash(site: &Site) {
    site.get("/application").expect(404);
    site.get("/app.html").expect(404);
    place(site, "files/slashed.wsgi");
    routed(&site.get("/slash/slashed.wsgi/x").expect(200), "/slash/slashed.wsgi", "/x");
    site.get("/slash").expect(404);
}

#[trial]
fn an_alias_is_case_sensitive(site: &Site) {
    site.get("/APP").expect(404);
}

#[trial]
fn the_first_alias_that_matches_wins(site: &Site) {
    let response = site.get("/app/special/x").expect(200);
    routed(&response, "/app/special", "/x");
    assert_eq!(response.value("callable"), Some("other"));
    routed(&site.get("/app/never").expect(200), "/app", "/never");
}

#[trial]
fn an_apache_alias_wins_over_a_script_alias(site: &Site) {
    fs::write(site.path("htdocs/page.html"), "static").unwrap();
    assert_eq!(site.get("/app/static/page.html").ok(), "static");
}

#[trial]
fn runs_of_slashes_count_as_one(site: &Site) {
    routed(&site.get("//app///a//b").expect(200), "/app", "/a/b");
}

#[trial]
fn percent_encoding_is_decoded_before_matching(site: &Site) {
    routed(&site.get("/%61pp/%41%20b").expect(200), "/app", "/A b");
}

#[trial]
fn an_alias_to_a_directory_takes_the_next_segment(site: &Site) {
    place(site, "files/one.wsgi");
    fs::create_dir_all(site.path("files/deeper")).unwrap();
    place(site, "files/deeper/two");
    routed(&site.get("/dir/one.wsgi/rest").expect(200), "/dir/one.wsgi", "/rest");
    routed(&site.get("/dir/deeper/two/rest").expect(200), "/dir/deeper/two", "/rest");
    site.allow_log("re:AH00128|WSGI");
    site.get("/dir/none.wsgi").expect(404);
}

#[trial]
fn a_regular_expression_selects_the_script(site: &Site) {
    place(site, "files/chosen.wsgi");
    let response = site.get("/match/chosen/v12/rest").expect(200);
    routed(&response, "/match/chosen/v12", "/rest");
    assert!(response.value("SCRIPT_FILENAME").unwrap().ends_with("/files/chosen.wsgi"));
    site.allow_log("re:AH00128|WSGI");
    site.get("/match/absent/v1").expect(404);
    site.get("/match/chosen/w1").expect(404);
}

#[trial]
fn path_info_that_a_target_makes_divides_the_url_at_a_slash(site: &Site) {
    for (target, script_name, path_info) in [
        ("/made/", "/made", "/-"),
        ("/made/abc/x", "/made/abc", "/abc-x"),
        ("/made/abc/xyz", "/made/abc", "/abc-xyz"),
        ("/made/abc/x/rest", "/made/abc", "/abc-x/rest"),
    ] {
        routed(&site.get(target).expect(200), script_name, path_info);
    }
}

#[trial]
fn add_handler_runs_scripts_where_exec_cgi_is_allowed(site: &Site) {
    place(site, "files/handled.wsgi");
    let response = site.get("/handled/handled.wsgi/rest").expect(200);
    routed(&response, "/handled/handled.wsgi", "/rest");
    assert_eq!(response.value("mod_wsgi.handler_script"), Some(""));
}

#[trial]
fn without_exec_cgi_a_handler_is_forbidden(site: &Site) {
    place(site, "files/handled.wsgi");
    site.get("/no-exec/handled.wsgi").expect(403);
    site.expect_log("ExecCGI");
}

#[trial]
fn set_handler_by_both_names(site: &Site) {
    for name in ["set.txt", "old.txt"] {
        place(site, &format!("files/{name}"));
        routed(&site.get(&format!("/handled/{name}/rest")).expect(200), &format!("/handled/{name}"), "/rest");
    }
}

#[trial]
fn a_handler_script_serves_resources(site: &Site) {
    fs::write(site.path("htdocs/file.data"), "data").unwrap();
    let response = site.get("/resources/file.data/rest").expect(200);
    routed(&response, "/resources/file.data", "/rest");
    assert_eq!(response.value("callable"), Some("handle_request"));
    assert!(response.value("SCRIPT_FILENAME").unwrap().ends_with("/htdocs/file.data"));
    assert!(response.value("mod_wsgi.handler_script").unwrap().ends_with("/where.wsgi"));
    assert_eq!(response.value("mod_wsgi.request_handler"), Some("by-script"));
    fs::write(site.path("htdocs/file.grouped"), "data").unwrap();
    let response = site.get("/resources/file.grouped").expect(200);
    assert_eq!(response.value("mod_wsgi.application_group"), Some("by-script"));
}

#[trial]
fn a_handler_script_needs_no_resource(site: &Site) {
    assert_eq!(site.get("/virtual-resource").expect(200).value("callable"), Some("handle_request"));
}

#[trial]
fn a_missing_script_is_not_found(site: &Site) {
    site.get("/gone").expect(404);
    site.expect_log("gone.wsgi");
}

#[trial]
fn a_directory_as_script_is_forbidden(site: &Site) {
    fs::create_dir_all(site.path("files/directory")).unwrap();
    site.get("/dir/directory/").expect(403);
    site.expect_log("re:/files/directory");
}

#[trial]
fn path_info_can_be_refused(site: &Site) {
    site.get("/no-path-info").expect(200);
    site.get("/no-path-info/rest").expect(404);
    site.expect_log("where.wsgi");
}

#[trial(reach(Reach::Everywhere))]
fn a_virtual_hosts_aliases_come_first(site: &Site) {
    assert_eq!(on_host(site, "one.example", "/app").value("callable"), Some("handle_request"));
    assert_eq!(on_host(site, "www.one.example", "/app").value("callable"), Some("handle_request"));
    assert_eq!(on_host(site, "two.example", "/app").value("callable"), Some("application"));
    on_host(site, "one.example", "/only-here");
    site.send(&Request::get("/only-here").header("Host", "two.example")).expect(404);
    routed(&on_host(site, "one.example", "/grouped"), "/grouped", "");
}

#[trial]
fn application_groups_by_every_form(site: &Site) {
    let server = format!("localhost:{}", site.server.files.port);
    let host = format!("named.by.client:{}", site.server.files.port);
    let group = |host: &str, target: &str| {
        let response = on_host(site, host, target);
        response.value("mod_wsgi.application_group").map(str::to_owned)
    };
    assert_eq!(group("localhost", "/g/global").as_deref(), Some(""));
    assert_eq!(group(&server, "/g/server"), Some(server.clone()));
    assert_eq!(group("localhost", "/g/server").as_deref(), Some("localhost"), "port 80 is left out");
    assert_eq!(group(&server, "/g/resource"), Some(format!("{server}|/g")));
    assert_eq!(group(&host, "/g/host"), Some(host.clone()));
    assert_eq!(group("localhost", "/g/env").as_deref(), Some("from-env"));
    assert_eq!(group("localhost", "/g/no-env").as_deref(), Some("%{ENV:nobody-set-this}"));
    assert_eq!(group(&server, "/g/env-to-form"), Some(server));
    assert_eq!(group("localhost", "/g/literal").as_deref(), Some("a name"));
    let of_vhost = format!("two.example:{}", site.server.files.port);
    assert_eq!(group(&of_vhost, "/app"), Some(of_vhost.clone()), "the virtual host's directive");
}

#[trial(reach(Reach::Everywhere).differs("before Python 3.12 a thread that has served a sub-interpreter runs %{GLOBAL} in it, too"))]
fn groups_are_interpreters_of_their_own(site: &Site) {
    let mut client = site.connect();
    let mut interpreter = |target: &str| {
        let response = client.exchange(&Request::get(target)).unwrap().expect(200);
        response.value("interpreter").unwrap().parse::<u32>().unwrap()
    };
    assert_eq!(interpreter("/g/global"), 0, "%{{GLOBAL}} is the main interpreter");
    let several: Vec<u32> = ["/app", "/g/server", "/g/literal", "/g/env"].map(&mut interpreter).to_vec();
    assert_eq!(several.iter().collect::<HashSet<_>>().len(), several.len(), "{several:?}");
    assert!(!several.contains(&0), "somebody names %{{GLOBAL}}, so no other group lives in the main interpreter: {several:?}");
    assert_eq!(interpreter("/app/again"), several[0], "the same group is the same interpreter");
}

/// Every thread serves a sub-interpreter, then the main one, then another: each request is where it belongs.
#[trial(reach(Reach::Everywhere).differs("before Python 3.12 a thread that has served a sub-interpreter runs %{GLOBAL} in it, too"))]
fn a_thread_changes_between_interpreters(site: &Site) {
    let mut clients = [site.connect(), site.connect(), site.connect(), site.connect()];
    let mut seen: HashMap<(&str, String), HashSet<String>> = HashMap::new();
    let mut threads = HashSet::new();
    for round in 0..40 {
        // worker and prefork keep a connection where it is; event takes any thread.
        let client = &mut clients[round % 4];
        for target in ["/app", "/g/global", "/g/literal"] {
            let response = client.exchange(&Request::get(target)).unwrap().expect(200);
            let process = response.value("pid").unwrap().to_owned();
            seen.entry((target, process)).or_default().insert(response.value("interpreter").unwrap().to_owned());
            threads.insert(response.value("thread").unwrap().to_owned());
        }
    }
    assert!(seen.values().all(|numbers| numbers.len() == 1), "each group has one interpreter: {seen:?}");
    assert!(seen.iter().filter(|((target, _), _)| *target == "/g/global").all(|(_, numbers)| numbers.contains("0")), "{seen:?}");
    assert!(!site.setup.mpm.threaded() || threads.len() > 1, "several threads took part: {threads:?}");
}

#[trial]
fn an_alias_option_names_the_group(site: &Site) {
    assert_eq!(site.get("/grouped").expect(200).value("mod_wsgi.application_group"), Some("special"));
}

#[trial]
fn an_alias_may_stand_in_for_another_url(site: &Site) {
    for (directory, target) in [("fallen", "/fallen/not/there?q=1"), ("indexed", "/indexed/?q=1")] {
        fs::create_dir_all(site.path("htdocs").join(directory)).unwrap();
        let response = site.get(target).expect(200);
        routed(&response, "/grouped", &format!("/{directory}"));
        assert_eq!(response.value("QUERY_STRING"), Some("q=1"));
        assert_eq!(response.value("mod_wsgi.application_group"), Some("special"));
    }
}

#[trial]
fn the_callable_can_be_chosen(site: &Site) {
    let targets = ["/g/callable", "/g/callable-env", "/g/callable-unset", "/app"];
    for (target, name) in targets.into_iter().zip(["other", "other", "application", "application"]) {
        let response = site.get(target).expect(200);
        assert_eq!(response.value("callable"), Some(name));
        assert_eq!(response.value("mod_wsgi.callable_object"), Some(name));
    }
}

#[trial(differs("a missing callable is 404 in embedded mode there"))]
fn a_missing_callable_is_an_error(site: &Site) {
    site.get("/g/no-callable").expect(500);
    let line = site.expect_log("missing");
    assert!(line.text.contains("where.wsgi"), "{line:?}");
}

#[trial]
fn something_that_is_not_callable_is_an_error(site: &Site) {
    site.allow_log("WSGI");
    site.get("/g/not-callable").expect(500);
    site.expect_log("re:TypeError: 'str' object is not callable|WSGI1203: `not_callable` is not callable");
}

#[trial]
fn authorization_is_passed_where_asked_for(site: &Site) {
    site.allow_log("WSGI1424");
    let asked = |target: &str| {
        let response = site.send(&Request::get(target).header("Authorization", "Bearer secret")).expect(200);
        response.value("HTTP_AUTHORIZATION").map(str::to_owned)
    };
    assert_eq!(asked("/app"), None);
    assert_eq!(asked("/authorized").as_deref(), Some("Bearer secret"));
    assert_eq!(asked("/g/authorized").as_deref(), Some("Bearer secret"));
}

#[trial]
fn the_script_is_a_module_of_its_own(site: &Site) {
    let response = site.get("/app").expect(200);
    let module = response.value("module").unwrap();
    let digest = module.strip_prefix("_mod_wsgi_").unwrap_or_else(|| panic!("{module}"));
    assert!(digest.len() == 32 && digest.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c)), "{module}");
    let file = response.value("SCRIPT_FILENAME").unwrap();
    assert_eq!(response.value("file"), Some(file));
    // Where Flask looks for an application's directory, and `importlib.resources` and `inspect` for its source.
    assert_eq!(response.value("found"), Some(format!("(True, '{file}', True, 'read')").as_str()));
}
