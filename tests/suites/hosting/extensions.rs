/*! C extensions in groups on every Python at once, under one Apache. */

use crate::suite;
use crate::support::httpd::{Httpd, Plan};
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::pythons;
use crate::support::site::Site;
use registration::trial;

/// It has wheels for every Python from 3.6 to 3.13.
const PACKAGE: &str = "lxml==5.3.0";

/// The suite.
pub fn suite() -> Suite {
    suite!("extensions").in_daemon_mode()
}

#[trial(reach(Reach::Once))]
fn every_python_imports_its_own_at_once(setup: &Setup) {
    let mut plan = Plan::new("nothing.conf");
    let mut served = Vec::new();
    for python in &setup.run.pythons {
        let home = match pythons::virtualenv(python, &[PACKAGE]) {
            Ok(home) => home,
            Err(why) => setup.skip(&format!("{PACKAGE} can't be installed for Python {}: {why}", python.version)),
        };
        let group = format!("on-{}", python.version);
        plan = plan.line(&format!("WSGIDaemonProcess {group} python-home=\"{}\"", home.display())).line(&format!(
            "WSGIScriptAlias /{group} \"${{APPS}}/extension.wsgi\" process-group={group} application-group=%{{GLOBAL}}"
        ));
        served.push((group, python.version.clone()));
    }
    let server = Httpd::start(setup, &plan, "extensions");
    let site = Site::new(&server, setup);
    for (group, version) in &served {
        assert_eq!(site.get(&format!("/{group}")).ok(), format!("{version} 42"));
    }
}
