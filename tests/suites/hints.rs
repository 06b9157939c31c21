/*! What messages advise is true and safe: a fault is made, the message's advice is followed to the letter, and the application answers. Where advice would
harm, there is none. *Runs in: tests.* */

use super::complaints::{WORDS, configtest, group, plan};
use crate::own;
use crate::support::client::Request;
use crate::support::httpd::Httpd;
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::site::Site;

/// The suite.
pub fn suite() -> Suite {
    Suite::new(
        "hints",
        vec![own!(passwords_that_apache_checks_are_not_asked_for).differs(WORDS), own!(a_size_with_a_unit).differs(WORDS)],
    )
    .reach(Reach::Once)
}

/// The lines of a group on the trial's own Python.
fn shop(setup: &Setup, options: &str) -> Vec<String> {
    group(&format!("python-home=\"{}\" {options}", setup.home.display()))
}

/// `WSGIPassAuthorization On` would hand the passwords of Apache's users to the application. The message comes where Apache does not ask for any, and so
/// shows that it could have come before.
fn passwords_that_apache_checks_are_not_asked_for(setup: &Setup) {
    let mut lines = shop(setup, "");
    let auth = "AuthType Basic\nAuthName r\nAuthBasicProvider file\nAuthUserFile \"${CONF}/passwords\"";
    lines.push(format!(
        "<Location /closed>\n{auth}\nRequire valid-user\nErrorDocument 401 /page\n</Location>\n\
         <Location /either>\n{auth}\n<RequireAny>\nRequire all granted\nRequire valid-user\n</RequireAny>\n</Location>"
    ));
    let server =
        Httpd::start(setup, &plan(&lines).modules(&["auth_basic", "authn_core", "authn_file", "authz_user"]), "passwords");
    server.announce("re:WSGI1424|AH01617|AH01618");
    let site = Site::new(&server, setup);
    let with_password = |target: &str| site.send(&Request::get(target).header("Authorization", "Basic amFuZTpub3QtaGVycw=="));
    // The application, which makes the page of the refusal, chooses its status.
    assert_eq!(with_password("/closed").value("PATH_INFO"), Some("/page"));
    assert_eq!(with_password("/either").expect(200).value("HTTP_AUTHORIZATION"), None);
    assert!(server.whole_log().iter().all(|line| !line.text.contains("WSGI1424")), "Apache asks for the password itself");
    with_password("/elsewhere").expect(200);
    site.expect_log("WSGI1424");
}

/// The value that a message names can be written as it names it.
fn a_size_with_a_unit(setup: &Setup) {
    let (accepted, said) = configtest(setup, &shop(setup, "memory-limit=512"));
    assert!(!accepted && said.contains("write `memory-limit=512M` for 512 MB"), "{said}");
    let (accepted, said) = configtest(setup, &shop(setup, "memory-limit=1536M request-timeout=5min"));
    assert!(accepted, "{said}");
}
