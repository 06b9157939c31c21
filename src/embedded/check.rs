/*! The same questions at configtest, where nothing may be loaded: is there a Python that Apache's user can use?

The state of the machine is a warning there, never an error. Root asks the interpreter in a helper that is Apache's user before
it runs; anybody else cannot become that user, looks at the files alone, and says so. *Runs in: parent (configtest).* */

use std::path::{Path, PathBuf};

use protocol::{Level, log_code};

use super::choose::{self, Chosen};
use super::problem::Problem;
use super::reach::{Walker, user_name};
use super::{companion, facts, libpython};
use crate::config::settings::{HashSeed, ProcessSettings};
use crate::config::whole::{self, ServerView};
use crate::httpd::{Log, Pool, Server, command, config, process};

/// All servers, as the functions of `config::whole` want them.
pub fn views<'s>(main: Server<'s>) -> Vec<ServerView<'s>> {
    main.all()
        .map(|server| ServerView {
            config: config::of_server(server),
            directory: config::of_sections(server),
            host: server.host(),
            port: server.configured_port(),
            reachable: server.is_reachable(),
        })
        .collect()
}

/// Python's command line options that the directives stand for.
pub fn python_options(settings: &ProcessSettings) -> Vec<Vec<u8>> {
    let mut options: Vec<Vec<u8>> = Vec::new();
    match settings.optimize {
        0 => {}
        1 => options.push(b"-O".to_vec()),
        _ => options.push(b"-OO".to_vec()),
    }
    if settings.dont_write_bytecode {
        options.push(b"-B".to_vec());
    }
    options.extend(settings.warnings.iter().map(|warning| [b"-W", &**warning].concat()));
    options
}

/// `PYTHONHASHSEED`, as the engine takes it.
pub fn hash_seed(settings: &ProcessSettings) -> Vec<u8> {
    match settings.hash_seed {
        None => Vec::new(),
        Some(HashSeed::Random) => b"random".to_vec(),
        Some(HashSeed::Fixed(seed)) => seed.to_string().into_bytes(),
    }
}

/// Warns of what would keep Python from starting in a child, if the configuration asks for a Python.
pub fn warn(configuration: Pool<'_>, main: Server<'_>) {
    let log = Log::Server(main);
    let settings = &config::of_server(main).process;
    let maps = command::notes(configuration).is_some_and(|notes| whole::starts_python(&views(main), notes));
    if !maps && settings.python_home.is_none() {
        return;
    }
    let result = if rustix::process::geteuid().is_root() { as_apache(settings) } else { from_outside(settings, log) };
    if let Err(problem) = result {
        log.line(Level::Warning, format_args!("{}: {problem}", problem.code()));
    }
}

/// As root: everything, with the rights of Apache's user.
fn as_apache(settings: &ProcessSettings) -> Result<(), Problem> {
    let (uid, gid) = process::unix_user();
    if uid == 0 {
        return Err(Problem::new(
            &log_code::PYTHON_AS_ROOT,
            "the children would run as root, and root runs no Python that a configuration names (hint: set `User` to an ordinary user)",
        ));
    }
    let walker = Walker::apache(uid, gid);
    let chosen = chosen(settings, &walker)?;
    look_around(&chosen, &walker).map_err(|problem| for_user(&problem, uid))?;
    let (facts, _) = facts::ask(&chosen.executable, Some((uid, gid))).map_err(|problem| for_user(&problem, uid))?;
    libpython::find(&chosen, &facts)?;
    let engine = companion::engine()?;
    walker.walk(&engine).map_err(|obstacle| {
        Problem::new(
            &log_code::ENGINE_NOT_LOADED,
            format!("the engine: {obstacle} for user {} (hint: {})", user_name(uid), obstacle.hint()),
        )
    })?;
    Ok(())
}

/// As somebody else: the files alone.
fn from_outside(settings: &ProcessSettings, log: Log<'_>) -> Result<(), Problem> {
    let chosen = chosen(settings, &Walker::Myself)?;
    look_around(&chosen, &Walker::Myself)?;
    companion::engine()?;
    log.coded(
        &log_code::PYTHON_NOT_CHECKED,
        format_args!(
            "`{}` was not checked further, because configtest does not run as root (hint: `sudo apachectl configtest`)",
            chosen.executable.display()
        ),
    );
    Ok(())
}

fn chosen(settings: &ProcessSettings, walker: &Walker) -> Result<Chosen, Problem> {
    let home = settings.python_home.as_ref().map(|home| (&*home.prefix, &*home.place));
    choose::choose(home, walker, std::env::var_os("PATH").as_deref())
}

fn for_user(problem: &Problem, uid: u32) -> Problem {
    Problem::new(problem.code(), format!("for user {}: {problem}", user_name(uid)))
}

/// A virtualenv leads on to the installation that it was made from.
fn look_around(chosen: &Chosen, walker: &Walker) -> Result<(), Problem> {
    let Some(home) = &chosen.home else { return Ok(()) };
    let file = home.join("pyvenv.cfg");
    let Ok(text) = std::fs::read_to_string(&file) else { return Ok(()) };
    let broken = |cause: String, hint: &str| {
        Problem::new(&log_code::PYTHON_HOME_BROKEN, format!("virtualenv `{}`: {cause} (hint: {hint})", home.display()))
    };
    walker.walk(&file).map_err(|obstacle| broken(obstacle.to_string(), &obstacle.hint()))?;
    let Some(base) = base_of(&text) else {
        return Err(broken("its pyvenv.cfg has no line `home = ...`".to_owned(), "make the virtualenv anew"));
    };
    let hint =
        "the Python that it was made from has moved or is closed; make the virtualenv anew with one that Apache's User can read";
    walker.walk(&base).map(|_| ()).map_err(|obstacle| broken(format!("its Python: {obstacle}"), hint))
}

/// The value of `home` in a pyvenv.cfg.
fn base_of(text: &str) -> Option<PathBuf> {
    let value =
        text.lines().find_map(|line| line.split_once('=').filter(|(key, _)| key.trim().eq_ignore_ascii_case("home")))?.1.trim();
    (!value.is_empty()).then(|| Path::new(value).to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{HashSeed, ProcessSettings, Walker, base_of, choose::Chosen, hash_seed, look_around, python_options};
    use std::path::Path;

    #[test]
    fn directives_become_options() {
        let settings = ProcessSettings {
            optimize: 2,
            dont_write_bytecode: true,
            warnings: vec![b"ignore"[..].into(), b"error::DeprecationWarning"[..].into()],
            hash_seed: Some(HashSeed::Fixed(7)),
            ..ProcessSettings::default()
        };
        assert_eq!(python_options(&settings), [&b"-OO"[..], b"-B", b"-Wignore", b"-Werror::DeprecationWarning"]);
        assert_eq!(hash_seed(&settings), b"7");
        assert!(python_options(&ProcessSettings::default()).is_empty());
        assert_eq!(hash_seed(&ProcessSettings { hash_seed: Some(HashSeed::Random), ..ProcessSettings::default() }), b"random");
    }

    #[test]
    fn the_base_of_a_virtualenv_is_read() {
        assert_eq!(base_of("home = /usr/bin\nversion = 3.11.2\n").as_deref(), Some(Path::new("/usr/bin")));
        assert_eq!(base_of("version_info = 3.11.2\nHome=/opt/py/bin").as_deref(), Some(Path::new("/opt/py/bin")));
        assert_eq!(base_of("homepage = x\nhome =\n"), None);
    }

    #[test]
    fn a_virtualenv_whose_python_has_gone_is_told() {
        let home = std::env::temp_dir().join(format!("check-{}", std::process::id()));
        std::fs::create_dir_all(&home).unwrap();
        std::fs::write(home.join("pyvenv.cfg"), "home = /nowhere/python/bin\n").unwrap();
        let chosen = Chosen { executable: home.join("bin/python"), home: Some(home.clone()), reason: String::new() };
        let problem = look_around(&chosen, &Walker::Myself).unwrap_err();
        assert!(problem.text().contains("`/nowhere` does not exist"), "{problem}");
        std::fs::remove_dir_all(home).unwrap();
    }
}
