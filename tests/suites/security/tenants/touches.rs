/*! Root opens, looks at, executes nothing below a directory that another user owns: configtest, start, a graceful restart, a changed script and the
stop of a site with tenants, as `strace` saw them. */

use super::trace::{TRACED, trespasses};
use super::{Tenant, plan, users};
use crate::support::client::{Client, Request};
use crate::support::httpd::Prepared;
use crate::support::matrix::Setup;
use crate::support::{poll, processes};
use registration::trial;
use rustix::process::Signal;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const APPLICATION: &str = "def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'first']
";

/// httpd under strace.
fn traced(files: &Prepared, trace: &Path, arguments: &[&str]) -> Command {
    let httpd = files.command();
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "--pidns-translation", "-s", "4096", "-e", TRACED, "-e", "signal=none", "-o"]).arg(trace);
    command.arg(httpd.get_program()).args(httpd.get_args()).args(arguments).current_dir("/").stdin(Stdio::null());
    command
}

fn needs_strace(setup: &Setup) {
    let tried = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    match tried {
        Err(_) => setup.skip("strace is not installed"),
        Ok(output) if !output.status.success() => setup.skip("this machine allows no ptrace"),
        Ok(_) => {}
    }
}

/// Two tenants and what belongs to them: one whose group works, one who has broken everything.
fn site(setup: &Setup) -> (Tenant, Vec<String>) {
    let [one, other] = users(setup);
    let good = Tenant::new(setup, "tenant-good", one);
    good.virtualenv(setup);
    good.file("app.wsgi", APPLICATION);
    good.file("scripts/one.wsgi", APPLICATION);
    good.file("lib/package.py", "");
    good.file("eggs/none", "");
    let bad = Tenant::new(setup, "tenant-bad", other);
    bad.link("venv/bin/python", Path::new("/etc/shadow"));
    bad.file("venv/pyvenv.cfg", "home = /root/nowhere\n");
    bad.file("other/bin/python", "#!/nowhere/interpreter\n");
    bad.file("jail/usr/bin/python3", "no program");
    let (good, bad) = (good.owned(), bad.owned());
    let tree = good.root.display();
    let lines = vec![
        good.group("good", "python-home=\"TREE/venv\" python-path=\"TREE/lib\" python-eggs=\"TREE/eggs\" script-user=GOOD")
            .replace("GOOD", one.0),
        format!("WSGIScriptAlias /good \"{tree}/app.wsgi\" process-group=good application-group=%{{GLOBAL}}"),
        format!("WSGIPythonHome \"{tree}/venv\""),
        format!("WSGIScriptAlias /near \"{tree}/app.wsgi\" process-group=%{{GLOBAL}} application-group=%{{GLOBAL}}"),
        format!("WSGIScriptAlias /resource \"{tree}/app.wsgi\" process-group=good"),
        format!("WSGIScriptAlias /scripts \"{tree}/scripts\" process-group=good application-group=scripts"),
        format!("<Directory \"{tree}\">\nRequire all granted\n</Directory>"),
        bad.group("bad", "python-home=\"TREE/venv\" python-path=\"TREE/none\" python-eggs=\"TREE/venv/pyvenv.cfg\""),
        bad.group("worse", "python=\"TREE/other/bin/python\""),
        bad.group("jailed", "chroot=\"TREE/jail\" python=/usr/bin/python3")
            .replace(&format!("home=\"{}\"", bad.root.display()), ""),
        format!("WSGIScriptAlias /bad \"{0}/none.wsgi\" process-group=bad application-group=%{{GLOBAL}}", bad.root.display()),
        format!("WSGIScriptAlias /worse \"{0}/none.wsgi\" process-group=worse application-group=%{{GLOBAL}}", bad.root.display()),
        format!(
            "WSGIScriptAlias /jailed \"{0}/jail/none.wsgi\" process-group=jailed application-group=%{{GLOBAL}}",
            bad.root.display()
        ),
    ];
    (good, lines)
}

/// The server, and the strace that it is the child of: ended whatever happens.
struct Traced {
    strace: Child,
    files: Prepared,
}

impl Traced {
    fn pid(&self) -> i32 {
        let text = poll::until(poll::SOON, || {
            fs::read_to_string(self.files.root.join("run/httpd.pid")).ok().filter(|t| t.ends_with('\n'))
        });
        text.expect("httpd writes its number").trim().parse().unwrap()
    }

    fn get(&self, path: &str) -> Option<(u16, Vec<u8>)> {
        let response = Client::connect(self.files.port).ok()?.exchange(&Request::get(path)).ok()?;
        Some((response.status, response.body))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.files.root.join("logs/error.log")).unwrap_or_default()
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        if let Ok(None) = self.strace.try_wait() {
            for process in processes::descendants(i32::try_from(self.strace.id()).unwrap()) {
                process.kill();
            }
            self.strace.kill().ok();
            self.strace.wait().ok();
        }
    }
}

fn assert_untouched(trace: &Path, what: &str) {
    let text = String::from_utf8_lossy(&fs::read(trace).unwrap()).into_owned();
    assert!(text.contains("execve("), "{what} was traced: {text:.300}");
    let found = trespasses(&text);
    assert!(found.is_empty(), "during {what} root touched what is another user's:\n{}", found.join("\n"));
}

#[trial]
pub fn root_touches_nothing(setup: &Setup) {
    needs_strace(setup);
    let (good, lines) = site(setup);
    let files = Prepared::new(setup, &plan(&lines), "traced");
    let place = |name: &str| -> PathBuf { files.root.join(name) };
    let (configtest, serving) = (place("configtest.strace"), place("serving.strace"));
    let output = traced(&files, &configtest, &["-t"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("WSGI1051") && said.contains("`bad`") && said.contains("`worse`") && said.contains("WSGI1423"),
        "{said}"
    );
    assert!(!said.lines().any(|line| line.contains("`good`")), "{said}");
    assert_untouched(&configtest, "configtest");

    let mut command = traced(&files, &serving, &["-DFOREGROUND"]);
    let console = fs::File::create(files.root.join("console.txt")).unwrap();
    let strace = command.process_group(0).stdout(console.try_clone().unwrap()).stderr(console).spawn().unwrap();
    let server = Traced { strace, files };
    let serves = |path: &str, body: &[u8]| {
        let mut last = None;
        let served = poll::until(poll::SOON * 3, || {
            last = server.get(path);
            last.as_ref().is_some_and(|(status, text)| *status == 200 && *text == body).then_some(())
        });
        assert!(served.is_some(), "{path}: {last:?}\n{}", server.log());
    };
    serves("/good", b"first");
    serves("/scripts/one.wsgi", b"first");
    serves("/resource", b"first");
    serves("/near", b"first");
    for path in ["/bad", "/worse", "/jailed"] {
        assert!(server.get(path).is_some_and(|(status, _)| status >= 400), "{path}");
    }
    fs::write(good.path("app.wsgi"), APPLICATION.replace("first", "second")).unwrap();
    serves("/good", b"second");
    let pid = server.pid();
    let generations = || server.log().matches("resuming normal operations").count();
    let before = generations();
    processes::send(pid, Signal::USR1);
    poll::wait_for("a graceful restart", || generations() > before);
    serves("/good", b"second");
    processes::send(pid, Signal::TERM);
    let mut server = server;
    let ended = poll::until(poll::SOON * 3, || server.strace.try_wait().ok().flatten());
    assert!(ended.is_some(), "httpd stops:\n{}", server.log());
    assert_untouched(&serving, "start, requests, a changed script, a graceful restart and stop");
}
