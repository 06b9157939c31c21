/*! Django: the admin, uploads, streaming, files, errors. */

use super::site::{compressed, cookie, form, form_token, large_file, make_database, says, settled, sha256, start, upload};
use crate::support::client::Request;
use crate::support::matrix::{Reach, Setup};
use crate::support::response::Framing;
use crate::support::site::Site;
use registration::trial;

#[trial(reach(Reach::Everywhere))]
fn django_admin_login_and_a_change(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    make_database(setup, &site.path("data"));
    let page = site.get("/admin/login/?next=/admin/").expect(200);
    let (cookie_token, token) = (cookie(&page, "csrftoken"), form_token(&page));
    let cookies = format!("csrftoken={cookie_token}");
    let login = |password: &str, token: &str| {
        let fields = [("csrfmiddlewaretoken", token), ("username", "admin"), ("password", password), ("next", "/admin/")];
        site.send(&form("/admin/login/", &fields).header("Cookie", &cookies))
    };
    login("secret", "x".repeat(64).as_str()).expect(403);
    assert!(login("wrong", &token).expect(200).text().contains("Please enter the correct username and password"));
    let welcome = login("secret", &token).expect(302);
    assert_eq!(welcome.header("Location").as_deref(), Some("/admin/"));
    let cookies = format!("csrftoken={}; sessionid={}", cookie(&welcome, "csrftoken"), cookie(&welcome, "sessionid"));
    let inside = |request: Request| site.send(&request.header("Cookie", &cookies));
    assert!(inside(Request::get("/admin/")).ok().contains("Site administration"));
    let token = form_token(&inside(Request::get("/admin/auth/group/add/")).expect(200));
    let added = inside(form("/admin/auth/group/add/", &[("csrfmiddlewaretoken", &token), ("name", "Editors")])).expect(302);
    let cookies = format!("{cookies}; messages={}", cookie(&added, "messages"));
    let list = site.send(&Request::get("/admin/auth/group/").header("Cookie", &cookies)).ok();
    assert!(list.contains("Editors") && list.contains("was added successfully"), "{list}");
    assert_eq!(site.get("/admin/").expect(302).header("Location").as_deref(), Some("/admin/login/?next=/admin/"));
    // Django logs the refused form as a warning; what stands on stderr is an error to Apache.
    site.allow_log("Forbidden (CSRF token");
    settled(&site);
}

#[trial]
fn django_uploads(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    // Above 2.5 MB Django spools an upload to a file.
    for (size, kept) in [(0, "InMemoryUploadedFile"), (300_000, "InMemoryUploadedFile"), (5_000_000, "TemporaryUploadedFile")] {
        let content: Vec<u8> = large_file().into_iter().cycle().take(size).collect();
        let answer = site.send(&upload("/upload/", &content, &[])).ok();
        says(&answer, "size", &size.to_string());
        says(&answer, "kept", &format!("\"{kept}\""));
        says(&answer, "note", "\"with a note\"");
        says(&answer, "name", "\"my file.bin\"");
        says(&answer, "sha256", &format!("\"{}\"", sha256(&site, &content)));
    }
    settled(&site);
}

/// Django itself goes by `CONTENT_LENGTH`. What it leaves unread spoils nothing.
#[trial]
fn django_reads_as_much_of_a_body_as_was_announced(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    let content: Vec<u8> = (0..20_000).flat_map(|n| format!("{n}\n").into_bytes()).collect();
    let mut client = site.connect();
    for _ in 0..2 {
        let answer = client.exchange(&compressed(&site, "/body/", &content)).unwrap().ok();
        let announced = answer.split(' ').next().unwrap().to_owned();
        let first = &content[..announced.parse().unwrap()];
        assert_eq!(answer, format!("{announced} {}", sha256(&site, first)));
        let plain = client.exchange(&Request::post("/body/", content.clone())).unwrap().ok();
        assert_eq!(plain, format!("{} {}", content.len(), sha256(&site, &content)));
    }
    settled(&site);
}

#[trial(threads())]
fn django_streams_while_it_runs(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    let mut client = site.connect();
    client.send(&Request::get("/stream/").header("Connection", "close").head_bytes()).unwrap();
    let head = client.receive_head().unwrap().expect(200);
    assert_eq!(head.header("Transfer-Encoding").as_deref(), Some("chunked"));
    // The first half is here while the view waits for another request.
    assert!(client.hears_something_within(std::time::Duration::from_secs(5)).unwrap());
    assert_eq!(site.get("/stream/?go").ok(), "gone on");
    let rest = String::from_utf8(client.read_to_end().unwrap()).unwrap();
    assert_eq!(rest, "b\r\nfirst half\n\r\nc\r\nsecond half\n\r\n0\r\n\r\n");
    settled(&site);
}

#[trial]
fn django_files(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    let file = site.get("/file/").expect(200);
    assert_eq!(file.framing, Framing::Length(300_000));
    assert!(file.body == large_file(), "the file arrived changed");
    assert_eq!(file.header("Content-Disposition").as_deref(), Some("attachment; filename=\"large.bin\""));
    let css = site.get("/static/admin/css/base.css").expect(200);
    assert!(css.text().contains("django") || css.text().contains("DJANGO"), "it is Django's own style sheet");
    assert_eq!(css.header("Content-Type").as_deref(), Some("text/css"));
    let again = Request::get("/static/admin/css/base.css").header("If-Modified-Since", css.header("Last-Modified").unwrap());
    assert!(site.send(&again).expect(304).body.is_empty());
    let head = site.send(&Request::new("HEAD", "/file/")).expect(200);
    assert_eq!(head.header("Content-Length").as_deref(), Some("300000"));
    site.allow_log("Not Found: /static/");
    site.get("/static/admin/css/none.css").expect(404);
    settled(&site);
}

#[trial]
fn django_paths_cookies_and_sessions(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    let hello = site.get("/hello/%C5%BB%C3%B3%C5%82w/?q=%20a").expect(200);
    assert_eq!(hello.text(), "Hello, Żółw, of /hello/%C5%BB%C3%B3%C5%82w/?q=%20a");
    assert_eq!((cookie(&hello, "first").as_str(), cookie(&hello, "second").as_str()), ("1", "2"));
    assert_eq!(site.get("/hello/nobody").expect(301).header("Location").as_deref(), Some("/hello/nobody/"));
    make_database(setup, &site.path("data"));
    let first = site.get("/count/").expect(200);
    assert!(first.text().starts_with("1 at "));
    let session = format!("sessionid={}", cookie(&first, "sessionid"));
    let again = site.send(&Request::get("/count/").header("Cookie", &session)).ok();
    assert!(again.starts_with("2 at "), "{again}");
    settled(&site);
}

#[trial]
fn django_errors_are_500_with_a_traceback_in_the_log(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    let error = site.get("/boom/").expect(500);
    assert!(error.complete && error.text().contains("Server Error (500)"), "Django's own error page: {error:?}");
    site.allow_log("ERROR django.request: Internal Server Error: /boom/");
    site.expect_traceback("ValueError: raised by a Django view");
    site.expect_log("shop/views.py");
    settled(&site);
}
