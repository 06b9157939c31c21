/*! Trials D11, E6, E8: whom nobody may believe: an application that speaks for its process, nonsense and strangers at a process's socket, and a
process that could not become the user it should be. *Runs in: tests.* */

use super::field::{Field, at_most, fact};
use crate::suites::security::privileges::{compiled, other_user};
use crate::support::client::{Client, Request};
use crate::support::error_log::pattern;
use crate::support::installation::server_user;
use crate::support::matrix::Setup;
use crate::support::poll;
use crate::support::processes;
use rustix::process::Signal;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What the server says of a peer that it does not believe.
const SAID: &str = "re:WSGI13(27|28|29|30):|WSGI1590: |\\]   |WSGI1254:|was closed";

/// D11, from a daemon's side
pub fn an_application_that_speaks_for_its_process_is_not_believed(setup: &Setup) {
    let field = Field::start(setup, "speaks", "threads=5 socket-timeout=3");
    field.server.announce(SAID);
    field.who();
    let before = field.workers();
    for what in ["garbage", "zeros", "head", "response"] {
        // More body than is sent unasked, so that both sides have spoken before the application does.
        let mut client = Client::connect(field.server.files.port).unwrap();
        let target = format!("/app/speak?what={what}");
        let response = client.exchange(&Request::post(&target, vec![b'x'; 200_000]));
        if let Ok(response) = response {
            let shows = response.status >= 500 || !response.complete;
            assert!(shows, "{what}: the client takes it for a response: {}, `{}`", response.status, response.text());
            let injected = response.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("x-injected"));
            assert!(!injected && !response.text().contains("injected"), "{what}: the client sees what was injected");
        }
        field.recovers_within(at_most(Duration::from_secs(5)));
    }
    assert_eq!(field.workers(), before, "httpd's processes live on");
    field.others_serve();
}

/// D11, from a child's side
pub fn nonsense_at_a_socket_is_dropped(setup: &Setup) {
    let field = Field::start(setup, "nonsense", "threads=3 socket-timeout=5 connect-timeout=3");
    field.server.announce(SAID);
    field.server.announce("WSGI1324");
    field.starts();
    let pid = field.who().pid;
    let place = socket(pid);
    let memory = processes::anonymous_memory(pid);
    let noise: Vec<u8> = (0..2000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let cases: [(&str, &[u8]); 5] = [
        ("nothing", b""),
        ("garbage", &noise),
        ("zeros", &[0; 100]),
        ("long lengths", &[0xff; 100]),
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n"),
    ];
    for (what, bytes) in cases {
        // More of them than there are threads, and all of them stay.
        let held: Vec<UnixStream> = std::iter::repeat_with(|| {
            let mut stream = UnixStream::connect(&place).unwrap();
            // Who has seen enough may close before everything is written.
            stream.write_all(bytes).ok();
            stream
        })
        .take(4)
        .collect();
        let begun = Instant::now();
        let response = field.site().get("/app/who");
        assert_eq!(response.status, 200, "{what}: the group does not serve beside it");
        assert!(begun.elapsed() < at_most(Duration::from_secs(3)), "{what}: the group took {:?}", begun.elapsed());
        drop(held);
    }
    assert_eq!(field.who().pid, pid, "the process lives on");
    let grown = processes::anonymous_memory(pid).saturating_sub(memory);
    assert!(grown < 24_000_000, "the process has grown by {grown} bytes");
}

/// The socket at which a process listens, as the kernel knows it.
#[track_caller]
fn socket(pid: i32) -> PathBuf {
    let own = processes::sockets(pid);
    let all = fs::read_to_string("/proc/net/unix").unwrap();
    let listening = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, _, _, "00010000", _, _, inode, path] = words[..] else { return None };
        own.contains(&format!("socket:[{inode}]")).then(|| PathBuf::from(path))
    };
    let known = all.lines().find_map(listening).unwrap_or_else(|| panic!("process {pid} listens at none of {own:?}"));
    // It was made under a longer name, which the kernel goes on telling.
    let mut name = known.clone().into_os_string().into_string().unwrap();
    name.pop();
    if known.exists() { known } else { PathBuf::from(name) }
}

/// What a child of httpd's says to have a request run: somebody else is at the socket's place meanwhile. Whatever becomes of it then is over.
fn recorded(field: &Field<'_>, place: &Path, gate: &str) -> Vec<u8> {
    let aside = place.with_extension("aside");
    // The supervisor would find the socket gone, and replace the process.
    let supervisors = field.supervisors();
    supervisors.iter().copied().for_each(processes::stop);
    fs::rename(place, &aside).unwrap();
    let listener = UnixListener::bind(place).unwrap();
    fs::set_permissions(place, fs::Permissions::from_mode(0o666)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let mut clients = Vec::new();
    let found = poll::until(poll::SOON, || {
        // Those for which there is a connection already go on by that.
        let mut client = Client::connect(field.server.files.port).unwrap();
        client.send(&Request::get(&format!("/app/gate?name={gate}-{}", clients.len())).head_bytes()).unwrap();
        clients.push(client);
        poll::until(Duration::from_millis(500), || listener.accept().ok())
    });
    let mut stream = found.expect("a child connects anew").0;
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let (mut bytes, mut block) = (Vec::new(), [0; 65536]);
    while let Ok(count @ 1..) = stream.read(&mut block) {
        bytes.extend_from_slice(&block[..count]);
    }
    fs::rename(&aside, place).unwrap();
    supervisors.iter().for_each(|pid| processes::send(*pid, Signal::CONT));
    drop(stream);
    for (number, client) in clients.iter_mut().enumerate() {
        field.open_gate(&format!("{gate}-{number}"));
        // It was served, now or earlier, or failed.
        client.receive(false).ok();
    }
    bytes
}

/// E8
pub fn another_user_at_the_socket_gets_no_word(setup: &Setup) {
    if server_user().is_none() {
        setup.skip("the suites do not run as root, so there is no other user to be");
    }
    let field = Field::start(setup, "another-user", "threads=8");
    field.server.announce(SAID);
    let place = socket(field.who().pid);
    let bytes = recorded(&field, &place, "told");
    assert!(!bytes.is_empty(), "a child says something");
    let begun = || (0..20).map(|number| field.notes(&format!("begun-told-{number}")).len()).sum::<usize>();
    let before = begun();
    let valid = field.directory.join("valid");
    fs::write(&valid, &bytes).unwrap();
    let code = "import os, socket, sys\n\
                os.setgroups([]); os.setgid(65534); os.setuid(65534)\n\
                s = socket.socket(socket.AF_UNIX)\n\
                try: s.connect(sys.argv[1])\n\
                except OSError as e: print(type(e).__name__); sys.exit()\n\
                s.settimeout(2)\n\
                try: s.sendall(open(sys.argv[2], 'rb').read()); print(len(s.recv(100)))\n\
                except TimeoutError: print('is heard')\n\
                except (BrokenPipeError, ConnectionResetError): print(0)\n";
    let connect = || {
        let output = Command::new(&setup.python.executable).arg("-c").arg(code).arg(&place).arg(&valid).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    assert_eq!(connect(), "PermissionError", "the file lets nobody else in");
    // Somebody has opened the door by mistake.
    fs::set_permissions(&place, fs::Permissions::from_mode(0o666)).unwrap();
    let heard = connect();
    fact(format!("with the socket's mode widened: {}", if heard == "0" { "closed unread" } else { "heard" }));
    assert_eq!(begun(), before, "a stranger's request was run");
    assert_eq!(heard, "0", "a stranger is not closed at once");
    if setup.is_ours() {
        let said =
            || field.server.whole_log().iter().any(|line| line.text.contains("a user other than Apache's user was closed"));
        poll::wait_for("the log says so", said);
    }
    field.recovers_within(at_most(Duration::from_secs(5)));
}

fn name_of(entry: &std::io::Result<fs::DirEntry>) -> String {
    entry.as_ref().map(|entry| entry.file_name().to_string_lossy().into_owned()).unwrap_or_default()
}

/// E6
pub fn who_cannot_become_the_user_runs_nothing(setup: &Setup) {
    if server_user().is_none() {
        setup.skip("the suites do not run as root, so nothing can change its identity");
    }
    let library: &'static str = compiled(setup, "identity_refused").display().to_string().leak();
    let user = other_user().0;
    for (group, step, said) in
        [(61001, "supplementary groups", "groups"), (61002, "group", "group|gid"), (61003, "user", "user|uid")]
    {
        let options = format!("threads=2 connect-timeout=2 socket-timeout=5 user={user} group=#{group}");
        let field = Field::start_with(setup, "refused", &options, |plan| plan.environment("LD_PRELOAD", library));
        field.server.announce("re:WSGI13(01|02|39):");
        field.others_serve();
        let response = field.site().get("/app/who");
        assert!(response.status >= 500, "{step}: a process that could not change it serves");
        let words = pattern(&format!("re:(?i)(could not|unable|fail|cannot).*({said})|({said}).*(could not|unable|fail|cannot)"));
        let found =
            poll::until(Duration::from_secs(3), || field.server.whole_log().into_iter().find(|line| words.is_match(&line.text)));
        let loaded = fs::read_dir(&field.directory).unwrap().any(|entry| name_of(&entry).starts_with("loaded-"));
        assert!(!loaded, "{step}: the application was loaded by a process that could not change it");
        assert!(found.is_some(), "{step}: no line of the log says what failed");
        field.others_serve();
    }
}
