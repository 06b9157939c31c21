/*! Applications whose objects lie, call back where nobody expects it, and outlive their requests. Whatever they do, the answer is a clean one
and the process goes on. */

use crate::case;
use crate::support::matrix::{Mode, Reach, Suite};
use crate::support::site::Site;

/// The suite.
pub fn suite() -> Suite {
    Suite::new(
        "hostile_applications",
        vec![
            case!(what_is_no_exc_info_is_a_type_error).reach(Reach::Everywhere).differs("the process dies"),
            case!(an_unusual_exc_info_is_raised_as_python_would).differs("not tried there"),
            case!(a_script_whose_exception_is_its_own_cause_is_500).reach(Reach::Everywhere).differs("logs otherwise"),
        ],
    )
    .in_both_modes()
}

/// The one process that serves; none where there are several.
fn pid(site: &Site) -> Option<String> {
    let of_one = site.setup.mode == Mode::Daemon || site.setup.mpm.threaded();
    of_one.then(|| site.get("/fine").expect(200).value("pid").unwrap().to_owned())
}

/// What the trial does leaves the process alive.
fn survived(site: &Site, trial: impl FnOnce()) {
    let before = pid(site);
    trial();
    site.get("/fine").expect(200);
    assert_eq!(pid(site), before, "the same process serves");
}

fn what_is_no_exc_info_is_a_type_error(site: &Site) {
    let cases = "class-int value-int value-of-another class-text class-none class-instance class-fake class-pretended value-pretended \
        trace-int trace-fake trace-text short long list text none-class-and-trace";
    survived(site, || {
        for what in cases.split_whitespace() {
            let said = site.get(&format!("/wrong-exc-info?what={what}")).ok();
            assert_eq!(said, "begun TypeError: exc_info must be the tuple that sys.exc_info() returns, or None", "{what}");
        }
    });
}

fn an_unusual_exc_info_is_raised_as_python_would(site: &Site) {
    survived(site, || {
        for (what, raised) in [
            ("no-instance", "ValueError"),
            ("subclass", "FileNotFoundError"),
            ("breaks", "KeyError"),
            ("returns", "TypeError"),
            ("base", "BaseException"),
            ("subclass-of-tuple", "ValueError"),
        ] {
            assert_eq!(site.get(&format!("/odd-exc-info?what={what}")).ok(), format!("begun {raised}"), "{what}");
        }
    });
}

fn a_script_whose_exception_is_its_own_cause_is_500(site: &Site) {
    site.allow_tracebacks();
    site.allow_log("re:WSGI1202|Chained exceptions have been truncated");
    survived(site, || {
        for (script, says) in
            [("own-cause", "ImportError: leads to itself"), ("long-chain", "re:the 100000th"), ("lying", "re:Lying")]
        {
            let response = site.get(&format!("/broken/{script}.wsgi")).expect(500);
            assert!(response.complete);
            site.expect_log(says);
        }
    });
}
