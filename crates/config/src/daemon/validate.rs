/*! As typed, made ready to use: defaults are put in, and options that exclude each other or that do nothing are found out. *Runs in:
parent.* */

use std::time::Duration;

use super::process::{DaemonProcess, Life, Python, ScriptOwner};
use super::raw_options::RawOptions;
use crate::directive::DirectiveContext;
use crate::error::{ConfigError, quoted};
use crate::settings::Text;

/// Threads of a process when `threads=` is not given.
const THREADS: u32 = 15;
/// `listen-backlog=`, unless it is said.
const BACKLOG: u32 = 100;

/// Makes the group.
///
/// # Errors
/// Options that exclude each other.
pub fn validate(name: &[u8], typed: &RawOptions, context: &DirectiveContext<'_>) -> Result<DaemonProcess, ConfigError> {
    for (cause, cure) in without_effect(typed) {
        let text = ConfigError::new(format!("WSGIDaemonProcess {}: {cause}", quoted(name)), cure);
        context.notes.note_option_without_effect(text, context.name());
    }
    Ok(DaemonProcess {
        name: name.into(),
        defined_at: context.name(),
        order: context.notes.next_sequence(),

        user: typed.user.clone(),
        group: typed.group.clone(),
        supplementary_groups: typed.supplementary_groups.clone(),
        chroot: typed.chroot.clone(),
        home: typed.home.clone(),
        lang: typed.lang.clone(),
        locale: typed.locale.clone(),
        display_name: display_name(typed.display_name.as_ref(), name),
        cpu_priority: typed.cpu_priority.unwrap_or(0),
        socket_user: typed.socket_user.clone(),
        script_owner: script_owner(name, typed)?,
        no_new_privileges: typed.no_new_privileges,
        dumpable: typed.dumpable,
        env_inherit: typed.env_inherit.clone(),
        descriptors: typed.descriptors,

        processes: typed.processes.unwrap_or(1),
        multiprocess: typed.processes.is_some(),
        threads: typed.threads.unwrap_or(THREADS),
        stack_size: typed.stack_size,
        listen_backlog: typed.listen_backlog.unwrap_or(BACKLOG),
        maximum_in_flight: maximum_in_flight(typed),
        send_buffer_size: typed.send_buffer_size.filter(not_zero),
        receive_buffer_size: typed.receive_buffer_size.filter(not_zero),
        header_buffer_size: typed.header_buffer_size.filter(not_zero).unwrap_or(32 * 1024),
        response_buffer_size: typed.response_buffer_size.filter(|size| *size != 0).unwrap_or(8 * 1024 * 1024),
        response_flush_delay: Duration::from_millis(typed.response_flush_delay.unwrap_or(5).into()),
        memory_limit: typed.memory_limit.filter(|size| *size != 0),
        virtual_memory_limit: typed.virtual_memory_limit.filter(|size| *size != 0),

        connect_timeout: seconds(typed.connect_timeout.unwrap_or(15)),
        socket_timeout: limit(typed.socket_timeout),
        response_socket_timeout: limit(typed.response_socket_timeout),
        queue_timeout: limit(typed.queue_timeout),
        request_timeout: limit(typed.request_timeout),
        interrupt_timeout: limit(typed.interrupt_timeout),
        life: life(typed),
        switch_interval: typed.switch_interval,
        reload_wait: seconds(typed.reload_wait.unwrap_or(10)),

        python: python(name, typed)?,
        python_path: typed.python_path.clone().unwrap_or_default(),
        python_eggs: typed.python_eggs.clone(),
        server_metrics: typed.server_metrics.unwrap_or(false),
        overlap: typed.overlap.unwrap_or(true),
        reload_always: typed.reload_always.unwrap_or(false),
        preload: typed.preload.unwrap_or_default(),

        options: typed.options.clone(),
    })
}

fn life(typed: &RawOptions) -> Life {
    Life {
        startup_timeout: limit(typed.startup_timeout),
        deadlock_timeout: limit(Some(typed.deadlock_timeout.unwrap_or(300))),
        inactivity_timeout: limit(typed.inactivity_timeout),
        graceful_timeout: seconds(typed.graceful_timeout.unwrap_or(15)),
        graceful_explicit: typed.graceful_timeout.is_some(),
        eviction_timeout: limit(typed.eviction_timeout),
        shutdown_timeout: limit(Some(typed.shutdown_timeout.unwrap_or(5))),
        restart_interval: limit(typed.restart_interval),
        maximum_requests: typed.maximum_requests.filter(|count| *count != 0),
        cpu_time_limit: typed.cpu_time_limit.filter(|count| *count != 0),
    }
}

const fn not_zero(number: &u32) -> bool {
    *number != 0
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(number.into())
}

/// A limit of which 0 says that there is none.
fn limit(number: Option<u32>) -> Option<Duration> {
    number.filter(not_zero).map(seconds)
}

/// What `ps` shows. Without a name it would be the command line, which holds a whole program.
fn display_name(text: Option<&Text>, group: &[u8]) -> Text {
    let named = text.filter(|text| !text.is_empty() && ***text != *b"%{GROUP}");
    named.cloned().unwrap_or_else(|| [b"(wsgi:", group, b")"].concat().into())
}

fn script_owner(name: &[u8], typed: &RawOptions) -> Result<Option<ScriptOwner>, ConfigError> {
    match (&typed.script_user, &typed.script_group) {
        (Some(_), Some(_)) => Err(ConfigError::new(
            format!("WSGIDaemonProcess {}: `script-user=` and `script-group=` exclude each other", quoted(name)),
            "keep one of them; `script-user=` is stricter",
        )),
        (Some(user), None) => Ok(Some(ScriptOwner::User(user.clone()))),
        (None, group) => Ok(group.clone().map(ScriptOwner::Group)),
    }
}

fn python(name: &[u8], typed: &RawOptions) -> Result<Option<Python>, ConfigError> {
    match (&typed.python, &typed.python_home) {
        (Some(_), Some(_)) => Err(ConfigError::new(
            format!("WSGIDaemonProcess {}: `python=` and `python-home=` exclude each other", quoted(name)),
            "keep `python-home=` for the directory of a virtual environment, or `python=` for an executable",
        )),
        (Some(executable), None) => Ok(Some(Python::Executable(executable.clone()))),
        (None, home) => Ok(home.clone().map(|(prefix, exec_prefix)| Python::Home { prefix, exec_prefix })),
    }
}

/// What is given and does nothing, with what to do about it.
fn without_effect(typed: &RawOptions) -> Vec<(String, &'static str)> {
    let given = |number: Option<u32>| number.is_some_and(|number| number != 0);
    let mut found = Vec::new();
    if given(typed.interrupt_timeout) && !given(typed.request_timeout) {
        let cause = "`interrupt-timeout=` has no effect without `request-timeout=`".to_owned();
        found.push((cause, "set `request-timeout=` to the time that a request may take, or remove the option"));
    }
    if typed.threads == Some(0) {
        let of_requests = [
            (given(typed.request_timeout), "request-timeout"),
            (given(typed.queue_timeout), "queue-timeout"),
            (given(typed.inactivity_timeout), "inactivity-timeout"),
            (typed.maximum_requests.is_some_and(|count| count != 0), "maximum-requests"),
            (typed.preload.is_some(), "preload"),
        ];
        for (_, option) in of_requests.iter().filter(|(given, _)| *given) {
            let cause = format!("`{option}=` has no effect with `threads=0`, because a service gets no requests");
            found.push((cause, "remove the option, or set `threads=` to at least 1"));
        }
        if typed.overlap == Some(true) {
            let cause =
                "`overlap=On` has no effect with `threads=0`, because a service is always stopped before its replacement starts"
                    .to_owned();
            found.push((cause, "remove the option"));
        }
    }
    found
}

/// How many requests may be in httpd's workers at a time: as many as the threads and queues of two generations of processes hold, unless it is said.
fn maximum_in_flight(typed: &RawOptions) -> Option<u32> {
    let processes = typed.processes.unwrap_or(1).max(1);
    let queue = typed.listen_backlog.unwrap_or(BACKLOG).max(1).div_ceil(processes);
    let held = typed.threads.unwrap_or(THREADS).saturating_add(queue).saturating_mul(processes);
    let most = typed.maximum_in_flight.unwrap_or_else(|| held.saturating_mul(2));
    (most > 0).then_some(most)
}
