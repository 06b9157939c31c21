/*! The environ: every key and its type, how headers become keys, what never gets in. */

use crate::suite;
use crate::support::client::Request;
use crate::support::matrix::{Reach, Suite};
use crate::support::response::Response;
use crate::support::site::Site;
use registration::trial;

/// The suite.
pub fn suite() -> Suite {
    suite!("environ")
        .plan(|plan| {
            plan.modules(&["setenvif", "filter", "deflate", "auth_basic", "authn_core", "authn_file", "authz_user", "include"])
        })
        .in_both_modes()
}

/// `type repr` of a key, from `/raw`.
fn raw(response: &Response, key: &str) -> Option<String> {
    response.value(key).map(str::to_owned)
}

#[track_caller]
fn is(response: &Response, key: &str, expected: &str) {
    assert_eq!(response.value(key), Some(expected), "{key}");
}

#[trial(reach(Reach::Everywhere))]
fn it_is_a_fresh_dict(site: &Site) {
    let mut client = site.connect();
    for _ in 0..3 {
        let response = client.exchange(&Request::get("/identity")).unwrap();
        assert_eq!(response.ok(), "marked=None\nhost='changed'\n");
    }
    is(&site.get("/raw"), "environ", "dict");
}

/// Environs are made from those of earlier requests. More sets of headers than are remembered take turns, with values that stay, that
/// change now and then, that change each time, that are long, and with secrets.
#[trial]
fn nothing_of_an_earlier_request_shows(site: &Site) {
    let mut client = site.connect();
    for round in 0..240_usize {
        let set = if round < 120 { round % 3 } else { round * 7 % 13 };
        let headers = [
            (format!("X-Set-{set}"), "here".to_owned()),
            ("X-Stays".to_owned(), "the same".to_owned()),
            ("X-Sometimes".to_owned(), format!("value {}", round / 10)),
            ("X-Two".to_owned(), format!("{}", round / 3 % 2)),
            ("X-Each".to_owned(), format!("number {round}")),
            ("X-Long".to_owned(), "x".repeat(500 + round / 20 * 4)),
            ("X-Empty".to_owned(), if round % 5 == 0 { String::new() } else { "not".to_owned() }),
            ("Cookie".to_owned(), format!("session={}", round / 30)),
        ];
        let path = if round % 11 == 0 { format!("/raw?round={round}") } else { "/raw".to_owned() };
        let request = headers.iter().fold(Request::get(&path), |request, (name, value)| request.header(name, value));
        let response = client.exchange(&request).unwrap();
        for (name, value) in &headers {
            let key = if name == "Cookie" {
                "HTTP_COOKIE".to_owned()
            } else {
                format!("HTTP_{}", name.to_uppercase().replace('-', "_"))
            };
            is(&response, &key, &format!("str '{value}'"));
        }
        let query = path.split_once('?').map_or("", |(_, query)| query);
        is(&response, "QUERY_STRING", &format!("str '{query}'"));
        assert_eq!(response.text().matches("HTTP_X_SET_").count(), 1, "{set}");
    }
}

#[trial(reach(Reach::Everywhere))]
fn wsgi_keys_have_the_types_of_pep_3333(site: &Site) {
    let response = site.get("/raw");
    is(&response, "wsgi.version", "tuple (1, 0)");
    is(&response, "wsgi.url_scheme", "str 'http'");
    is(&response, "wsgi.run_once", "bool False");
    is(&response, "wsgi.input_terminated", "bool True");
    assert!(!raw(&response, "wsgi.errors").unwrap().starts_with("str "), "a stream");
    assert!(raw(&response, "wsgi.input").unwrap().starts_with("Input "));
    assert!(raw(&response, "wsgi.file_wrapper").unwrap().starts_with("type "));
}

#[trial(embedded("a group's options say it").reach(Reach::Everywhere))]
fn multithread_and_multiprocess_follow_the_mpm(site: &Site) {
    let response = site.get("/raw");
    let yes_or_no = |yes: bool| if yes { "bool True" } else { "bool False" };
    is(&response, "wsgi.multithread", yes_or_no(site.setup.mpm.threaded()));
    // The suites run threaded MPMs with one process and prefork with several.
    is(&response, "wsgi.multiprocess", yes_or_no(!site.setup.mpm.threaded()));
}

#[trial(reach(Reach::Everywhere))]
fn cgi_keys_describe_the_request(site: &Site) {
    let port = site.server.files.port;
    let request = Request::get("/mounted/raw/x?a=1&b=%20").header("Host", format!("localhost:{port}"));
    let response = site.send(&request).expect(200);
    is(&response, "REQUEST_METHOD", "str 'GET'");
    is(&response, "SCRIPT_NAME", "str '/mounted'");
    is(&response, "PATH_INFO", "str '/raw/x'");
    is(&response, "QUERY_STRING", "str 'a=1&b=%20'");
    is(&response, "REQUEST_URI", "str '/mounted/raw/x?a=1&b=%20'");
    is(&response, "SERVER_NAME", "str 'localhost'");
    is(&response, "SERVER_PORT", &format!("str '{port}'"));
    is(&response, "SERVER_ADDR", "str '127.0.0.1'");
    is(&response, "SERVER_PROTOCOL", "str 'HTTP/1.1'");
    is(&response, "SERVER_ADMIN", "str 'webmaster@example.org'");
    is(&response, "REMOTE_ADDR", "str '127.0.0.1'");
    is(&response, "REQUEST_SCHEME", "str 'http'");
    is(&response, "CONTEXT_PREFIX", "str ''");
    is(&response, "DOCUMENT_ROOT", &format!("str '{}'", site.path("htdocs").display()));
    is(&response, "HTTP_HOST", &format!("str 'localhost:{port}'"));
    assert!(raw(&response, "SCRIPT_FILENAME").unwrap().ends_with("/apps/environ.wsgi'"));
    assert!(raw(&response, "SERVER_SOFTWARE").unwrap().starts_with("str 'Apache"));
    let remote_port = raw(&response, "REMOTE_PORT").unwrap();
    assert!(remote_port.trim_matches(|c| "str '".contains(c)).parse::<u16>().is_ok(), "{remote_port}");
}

#[trial]
fn request_uri_is_as_sent(site: &Site) {
    let response = site.get("/raw/a%2Db//c?x=%41");
    is(&response, "REQUEST_URI", "str '/raw/a%2Db//c?x=%41'");
    is(&response, "PATH_INFO", "str '/raw/a-b/c'");
    is(&site.get("/raw"), "QUERY_STRING", "str ''");
}

#[trial]
fn content_type_and_length_come_only_if_sent(site: &Site) {
    let response = site.get("/raw");
    assert_eq!((raw(&response, "CONTENT_TYPE"), raw(&response, "CONTENT_LENGTH")), (None, None));
    let response = site.send(&Request::post("/raw", "abc").header("Content-Type", "text/x; a=b"));
    is(&response, "CONTENT_TYPE", "str 'text/x; a=b'");
    is(&response, "CONTENT_LENGTH", "str '3'");
    assert_eq!((raw(&response, "HTTP_CONTENT_TYPE"), raw(&response, "HTTP_CONTENT_LENGTH")), (None, None));
}

#[trial(embedded("the process group has a name"))]
fn mod_wsgi_keys_have_their_types(site: &Site) {
    let response = site.get("/raw");
    is(&response, "mod_wsgi.version", "tuple (6, 1, 1)");
    is(&response, "mod_wsgi.process_group", "str ''");
    is(&response, "mod_wsgi.application_group", "str 'environ'");
    is(&response, "mod_wsgi.callable_object", "str 'application'");
    is(&response, "mod_wsgi.request_handler", "str 'wsgi-script'");
    is(&response, "mod_wsgi.handler_script", "str ''");
    is(&response, "mod_wsgi.script_name", "str ''");
    is(&response, "mod_wsgi.path_info", "str '/raw'");
    is(&response, "mod_wsgi.listener_port", &format!("str '{}'", site.server.files.port));
    let starts = |key: &str, text: &str| {
        let value = raw(&response, key).unwrap_or_else(|| panic!("{key} is missing"));
        assert!(value.starts_with(text), "{key}={value}");
    };
    starts("mod_wsgi.listener_host", "str '");
    starts("mod_wsgi.server_pid", "str '");
    starts("mod_wsgi.request_id", "str '");
    starts("mod_wsgi.thread_id", "int ");
    starts("apache.version", "tuple (2, 4, ");
    let pid: i32 = raw(&response, "mod_wsgi.server_pid").unwrap().trim_matches(|c| "str '".contains(c)).parse().unwrap();
    assert!(site.server.children().iter().any(|child| child.pid == pid), "{pid} should be one of {:?}", site.server.children());
    assert!(response.text().lines().all(|line| !line.starts_with("mod_wsgi.x-")), "internal keys must not be seen");
}

#[trial(embedded("requests are queued"))]
fn times_are_seconds_and_in_order(site: &Site) {
    let response = site.get("/raw");
    let time = |key: &str| -> f64 { raw(&response, key).unwrap().strip_prefix("float ").unwrap().parse().unwrap() };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let (start, application) = (time("mod_wsgi.request_start"), time("mod_wsgi.application_start"));
    assert!((now - start).abs() < 60.0 && start <= application && application <= now, "{start} {application} {now}");
    assert!((time("mod_wsgi.queue_start"), time("mod_wsgi.daemon_start")) == (0.0, 0.0), "nothing is queued in embedded mode");
}

#[trial]
fn cgi_keys_that_say_nothing_are_absent(site: &Site) {
    let response = site.get("/raw");
    for key in ["GATEWAY_INTERFACE", "PATH_TRANSLATED", "SERVER_SIGNATURE", "REMOTE_HOST", "REMOTE_IDENT", "PATH", "HTTPS"] {
        assert_eq!(raw(&response, key), None, "{key}");
    }
    for key in ["REMOTE_USER", "AUTH_TYPE", "apache.request_rec", "mod_wsgi.mount_point", "LD_LIBRARY_PATH"] {
        assert_eq!(raw(&response, key), None, "{key}");
    }
}

#[trial]
fn text_is_latin_1(site: &Site) {
    let response = site.send(&Request::get("/raw/%C3%A9%FF?q=%e9").header("X-Name", b"caf\xe9"));
    is(&response, "PATH_INFO", "str '/raw/Ã©ÿ'");
    is(&response, "HTTP_X_NAME", "str 'café'");
}

#[trial]
fn paths_of_the_file_system_keep_their_bytes(site: &Site) {
    let response = site.get("/raw");
    assert!(raw(&response, "DOCUMENT_ROOT").unwrap().starts_with("str '/"));
}

#[trial]
fn headers_become_upper_case_keys(site: &Site) {
    let response = site.send(&Request::get("/raw").header("X-Some-Header", "v").header("x-LOWER", "w"));
    is(&response, "HTTP_X_SOME_HEADER", "str 'v'");
    is(&response, "HTTP_X_LOWER", "str 'w'");
}

#[trial]
fn repeated_headers_are_joined(site: &Site) {
    let request =
        Request::get("/raw").header("X-Twice", "a").header("X-Twice", "b").header("Cookie", "a=1").header("Cookie", "b=2");
    let response = site.send(&request);
    is(&response, "HTTP_X_TWICE", "str 'a, b'");
    let cookie = raw(&response, "HTTP_COOKIE").unwrap();
    assert!(cookie == "str 'a=1; b=2'" || cookie == "str 'a=1, b=2'", "{cookie}");
}

#[trial]
fn an_empty_header_is_an_empty_value(site: &Site) {
    is(&site.send(&Request::get("/raw").header("X-Empty", "")), "HTTP_X_EMPTY", "str ''");
}

#[trial(reach(Reach::Everywhere))]
fn headers_with_an_underscore_are_dropped(site: &Site) {
    let request = Request::get("/raw").header("X_Auth_User", "root").header("X-Auth_User", "root").header("_", "v");
    let response = site.send(&request);
    assert!(!response.expect(200).text().contains("AUTH_USER"));
    let request = Request::get("/raw").header("X-Auth-User", "real").header("X_Auth_User", "root");
    is(&site.send(&request), "HTTP_X_AUTH_USER", "str 'real'");
}

#[trial]
fn headers_with_other_characters_are_dropped(site: &Site) {
    let mut request = Request::get("/raw");
    for name in ["X.Dotted", "X!Mark", "X~Tilde", "X'Quote", "X|Bar", "X^Roof", "X+Plus"] {
        request = request.header(name, "v");
    }
    let text = site.send(&request).ok();
    for word in ["DOTTED", "MARK", "TILDE", "QUOTE", "BAR", "ROOF", "PLUS"] {
        assert!(!text.to_uppercase().contains(&format!("{word}=")), "{word}: {text}");
    }
}

#[trial(reach(Reach::Everywhere))]
fn the_proxy_header_is_dropped(site: &Site) {
    for name in ["Proxy", "PROXY", "proxy", "Proxy_", "HTTP_PROXY"] {
        let response = site.send(&Request::get("/raw").header(name, "http://evil.example/"));
        assert_eq!(raw(&response, "HTTP_PROXY"), None, "{name}");
        assert!(!response.expect(200).text().contains("evil.example"), "{name}");
    }
    is(&site.send(&Request::get("/os?name=HTTP_PROXY").header("Proxy", "http://evil.example/")), "HTTP_PROXY", "None");
}

#[trial]
fn authorization_is_dropped(site: &Site) {
    site.allow_log("WSGI1424");
    let request = Request::get("/raw").header("Authorization", "Basic amFuZTpzZWNyZXQ=").header("Proxy-Authorization", "Basic x");
    let response = site.send(&request);
    assert_eq!((raw(&response, "HTTP_AUTHORIZATION"), raw(&response, "HTTP_PROXY_AUTHORIZATION")), (None, None));
}

#[trial]
fn cgi_pass_auth_lets_authorization_through(site: &Site) {
    let response = site.send(&Request::get("/cgi-pass-auth/raw").header("Authorization", "Bearer x"));
    is(&response, "HTTP_AUTHORIZATION", "str 'Bearer x'");
}

#[trial]
fn an_authenticated_user_is_named(site: &Site) {
    site.allow_log("AH01");
    site.get("/authenticated/raw").expect(401);
    let response = site.send(&Request::get("/authenticated/raw").header("Authorization", "Basic amFuZTpzZWNyZXQ="));
    is(&response, "REMOTE_USER", "str 'jane'");
    is(&response, "AUTH_TYPE", "str 'Basic'");
    assert_eq!(raw(&response, "HTTP_AUTHORIZATION"), None);
}

#[trial]
fn set_env_adds_keys(site: &Site) {
    let response = site.get("/set/raw");
    is(&response, "FROM_SET_ENV", "str 'a value'");
    is(&response, "EMPTY", "str ''");
    assert_eq!(raw(&response, "PATH"), None, "PATH never gets in");
    is(&site.get("/set/os?name=FROM_SET_ENV"), "FROM_SET_ENV", "None");
}

#[trial(embedded("the process group has a name"))]
fn set_env_cannot_replace_what_the_server_says(site: &Site) {
    let response = site.get("/set/raw");
    is(&response, "wsgi.version", "tuple (1, 0)");
    assert!(raw(&response, "wsgi.input").unwrap().starts_with("Input "));
    assert!(!raw(&response, "wsgi.errors").unwrap().starts_with("str "));
    is(&response, "wsgi.url_scheme", "str 'https'");
    is(&response, "mod_wsgi.application_group", "str 'environ'");
    is(&response, "mod_wsgi.process_group", "str ''");
    assert!(raw(&response, "mod_wsgi.thread_id").unwrap().starts_with("int "));
    is(&response, "REQUEST_METHOD", "str 'GET'");
    is(&response, "SCRIPT_NAME", "str '/set'");
}

#[trial]
fn set_env_if_adds_keys(site: &Site) {
    is(&site.get("/setenvif/raw"), "FROM_SETENVIF", "str 'yes'");
}

#[trial]
fn https_is_a_scheme_and_not_a_key(site: &Site) {
    for (target, scheme) in [("/set/raw", "https"), ("/https-one/raw", "https"), ("/https-off/raw", "http"), ("/raw", "http")] {
        let response = site.get(target);
        is(&response, "wsgi.url_scheme", &format!("str '{scheme}'"));
        assert_eq!(raw(&response, "HTTPS"), None, "{target}");
        is(&response, "REQUEST_SCHEME", "str 'http'");
    }
}

#[trial]
fn head_is_shown_as_configured(site: &Site) {
    for (place, method) in [("", "HEAD"), ("/head/on", "GET"), ("/head/off", "HEAD"), ("/head/filtered", "GET")] {
        let request = Request::new("HEAD", &format!("{place}/method")).header("Accept-Encoding", "gzip");
        let response = site.send(&request).expect(200);
        assert_eq!(response.header("X-Method").as_deref(), Some(method), "{place}");
        assert!(response.body.is_empty());
    }
}

#[trial]
fn an_error_document_sees_the_redirect(site: &Site) {
    let response = site.get("/redirected?q=1").expect(200);
    is(&response, "PATH_INFO", "'/as-error-document'");
    is(&response, "REDIRECT_STATUS", "'404'");
    assert!(response.value("REDIRECT_URL").unwrap().ends_with("/redirected'"));
    is(&response, "REDIRECT_QUERY_STRING", "'q=1'");
    is(&response, "REQUEST_URI", "'/redirected?q=1'");
}

#[trial(differs("SCRIPT_NAME has the PATH_INFO at its end"))]
fn an_included_request_has_a_script_name_of_its_own(site: &Site) {
    std::fs::write(site.path("htdocs/page.shtml"), "<!--#include virtual=\"/mounted/in/cluded?q=1\" -->").unwrap();
    let response = site.get("/pages/page.shtml").expect(200);
    is(&response, "SCRIPT_NAME", "'/mounted'");
    is(&response, "PATH_INFO", "'/in/cluded'");
    is(&response, "QUERY_STRING", "'q=1'");
    is(&response, "SERVER_PROTOCOL", "'INCLUDED'");
}

#[trial(differs("such a URL is not found"))]
fn a_url_may_be_longer_than_a_path_of_files(site: &Site) {
    for rest in ["/x".repeat(2500), format!("/{}", "x".repeat(5000))] {
        let response = site.get(&format!("/mounted{rest}")).expect(200);
        is(&response, "SCRIPT_NAME", "'/mounted'");
        is(&response, "PATH_INFO", &format!("'{rest}'"));
    }
}

#[trial]
fn other_methods_arrive_as_they_are(site: &Site) {
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "MYMETHOD"] {
        is(&site.send(&Request::new(method, "/raw")), "REQUEST_METHOD", &format!("str '{method}'"));
    }
}

#[trial(embedded("there is no request record"))]
fn the_request_record_comes_when_asked_for(site: &Site) {
    let value = raw(&site.get("/request-rec/raw"), "apache.request_rec").expect("apache.request_rec");
    assert!(value.starts_with("PyCapsule "), "{value}");
}

#[trial]
fn wsgi_errors_goes_to_the_log(site: &Site) {
    assert_eq!(site.get("/errors").ok(), "written");
    let line = site.expect_log("a line for the log");
    assert!(line.text.contains("[wsgi:error]") && line.text.contains("[client 127.0.0.1:"), "{line:?}");
    site.expect_log("re:] and another$");
}

#[trial]
fn file_wrapper_is_a_type_of_mod_wsgi(site: &Site) {
    assert_eq!(site.get("/file-wrapper").ok(), "module=mod_wsgi\nname=FileWrapper\ntype=True\n");
}

#[trial]
fn argv_is_mod_wsgi(site: &Site) {
    is(&site.get("/os?name=NOBODY_SET_THIS"), "argv", "['mod_wsgi']");
}
