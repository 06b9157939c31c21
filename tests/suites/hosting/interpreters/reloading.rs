/*! Script files that change: what is loaded again, when, and by whom. A part of the suite `interpreters`. *Runs in: tests.* */

use crate::support::client::{Client, Request};
use crate::support::matrix::Reach;
use crate::support::poll;
use crate::support::site::Site;
use registration::trial;
use std::collections::HashSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// A script in the server's own directory that a trial changes.
struct Script {
    path: PathBuf,
    name: String,
}

impl Script {
    fn new(site: &Site, name: &str) -> Self {
        let name = format!("{name}-{}.wsgi", site.setup.mpm.name());
        Self { path: site.path("files").join(&name), name }
    }

    /// Writes a script that answers `word`, and sets its time to `age` seconds ago.
    fn says(&self, word: &str, age: u64) -> &Self {
        self.text(&format!(
            "import os\nfrom fixture import text\nloads = globals().get('loads', 0) + 1\n\
             def application(environ, start_response):\n    return text(start_response, {word:?})\n"
        ));
        self.aged(age)
    }

    fn text(&self, text: &str) {
        // As editors and deployments do: the file is there at every moment.
        let new = self.path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, &self.path).unwrap();
    }

    fn aged(&self, seconds: u64) -> &Self {
        let then = SystemTime::now() - Duration::from_secs(seconds);
        File::options().append(true).open(&self.path).unwrap().set_modified(then).unwrap();
        self
    }

    fn asked(&self, client: &mut Client) -> String {
        client.exchange(&Request::get(&format!("/files/{}", self.name))).unwrap().ok()
    }
}

#[trial(reach(Reach::Everywhere))]
fn a_changed_script_is_loaded_again(site: &Site) {
    let script = Script::new(site, "changed");
    let mut client = site.connect();
    script.says("old", 100);
    assert_eq!(script.asked(&mut client), "old");
    script.says("new", 50);
    assert_eq!(script.asked(&mut client), "new", "the request that notices is answered by the new code");
    site.expect_log("re:Reloading WSGI script '.*changed-");
}

#[trial]
fn an_older_script_is_loaded_again_too(site: &Site) {
    let script = Script::new(site, "older");
    let mut client = site.connect();
    script.says("now", 0);
    assert_eq!(script.asked(&mut client), "now");
    script.says("from the backup", 10_000);
    assert_eq!(script.asked(&mut client), "from the backup");
}

#[trial(reach(Reach::Everywhere))]
fn an_unchanged_script_is_loaded_once(site: &Site) {
    let script = Script::new(site, "unchanged");
    let loads = site.path("files/loads");
    script.text(&format!(
        "from fixture import text\nopen({:?}, 'a').write('.')\ndef application(e, s):\n    return text(s, 'here')\n",
        loads.display().to_string()
    ));
    // httpd's user writes that file.
    File::create(&loads).unwrap();
    crate::support::workdir::writable(&loads);
    let mut client = site.connect();
    for _ in 0..5 {
        assert_eq!(script.asked(&mut client), "here");
    }
    let processes = if site.setup.mpm.threaded() { 1 } else { site.server.children().len() };
    let loaded = fs::read_to_string(&loads).unwrap().len();
    assert!((1..=processes).contains(&loaded), "loaded {loaded} times in {processes} processes");
}

#[trial]
fn only_the_changed_script_is_loaded_again(site: &Site) {
    let (one, other) = (Script::new(site, "one"), Script::new(site, "other"));
    let counting = "from fixture import text\ncount = 0\ndef application(e, s):\n    global count\n    count += 1\n    return text(s, str(count))\n";
    one.text(counting);
    other.says("a", 100);
    let mut client = site.connect();
    assert_eq!((one.asked(&mut client), other.asked(&mut client)), ("1".to_owned(), "a".to_owned()));
    other.says("b", 50);
    assert_eq!((other.asked(&mut client), one.asked(&mut client)), ("b".to_owned(), "2".to_owned()), "its state is kept");
}

#[trial]
fn a_script_can_ask_to_be_loaded_again_by_its_mtime(site: &Site) {
    let script = Script::new(site, "by-mtime");
    script.text(
        "import sys\nfrom fixture import text\nsys.loads_by_mtime = getattr(sys, 'loads_by_mtime', 0) + 1\n\
         def application(environ, s):\n    global __mtime__\n    before = __mtime__\n\
         \x20   if environ['QUERY_STRING']:\n        __mtime__ = 0\n    return text(s, '%d %s' % (sys.loads_by_mtime, type(before).__name__))\n",
    );
    let mut client = site.connect();
    let mut asked = |query: &str| client.exchange(&Request::get(&format!("/files/{}{query}", script.name))).unwrap().ok();
    assert_eq!([asked(""), asked(""), asked("?again"), asked(""), asked("")], ["1 int", "1 int", "1 int", "2 int", "2 int"]);
}

#[trial]
fn a_script_can_ask_to_be_loaded_again_by_a_function(site: &Site) {
    let script = Script::new(site, "by-function");
    script.text(
        "import sys\nfrom fixture import text\nsys.loads_by_function = getattr(sys, 'loads_by_function', 0) + 1\n\
         asked = []\n\
         def reload_required(path):\n    asked.append(path)\n    return len(asked) > 2\n\
         def application(e, s):\n    return text(s, '%d %s' % (sys.loads_by_function, asked[-1:] == [e['SCRIPT_FILENAME']]))\n",
    );
    let mut client = site.connect();
    let seen: Vec<String> = (0..5).map(|_| script.asked(&mut client)).collect();
    assert_eq!(seen, ["1 False", "1 True", "1 True", "2 False", "2 True"]);
}

#[trial]
fn a_failing_reload_required_means_no(site: &Site) {
    site.allow_log("re:WSGI|reload_required");
    let script = Script::new(site, "failing-function");
    script.text(
        "from fixture import text\ncount = 0\ndef reload_required(path):\n    raise ValueError('cannot say')\n\
         def application(e, s):\n    global count\n    count += 1\n    return text(s, str(count))\n",
    );
    let mut client = site.connect();
    assert_eq!([script.asked(&mut client), script.asked(&mut client)], ["1", "2"]);
    site.allow_tracebacks();
    site.expect_log("ValueError: cannot say");
}

#[trial]
fn reloading_can_be_switched_off(site: &Site) {
    let script = Script::new(site, "switched-off");
    let mut client = site.connect();
    let mut asked = || client.exchange(&Request::get(&format!("/kept/{}", script.name))).unwrap().ok();
    script.says("old", 100);
    assert_eq!(asked(), "old");
    script.says("new", 50);
    assert_eq!(asked(), "old");
}

#[trial]
fn a_script_that_became_broken_is_500_until_it_is_mended(site: &Site) {
    site.allow_log("WSGI");
    site.allow_tracebacks();
    let script = Script::new(site, "broken");
    let mut client = site.connect();
    script.says("good", 300);
    assert_eq!(script.asked(&mut client), "good");
    script.text("import a_module_that_nobody_has\n");
    script.aged(200);
    for _ in 0..2 {
        site.get(&format!("/files/{}", script.name)).expect(500);
    }
    script.says("mended", 100);
    assert_eq!(script.asked(&mut site.connect()), "mended");
    site.expect_log("No module named 'a_module_that_nobody_has'");
}

#[trial(threads())]
fn the_old_code_finishes_its_requests(site: &Site) {
    let script = Script::new(site, "held");
    let gate = site.path("files/gate");
    script.text(&format!(
        "import os, time\nfrom fixture import text\nword = 'old'\ndef application(e, s):\n    s('200 OK', [('Content-Type', 'text/plain')])\n\
         \x20   yield b'begun;'\n    end = time.monotonic() + 15\n    while not os.path.exists({:?}) and time.monotonic() < end:\n\
         \x20       time.sleep(0.005)\n    yield word.encode()\n",
        gate.display().to_string()
    ));
    script.aged(100);
    let mut slow = site.connect();
    slow.send(&Request::get(&format!("/files/{}", script.name)).header("Connection", "close").head_bytes()).unwrap();
    slow.receive_head().unwrap();
    script.says("new", 50);
    assert_eq!(script.asked(&mut site.connect()), "new");
    File::create(gate).unwrap();
    let rest = String::from_utf8(slow.read_to_end().unwrap()).unwrap();
    assert!(rest.contains("begun;") && rest.contains("old") && rest.ends_with("0\r\n\r\n"), "{rest}");
}

/// A script that notes each time it is loaded and then waits for a file before it goes on.
fn slow_script(site: &Site, name: &str) -> (Script, PathBuf, PathBuf) {
    let script = Script::new(site, name);
    let (loads, gate) = (site.path(&format!("files/{name}-loads")), site.path(&format!("files/{name}-gate")));
    File::create(&loads).unwrap();
    crate::support::workdir::writable(&loads);
    script.text(&format!(
        "import os, time\nfrom fixture import text\nopen({:?}, 'a').write('.')\nend = time.monotonic() + 15\n\
         while not os.path.exists({:?}) and time.monotonic() < end:\n    time.sleep(0.005)\n\
         def application(e, s):\n    return text(s, 'loaded')\n",
        loads.display().to_string(),
        gate.display().to_string()
    ));
    (script, loads, gate)
}

#[trial(reach(Reach::Everywhere).threads())]
fn many_first_requests_load_a_script_once(site: &Site) {
    let (script, loads, gate) = slow_script(site, "together");
    let mut clients: Vec<Client> = (0..8).map(|_| site.connect()).collect();
    for client in &mut clients {
        client.send(&Request::get(&format!("/files/{}", script.name)).head_bytes()).unwrap();
    }
    poll::wait_for("the script is being loaded", || !fs::read_to_string(&loads).unwrap().is_empty());
    File::create(gate).unwrap();
    for client in &mut clients {
        assert_eq!(client.receive(false).unwrap().ok(), "loaded");
    }
    assert_eq!(fs::read_to_string(loads).unwrap(), ".", "loaded once");
}

#[trial(threads().differs("one lock for all imports of a process there"))]
fn a_slow_import_holds_up_its_own_script_alone(site: &Site) {
    let (script, loads, gate) = slow_script(site, "alone");
    let quick = Script::new(site, "quick");
    quick.says("quick", 10);
    let mut slow = site.connect();
    slow.send(&Request::get(&format!("/files/{}", script.name)).head_bytes()).unwrap();
    poll::wait_for("the slow script is being loaded", || !fs::read_to_string(&loads).unwrap().is_empty());
    let seen: HashSet<String> =
        ["/second/count", "/third/count", "/by-host"].map(|target| site.get(target).expect(200).status.to_string()).into();
    assert_eq!(seen.len(), 1, "other groups serve");
    assert_eq!(quick.asked(&mut site.connect()), "quick", "another script of the same interpreter is loaded meanwhile");
    assert!(!slow.hears_something_within(Duration::from_millis(10)).unwrap());
    File::create(gate).unwrap();
    assert_eq!(slow.receive(false).unwrap().ok(), "loaded");
}
