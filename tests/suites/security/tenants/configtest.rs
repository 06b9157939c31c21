/*! What a tenant can do to who runs configtest as root on his files: put a wrong line about his own group into it. */

use super::{Tenant, plan, users};
use crate::support::httpd::{Httpd, Prepared};
use crate::support::matrix::Setup;
use crate::support::poll;
use crate::support::workdir::writable_directory;
use registration::trial;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Runs a command on a terminal of its own, in whose foreground it is; then says what was typed there.
const TERMINAL: &str = "
import os, pty, select, subprocess, sys
pid, master = pty.fork()
if pid == 0:
    code = subprocess.call(sys.argv[1:])
    print('CODE', code, flush=True)
    typed = select.select([0], [], [], 0.5)[0]
    print('TYPED', os.read(0, 100) if typed else None, flush=True)
    os._exit(0)
said = b''
while True:
    try:
        some = os.read(master, 4096)
    except OSError:
        break
    if not some:
        break
    said += some
os.waitpid(pid, 0)
sys.stdout.buffer.write(said)
";

/// A tenant's interpreter that types a command into the terminal. It can make empty files at most, whose names say what came of it.
const TYPIST: &str = "
import fcntl, os, termios
def note(what):
    open('WITNESS/' + what, 'w').close()
note('ran')
for number in range(256):
    try:
        os.fstat(number)
    except OSError:
        continue
    note('descriptor-%d' % number)
    try:
        fcntl.ioctl(number, termios.TIOCSTI, b'x')
        note('typed-into-%d' % number)
    except OSError:
        pass
try:
    terminal = os.open('/dev/tty', os.O_RDWR)
    note('terminal')
    for byte in b'touch /root/owned\\n':
        fcntl.ioctl(terminal, termios.TIOCSTI, bytes([byte]))
    note('typed')
except OSError:
    pass
if os.getsid(0) != os.getppid():
    note('session-of-another')
for line in open('/proc/self/status'):
    if line.split() in (['NoNewPrivs:', '0'],):
        note('new-privileges')
";

#[trial]
pub fn nothing_is_typed_into_roots_terminal(setup: &Setup) {
    let [user, _] = users(setup);
    let tenant = Tenant::new(setup, "typist", user);
    let witness = setup.run.workdir.server_root("typed").join("witness");
    fs::create_dir(&witness).unwrap();
    writable_directory(&witness);
    let python = setup.python.executable.display();
    let text = TYPIST.replace("WITNESS", &witness.display().to_string());
    tenant.file("python", &format!("#!{python} -IS\n{text}"));
    let tenant = tenant.owned();
    let lines = [tenant.group("typist", "python=\"TREE/python\""), "WSGIProcessGroup typist".to_owned()];
    let files = Prepared::new(setup, &plan(&lines), "typist");
    let httpd = files.command();
    let mut command = Command::new(&setup.python.executable);
    command.args(["-IS", "-c", TERMINAL]).arg(httpd.get_program()).args(httpd.get_args()).arg("-t").current_dir("/");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("CODE 0") && said.contains("TYPED None"), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let mut notes: Vec<String> =
        fs::read_dir(&witness).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    notes.sort();
    // 3 is the script itself, which its interpreter has open while it runs it.
    notes.retain(|note| note != "descriptor-3");
    assert_eq!(notes, ["descriptor-0", "descriptor-1", "descriptor-2", "ran"], "{said}");
}

/// What configtest says of these groups, in less than fifteen seconds.
#[track_caller]
fn said(setup: &Setup, lines: &[String]) -> String {
    let files = Prepared::new(setup, &plan(lines), "tenants");
    let begun = Instant::now();
    let (accepted, said) = files.configtest();
    assert!(accepted, "{said}");
    assert!(begun.elapsed().as_secs() < 15, "configtest took {:?}: {said}", begun.elapsed());
    said
}

/// The lines about one group.
fn about<'s>(said: &'s str, group: &str) -> Vec<&'s str> {
    let name = format!("WSGIDaemonProcess `{group}`");
    said.lines().filter(|line| line.contains(&name) && !line.contains("WSGI1017")).collect()
}

#[trial]
pub fn irregular_files_hold_configtest_up_no_longer(setup: &Setup) {
    let [user, _] = users(setup);
    let tenant = Tenant::new(setup, "irregular", user);
    for home in ["fifo", "sparse", "device", "endless"] {
        tenant.link(&format!("{home}/bin/python"), &setup.python.executable);
    }
    let cfg = |home: &str| tenant.path(home).join("pyvenv.cfg");
    let made = Command::new("mkfifo").arg(cfg("fifo")).status().unwrap();
    assert!(made.success());
    fs::File::create(cfg("sparse")).unwrap().set_len(3 << 30).unwrap();
    tenant.link("device/pyvenv.cfg", Path::new("/dev/zero"));
    tenant.link("endless/bin/python3", Path::new("/dev/zero"));
    fs::remove_file(tenant.path("endless/bin/python")).unwrap();
    tenant.link("endless/bin/python", Path::new("/dev/zero"));
    let tenant = tenant.owned();
    let homes = ["fifo", "sparse", "device", "endless"];
    let lines: Vec<String> = homes.iter().map(|home| tenant.group(home, &format!("python-home=\"TREE/{home}\""))).collect();
    let said = said(setup, &lines);
    for (home, cause) in [
        ("fifo", "not a regular file"),
        ("sparse", "larger than 65536 bytes"),
        ("device", "not a regular file"),
        ("endless", "not a regular file"),
    ] {
        let lines = about(&said, home);
        assert!(lines.iter().any(|line| line.contains(cause)), "{home}: {said}");
    }
}

#[trial]
pub fn no_hint_opens_what_a_link_leads_to(setup: &Setup) {
    let [user, other] = users(setup);
    let secret = Tenant::new(setup, "secret", other);
    secret.file("private/bin/python", "");
    let secret = secret.owned();
    fs::set_permissions(secret.path("private"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let tenant = Tenant::new(setup, "links", user);
    tenant.link("shadow/bin/python", Path::new("/etc/shadow"));
    tenant.link("root/bin/python", Path::new("/root/any/python"));
    tenant.link("neighbour/bin/python", &secret.path("private/bin/python"));
    tenant.link("cron/bin/python", Path::new("/etc/cron.d/job"));
    tenant.file("cfg/bin/python", "");
    tenant.link("cfg/pyvenv.cfg", Path::new("/etc/shadow"));
    let tenant = tenant.owned();
    let homes = ["shadow", "root", "neighbour", "cron", "cfg"];
    let mut lines: Vec<String> = homes.iter().map(|home| tenant.group(home, &format!("python-home=\"TREE/{home}\""))).collect();
    lines.push(tenant.group("path", "python-path=\"TREE/shadow/bin/python\""));
    lines.push(tenant.group("home", &format!("python-home=\"{}\"", secret.path("private").display())));
    let said = said(setup, &lines);
    for group in homes.iter().chain(&["path", "home"]) {
        let lines = about(&said, group);
        assert!(!lines.is_empty(), "{group}: {said}");
        for line in lines {
            assert!(!line.contains("chmod") && !line.contains("make `/etc"), "{line}");
        }
    }
}

/// Those who run a program with that argument.
fn running(marker: &str) -> Vec<PathBuf> {
    let has = |path: &PathBuf| {
        fs::read(path.join("cmdline")).is_ok_and(|line| line.split(|byte| *byte == 0).any(|word| word == marker.as_bytes()))
    };
    fs::read_dir("/proc").unwrap().filter_map(|entry| Some(entry.ok()?.path())).filter(has).collect()
}

#[trial]
pub fn all_that_an_interpreter_started_ends(setup: &Setup) {
    // A time that no other run of the suites sleeps for.
    let marker = format!("31743.{}", std::process::id());
    let [user, _] = users(setup);
    let tenant = Tenant::new(setup, "lingering", user);
    let text = format!(
        "#!/bin/sh\ntrap '' TERM HUP INT\n(trap '' TERM HUP INT; sleep {marker} & sleep {marker}) &\nsleep {marker}\nsleep {marker}\n"
    );
    tenant.file("hangs", &text);
    tenant.file(
        "answers",
        &format!("#!/bin/sh\ntrap '' TERM HUP INT\nsleep {marker} >/dev/null 2>&1 </dev/null &\necho nonsense\n"),
    );
    // Out of the process group, which only a PID namespace helps against: some containers have no right to make one.
    let leaves = format!("#!/bin/sh\nsetsid setsid sleep {marker} >/dev/null 2>&1 </dev/null &\nsleep {marker}\n");
    tenant.file("leaves", &leaves);
    let tenant = tenant.owned();
    let namespaces =
        Command::new("unshare").args(["--pid", "--fork", "true"]).output().is_ok_and(|output| output.status.success());
    let names: &[&str] = if namespaces { &["hangs", "answers", "leaves"] } else { &["hangs", "answers"] };
    let lines: Vec<String> = names.iter().map(|name| tenant.group(name, &format!("python=\"TREE/{name}\""))).collect();
    let said = said(setup, &lines);
    assert!(about(&said, "hangs").iter().any(|line| line.contains("did not answer within")), "{said}");
    assert!(about(&said, "answers").iter().any(|line| line.contains("did not report its version: nonsense")), "{said}");
    poll::wait_for("nothing that an interpreter started goes on", || running(&marker).is_empty());
}

#[trial]
pub fn floods_and_control_characters_stay_out(setup: &Setup) {
    let [user, _] = users(setup);
    let tenant = Tenant::new(setup, "flood", user);
    tenant.file("flood", "#!/bin/sh\nexec cat /dev/zero\n");
    tenant.file("lines", "#!/bin/sh\nexec yes 'a line that comes again and again'\n");
    tenant.file("escape", "#!/bin/sh\nprintf '\\033]0;owned\\007\\033[2Jroot: all is well\\r\\033[A\\n'\n");
    tenant.file("dies", "#!/bin/sh\nkill -9 $PPID\n");
    tenant.file("stops", "#!/bin/sh\nkill -STOP $PPID\nsleep 40\n");
    let tenant = tenant.owned();
    let names = ["flood", "lines", "escape", "dies", "stops"];
    let lines: Vec<String> = names.iter().map(|name| tenant.group(name, &format!("python=\"TREE/{name}\""))).collect();
    let said = said(setup, &lines);
    assert!(said.len() < 20_000, "{} bytes", said.len());
    assert!(!said.chars().any(|c| c.is_control() && c != '\n'), "{said:?}");
    assert!(about(&said, "escape").iter().any(|line| line.contains("root: all is well")), "{said}");
    for name in names {
        assert!(!about(&said, name).is_empty(), "{name}: {said}");
    }
}

#[trial]
pub fn a_chroot_of_a_tenants_is_not_entered(setup: &Setup) {
    let [user, _] = users(setup);
    let tenant = Tenant::new(setup, "jail-of-his", user);
    tenant.file("jail/usr/bin/python3", "no program");
    let tenant = tenant.owned();
    let line = format!("WSGIDaemonProcess jailed user={} chroot=\"{}\"", user.0, tenant.path("jail").display());
    let open = setup.run.workdir.server_root("open-jail").join("files/jail");
    fs::create_dir(&open).unwrap();
    writable_directory(&open);
    let other = format!("WSGIDaemonProcess opened user={} chroot=\"{}\"", user.0, open.display());
    let said = said(setup, &[line.clone(), other.clone()]);
    for (group, cause) in [("jailed", "belongs to user"), ("opened", "users other than root may write to")] {
        let lines = about(&said, group);
        assert!(
            lines.iter().any(|line| line.contains("WSGI1423") && line.contains(cause) && line.contains("To fix: ")),
            "{said}"
        );
    }
    // A process of the group is held to the same.
    let plan = plan(&[line, other]).announce("re:WSGI1423|WSGI130[12]|WSGI1017");
    let server = Httpd::start(setup, &plan, "jails");
    for (group, cause) in [("jailed", "belongs to user"), ("opened", "users other than root may write to the directory")] {
        let wanted = |line: &str| {
            line.contains("WSGI1302") && line.contains(&format!("WSGIDaemonProcess {group} ")) && line.contains(cause)
        };
        let found = || server.whole_log().into_iter().any(|line| wanted(&line.text)).then_some(());
        assert!(poll::until(poll::SOON * 3, found).is_some(), "no process of `{group}` was refused because {cause}");
    }
}
