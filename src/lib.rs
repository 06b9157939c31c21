/*! mod_wsgi_rs: an Apache module that hosts Python WSGI applications.

This crate is the Apache side; it holds no Python symbol. In reading order, from the top: [`handler`] (one request from start to finish), [`embedded`] (Python inside the Apache
child), [`daemon`] (Python in processes of its own), [`request`] (what both need of a request), [`install_paths`], [`httpd`] (Apache as safe Rust); [`configtest`] stands beside the handler. What
the directives say is the crate [`config`].
Below stand the module's record, which httpd finds by its name, and its hooks in the order in which httpd calls them. */

pub mod configtest;
pub mod daemon;
pub mod embedded;
pub mod handler;
pub mod httpd;
pub mod install_paths;
pub mod request;

use httpd::configuration::command_table::COMMANDS;
use httpd::configuration::hook::{self, Hooks};
use httpd::status::Answer;
use httpd::system::shared::Shared;
use httpd::{Pool, Request, Server, guard, sys};

/// The module, as `LoadModule wsgi_module` looks it up. Its name is mod_wsgi's, so that `<IfModule mod_wsgi.c>` holds.
/// httpd compares the magic numbers with its own and refuses a module of another major version, or a newer minor one.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "httpd looks it up by its name")]
pub static mut wsgi_module: sys::module = sys::module {
    version: sys::MODULE_MAGIC_NUMBER_MAJOR.cast_signed(),
    minor_version: sys::MODULE_MAGIC_NUMBER_MINOR.cast_signed(),
    module_index: -1,
    name: c"mod_wsgi.c".as_ptr(),
    dynamic_load_handle: std::ptr::null_mut(),
    next: std::ptr::null_mut(),
    magic: sys::MODULE_MAGIC_COOKIE as std::ffi::c_ulong,
    rewrite_args: None,
    create_dir_config: Some(httpd::configuration::module_config::create_directory),
    merge_dir_config: Some(httpd::configuration::module_config::merge_directory),
    create_server_config: Some(httpd::configuration::module_config::create_server),
    merge_server_config: Some(httpd::configuration::module_config::merge_server),
    cmds: COMMANDS.as_ptr(),
    register_hooks: Some(register_hooks),
    flags: 0,
};

/// Called by httpd when it has loaded the module.
#[expect(unsafe_code, reason = "called by httpd")]
unsafe extern "C" fn register_hooks(_pool: *mut sys::apr_pool_t) {
    guard::install();
    hook::register::<Wsgi>();
}

struct Wsgi;

/// The hooks, in the order in which httpd calls them.
impl Hooks for Wsgi {
    fn pre_config(configuration: Pool<'_>) -> Answer {
        httpd::configuration::command::begin(configuration);
        Answer::Ok
    }

    fn check_config(configuration: Pool<'_>, main: Server<'_>) -> Answer {
        daemon::parent::launch::announce();
        let log = httpd::Log::Server(main);
        let mut mistaken = false;
        if let Some(notes) = httpd::configuration::command::notes(configuration) {
            let servers = httpd::configuration::views::views(main);
            let mut findings = config::global_checks::check(&servers, notes);
            // A start says this when it plans the groups.
            if httpd::system::process::is_configtest() {
                findings
                    .extend(config::daemon_plan::check(&servers, &httpd::system::host_info::ThisHost::new(configuration, main)));
            }
            for finding in findings {
                mistaken |= finding.code.level == protocol::Level::Error;
                log.line(finding.code.level, format_args!("{finding}"));
            }
        }
        // A failing check at a graceful restart would end the running server.
        if mistaken && httpd::system::process::is_configtest() { Answer::Http(500) } else { Answer::Ok }
    }

    fn test_config(configuration: Pool<'_>, main: Server<'_>) {
        let machine = httpd::system::host_info::ThisHost::new(configuration, main);
        configtest::embedded::warn(main, &machine);
        configtest::daemon::warn(main, &machine);
    }

    fn post_config(configuration: Pool<'_>, main: Server<'_>) -> Answer {
        // Nothing is run here: while it lasts, nobody serves.
        configuration.add_version_component(VERSION);
        if let Err(status) = Shared::make(configuration) {
            let log = httpd::Log::Server(main);
            log.line(
                protocol::Level::Info,
                format_args!("no memory shared between children, each asks Python for itself: {status}"),
            );
        }
        httpd::system::process::warn_if_older(main);
        daemon::parent::launch::post_config(configuration, main);
        Answer::Ok
    }

    fn monitor(main: Server<'_>) {
        daemon::parent::launch::look(main);
    }

    fn child_init(child: Pool<'_>, main: Server<'static>) {
        daemon::child::child_init(main);
        embedded::start::child_init(child, main);
    }

    fn translate_name(request: Request<'_>) -> Answer {
        handler::translate_name(request)
    }

    fn handler(request: Request<'_>) -> Answer {
        handler::handle(request)
    }
}

/// How this module shows in the server's banner. Not as mod_wsgi, too: whoever looks for servers with a known fault of that would count this one.
const VERSION: &std::ffi::CStr =
    match std::ffi::CStr::from_bytes_with_nul(concat!("mod_wsgi_rs/", env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"mod_wsgi_rs",
    };
