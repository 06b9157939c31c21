/*! `script-user=` and `script-group=`: what a process loads belongs to whom it must belong to, however it comes to be loaded. Each script notes
that it was run. */

use crate::suite;
use crate::support::httpd::{Httpd, Plan};
use crate::support::installation::server_user;
use crate::support::matrix::{Reach, Setup, Suite};
use crate::support::site::Site;
use crate::support::workdir::{unique_number, writable_directory};
use registration::trial;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use crate::suites::security::privileges::other_user;

/// The suite.
pub fn suite() -> Suite {
    suite!("script_owner").in_daemon_mode()
}

/// Somebody without a name, and a group.
const FOREIGNER: u32 = 61040;
const GROUP: u32 = 61041;

struct Place(PathBuf);

impl Place {
    fn new(setup: &Setup) -> Self {
        let path = setup.run.workdir.path().join(format!("owners-{}", unique_number()));
        fs::create_dir_all(path.join("notes")).unwrap();
        writable_directory(&path.join("notes"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }

    /// A directory of scripts that belong to `uid`.
    fn of(&self, name: &str, uid: u32) {
        let directory = self.0.join(name);
        fs::create_dir_all(directory.join("tree")).unwrap();
        for script in ["app", "import", "handler"] {
            let text = format!(
                "open('{}/{name}-{script}', 'a').close()\nfrom fixture import text\n\
                 def application(environ, start_response):\n    return text(start_response, '{name}')\nhandle_request = application\n",
                self.0.join("notes").display()
            );
            let path = directory.join(format!("{script}.wsgi"));
            fs::write(&path, text).unwrap();
            give(&path, uid, 0o644);
        }
        for resource in ["one.by-foreign", "one.by-root"] {
            fs::write(directory.join(resource), "data").unwrap();
            give(&directory.join(resource), uid, 0o644);
        }
        give(&directory.join("tree"), uid, 0o755);
        give(&directory, uid, 0o755);
    }

    fn ran(&self) -> BTreeSet<String> {
        let names = fs::read_dir(self.0.join("notes")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }
}

fn give(path: &Path, uid: u32, mode: u32) {
    chown(path, Some(uid), Some(if uid == FOREIGNER { FOREIGNER } else { GROUP })).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[trial(reach(Reach::Everywhere))]
fn only_the_owners_scripts_are_run_at_start_and_by_requests(setup: &Setup) {
    if server_user().is_none() {
        setup.skip("the suites do not run as root, so files can't be given away");
    }
    let (tenant, uid) = other_user();
    let place = Place::new(setup);
    for (name, uid) in [("own", uid), ("foreign", FOREIGNER), ("roots", 0)] {
        place.of(name, uid);
    }
    symlink("app.wsgi", place.0.join("own/link.wsgi")).unwrap();
    symlink("../foreign/app.wsgi", place.0.join("own/out.wsgi")).unwrap();
    let plan = Plan::new("script_owner.conf")
        .define("OWN_GROUPS", "1")
        .define("TENANT", tenant)
        .define("TENANT_GROUP", GROUP.to_string())
        .define("PLACE", place.0.display().to_string())
        .announce("WSGI1336: ");
    let server = Httpd::start(setup, &plan, "script-owner");
    let site = Site::new(&server, setup);
    for target in ["/own", "/own-link", "/grouped"] {
        assert_eq!(site.get(target).ok(), "own", "{target}");
    }
    for target in ["/foreign", "/foreign-link", "/roots"] {
        site.get(target).expect(403);
    }
    // httpd looks at the resource, the process at the handler script.
    site.get("/data/one.by-foreign").expect(500);
    assert_eq!(site.get("/data/one.by-root").ok(), "roots");
    let ran: Vec<String> = place.ran().into_iter().collect();
    assert_eq!(ran, ["own-app", "own-import", "roots-handler", "roots-import"]);
    if !setup.is_ours() {
        return;
    }
    site.expect_log(
        "re:WSGI1336: .*/foreign/import.wsgi was not loaded: the script's directory .*/foreign. belongs to the user `#61040`",
    );
    site.expect_log("re:WSGI1336: .*/foreign/handler.wsgi was not loaded");
    site.log_lacks("re:own/tree");
}
