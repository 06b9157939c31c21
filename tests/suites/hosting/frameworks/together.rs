/*! The four on one server, and each under the validator. */

use super::site::{large_file, says, settled, start, upload};
use crate::support::client::{Client, Request};
use crate::support::matrix::Setup;
use crate::support::response::Framing;
use crate::support::site::Site;
use registration::trial;

#[trial]
fn four_applications_take_turns_on_one_connection(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    let mut client = Client::connect(server.files.port).unwrap();
    for _ in 0..3 {
        for (target, start) in [
            ("/hello/a/", "Hello, a, of /hello/a/"),
            ("/flask/", "Flask at /flask/"),
            ("/pyramid/hello/a", "Hello, a, at /pyramid/hello/x"),
            ("/bottle/hello/a", "Hello, a, below /bottle/"),
        ] {
            let text = client.exchange(&Request::get(target)).unwrap().ok();
            assert!(text.starts_with(start), "{target}: {text}");
        }
    }
    settled(&site);
}

/// The frameworks under wsgiref.validate: it raises for what server or framework do against PEP 3333.
#[trial]
fn frameworks_under_the_validator(setup: &Setup) {
    let server = start(setup);
    let site = Site::new(&server, setup);
    let content = large_file();
    for target in ["/validated/django/hello/a/", "/validated/flask/", "/validated/pyramid/hello/a", "/validated/bottle/hello/a"] {
        site.get(target).ok();
    }
    for target in ["/validated/flask/stream?name=v", "/validated/pyramid/stream", "/validated/bottle/stream"] {
        assert_eq!(site.get(target).expect(200).framing, Framing::Chunked);
    }
    for target in ["/validated/django/upload/", "/validated/flask/upload", "/validated/bottle/upload"] {
        says(&site.send(&upload(target, &content, &[])).ok(), "size", "300000");
    }
    settled(&site);
}
