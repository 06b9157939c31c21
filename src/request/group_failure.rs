/*! Why a process group does not serve a request, and with which status: 503 when no process can take it (with Retry-After, since one may later), 502 when the
process failed while it served, 504 when a timer fired, 500 when the configuration is wrong.

For a group without threads mod_wsgi has no status: the request hangs. *Runs in: child.* */

use protocol::log_code::{self, LogCode};
use protocol::table::Limit;

use config::error::quoted;
use config::global_checks::NoAccess;

/// What is wrong. Limits are seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupFailure<'a> {
    /// There is none of that name.
    Undefined,
    /// It belongs to virtual hosts of another name.
    Foreign,
    /// `WSGIRestrictProcess` does not list it.
    Restricted,
    /// It cannot run, for the reason given, which ends with its own hint.
    Unavailable(&'a str),
    /// It has no threads.
    Service,
    /// The script, or its directory, is not as `script-user=` or `script-group=` wants it: a sentence that says how.
    ScriptOwner(&'a str),
    /// The script is not below `chroot=`.
    OutsideChroot {
        /// The script.
        script: &'a [u8],
        /// The directory.
        chroot: &'a [u8],
    },
    /// Its socket could not be connected to: the system's words.
    Socket(&'a str),
    /// None of its processes can be started; the log says why.
    CannotStart,
    /// Apache stops, or restarts without grace, and no process comes any more.
    Stopping,
    /// No process took the request within `connect-timeout`.
    NotReady(u64),
    /// As many requests wait as `listen-backlog` (the number) allows.
    QueueFull(u32),
    /// As many requests as may wait for the first process to be ready.
    StartingFull(u32),
    /// As many requests for the group as `maximum-in-flight` (the number) allows are in httpd's workers.
    ShareUsed(u32),
    /// So many processes were asked, and each was on its way out.
    KeptLeaving(u32),
    /// Nobody answered where its processes listen.
    Unreachable {
        /// How often that was tried.
        attempts: u32,
        /// What the paths of the sockets begin with.
        path: &'a [u8],
    },
    /// Somebody listens where its processes should, who is not Apache's supervisor.
    Stranger {
        /// His user id.
        uid: u32,
        /// What the paths of the sockets begin with.
        path: &'a [u8],
    },
    /// The process died before it answered: what is known of its death.
    Died(Option<&'a str>),
    /// The process died in the middle of its response.
    DiedLate(Option<&'a str>),
    /// The process was ended at a limit, with the request.
    Ended(Limit),
    /// The process broke the rules of the channel: how.
    BrokeProtocol(&'a str),
    /// Nothing came in time.
    Silent {
        /// How long that was waited for.
        limit: u64,
        /// That is the group's `socket-timeout`, and not httpd's `Timeout`.
        own: bool,
    },
    /// No thread was free within `queue-timeout`.
    QueueTimeout(u64),
    /// The application did not answer within `request-timeout`.
    RequestTimeout(u64),
    /// The process did not end the request, though `request-timeout` and all that follows it were over: how long the child has waited.
    Overtime(u64),
    /// A header of the response is longer than `header-buffer-size`.
    HeaderTooLong {
        /// The header's name.
        name: &'a [u8],
        /// The limit, bytes.
        limit: u32,
    },
    /// The request's head is longer than the channel takes: its length, bytes.
    HeadTooLong(usize),
}

impl From<NoAccess> for GroupFailure<'_> {
    fn from(why: NoAccess) -> Self {
        match why {
            NoAccess::Unknown => Self::Undefined,
            NoAccess::Foreign | NoAccess::Nameless => Self::Foreign,
        }
    }
}

impl GroupFailure<'_> {
    /// Status and numbered message.
    pub const fn row(&self) -> (u16, LogCode) {
        match self {
            Self::Undefined => (500, log_code::PROCESS_GROUP_UNDEFINED),
            Self::Foreign => (500, log_code::PROCESS_GROUP_FOREIGN),
            Self::Restricted => (500, log_code::PROCESS_GROUP_RESTRICTED),
            Self::Unavailable(_) => (503, log_code::PROCESS_GROUP_UNAVAILABLE),
            Self::Service => (503, log_code::SERVICE_GROUP_ASKED),
            Self::ScriptOwner(_) => (403, log_code::SCRIPT_OWNER_WRONG),
            Self::OutsideChroot { .. } => (502, log_code::OUTSIDE_CHROOT),
            Self::Socket(_) => (503, log_code::DAEMON_SOCKET_FAILED),
            Self::CannotStart => (503, log_code::DAEMON_CANNOT_START),
            Self::Stopping => (503, log_code::STOPPED_WAITING),
            Self::NotReady(_) => (503, log_code::DAEMON_NOT_READY),
            Self::QueueFull(_) => (503, log_code::DAEMON_QUEUE_FULL),
            Self::StartingFull(_) => (503, log_code::DAEMON_STARTING_FULL),
            Self::ShareUsed(_) => (503, log_code::GROUP_SHARE_USED),
            Self::KeptLeaving(_) => (503, log_code::DAEMON_KEPT_LEAVING),
            Self::Unreachable { .. } => (503, log_code::DAEMON_UNREACHABLE),
            Self::Stranger { .. } => (503, log_code::DAEMON_STRANGER),
            Self::Died(_) => (502, log_code::DAEMON_DIED),
            // The status of the error that ends a response which has begun.
            Self::DiedLate(_) => (502, log_code::DAEMON_DIED_LATE),
            // Of a response that has begun it is the status of the error that ends it.
            Self::Ended(_) => (502, log_code::DAEMON_ENDED),
            Self::BrokeProtocol(_) => (502, log_code::DAEMON_BROKE_PROTOCOL),
            Self::Silent { .. } => (504, log_code::DAEMON_SILENT),
            Self::QueueTimeout(_) => (504, log_code::DAEMON_QUEUE_TIMEOUT),
            Self::RequestTimeout(_) => (504, log_code::GROUP_REQUEST_TIMEOUT),
            Self::Overtime(_) => (504, log_code::DAEMON_OVERTIME),
            Self::HeaderTooLong { .. } => (500, log_code::RESPONSE_HEADER_TOO_LONG),
            Self::HeadTooLong(_) => (502, log_code::REQUEST_HEAD_TOO_LONG),
        }
    }

    /// The cause, for the log. `name` is the group's.
    pub fn cause(&self, name: &[u8]) -> String {
        let group = quoted(name);
        let because = |why: &Option<&str>| why.map(|why| format!(": {why}")).unwrap_or_default();
        match self {
            Self::Undefined
            | Self::Foreign
            | Self::Restricted
            | Self::Unavailable(_)
            | Self::Service
            | Self::ScriptOwner(_)
            | Self::OutsideChroot { .. } => self.configuration(name),
            Self::Socket(error) => format!("could not connect to the socket of the process group {group}: {error}"),
            Self::CannotStart => format!("no process of the group {group} can be started"),
            Self::Stopping => {
                format!("httpd was stopped or restarted while the request waited for a process of the group {group}")
            }
            Self::NotReady(limit) => {
                format!("no process of the group {group} was ready within the {limit} s of connect-timeout")
            }
            Self::QueueFull(backlog) => {
                format!(
                    "the queue of the process group {group} is full: all threads are busy, and {backlog} requests (listen-backlog) are waiting"
                )
            }
            Self::StartingFull(backlog) => {
                format!(
                    "no process of the group {group} is ready yet, and {backlog} requests (listen-backlog) are waiting for one"
                )
            }
            Self::KeptLeaving(count) => {
                format!("every process of the group {group} refused the request, because it was shutting down ({count} attempts)")
            }
            Self::Died(why) => format!("a process of the group {group} died before it sent a response{}", because(why)),
            Self::DiedLate(why) => format!("a process of the group {group} died in the middle of its response{}", because(why)),
            Self::Ended(limit) => {
                format!("a process of the group {group} was stopped while it served the request, because {}", over(*limit))
            }
            Self::BrokeProtocol(how) => format!("invalid message from a process of the group {group}: {how}"),
            Self::Silent { limit, own } => silence(&group, *limit, *own),
            Self::QueueTimeout(limit) => {
                format!("no thread of the process group {group} became free within the {limit} s of queue-timeout")
            }
            Self::RequestTimeout(0) => {
                format!("the application raised mod_wsgi.RequestTimeout itself; the process group {group} has no request-timeout")
            }
            Self::RequestTimeout(limit) => {
                format!("the application took longer than the {limit} s of request-timeout of the process group {group}")
            }
            Self::Unreachable { .. } | Self::Stranger { .. } | Self::Overtime(_) | Self::ShareUsed(_) => self.distrust(&group),
            Self::HeaderTooLong { name, limit } => {
                format!("the response header {} is longer than the {limit} bytes of header-buffer-size", quoted(name))
            }
            Self::HeadTooLong(length) => {
                format!(
                    "the headers and variables of the request have {length} bytes in total, which is more than a daemon process accepts"
                )
            }
        }
    }

    /// The cause, if the configuration or a file has to be changed.
    fn configuration(&self, name: &[u8]) -> String {
        let group = quoted(name);
        match self {
            Self::Undefined => format!("the process group {group} is not defined"),
            Self::Foreign => format!("the process group {group} belongs to virtual hosts of another ServerName"),
            Self::Restricted if name.is_empty() => "WSGIRestrictProcess does not permit embedded mode here".to_owned(),
            Self::Restricted => format!("WSGIRestrictProcess does not permit the process group {group} here"),
            Self::Unavailable(reason) => format!("the process group {group} cannot serve requests: {reason}"),
            Self::Service => format!("the process group {group} has `threads=0`, so it serves no requests"),
            Self::ScriptOwner(what) => format!("the process group {group} did not run the script: {what}"),
            Self::OutsideChroot { script, chroot } => {
                format!(
                    "the script {} is not below {}, the chroot directory of the process group {group}",
                    quoted(script),
                    quoted(chroot)
                )
            }
            _ => String::new(),
        }
    }

    /// The cause, if processes of the group, or their sockets, do not behave as expected.
    fn distrust(&self, group: &str) -> String {
        match self {
            Self::Stranger { uid, path } => format!(
                "a process of the user with the ID {uid} listens at {}, the socket of the process group {group}",
                quoted(&[path, b".N".as_slice()].concat())
            ),
            Self::Unreachable { attempts, path } => {
                format!(
                    "could not reach any process of the group {group} at its socket {} in {attempts} attempts",
                    quoted(&[path, b".N".as_slice()].concat())
                )
            }
            Self::ShareUsed(most) => {
                format!("the process group {group} has reached its limit of {most} requests in httpd (maximum-in-flight)")
            }
            Self::Overtime(limit) => {
                format!("a process of the group {group} had the request for {limit} s and did not enforce `request-timeout=`")
            }
            _ => String::new(),
        }
    }

    /// What to do; `None` if the cause says it.
    pub const fn cure(&self) -> Option<&'static str> {
        Some(match self {
            Self::Undefined
            | Self::Foreign
            | Self::Restricted
            | Self::Unavailable(_)
            | Self::Service
            | Self::ScriptOwner(_)
            | Self::OutsideChroot { .. } => return self.configuration_cure(),
            Self::Socket(_) => {
                "check that Apache's user can search the directory of the socket, and remove `socket-user=`; if the socket was deleted, run \
                 `apachectl graceful`"
            }
            Self::CannotStart => "read the message about the last attempt in the log of the group",
            Self::Stopping => "use `apachectl graceful`: then such requests wait for the next processes",
            Self::NotReady(_) => {
                "look in the log for the reason why the group does not start; raise `connect-timeout=` if its application needs more time to load"
            }
            Self::QueueFull(_) | Self::QueueTimeout(_) => {
                "look for WSGI1590 in the log of the group, which shows what its threads are doing; raise `processes=` or `threads=`, or set \
                 `request-timeout=` to end requests that hang"
            }
            Self::StartingFull(_) => {
                "find out what the application waits for during import; the log reports processes that cannot start"
            }
            Self::KeptLeaving(_) => {
                "find the program that keeps changing the script, or correct a `reload_required` that always returns true"
            }
            Self::Unreachable { .. } => {
                "set `WSGISocketPrefix` to a different directory for each server, and find out which other program writes to the directory"
            }
            Self::ShareUsed(_) => {
                "look for WSGI1590 in the log of the group, which shows what its threads are doing; raise `maximum-in-flight=` only if httpd has \
                 spare threads (`MaxRequestWorkers`)"
            }
            Self::Stranger { .. } => {
                "set `WSGISocketPrefix` to a directory that only root can write to, and find out who writes to the present one"
            }
            Self::Died(_) | Self::DiedLate(_) => {
                "read the message about the death of the process: it contains the signal and the location in the program"
            }
            Self::Ended(limit) => longer(*limit),
            Self::BrokeProtocol(_) => "install the module and the engine from one build, then restart httpd",
            Self::Silent { own: true, .. } => {
                "look for WSGI1590 in the log of the group, which shows what its threads are doing; raise `socket-timeout=`, or set \
                 `request-timeout=` to end requests that hang"
            }
            Self::Silent { own: false, .. } => {
                "look for WSGI1590 in the log of the group, which shows what its threads are doing; set `socket-timeout=` or raise `Timeout`, or set \
                 `request-timeout=` to end requests that hang"
            }
            Self::RequestTimeout(0) => "find the `raise` in the application",
            Self::RequestTimeout(_) => "look at the stack of the thread in the log: it shows where the time was spent",
            Self::Overtime(_) => {
                "look at the stacks in the log of the group; a process that an attacker controls can ignore its limits"
            }
            Self::HeaderTooLong { .. } => "make the header shorter, or raise `header-buffer-size=`",
            Self::HeadTooLong(_) => {
                "find the directive that sets such variables (`SetEnv`, `RewriteRule`), or lower `LimitRequestFieldSize`"
            }
        })
    }

    /// What to do, if the configuration or a file has to be changed.
    const fn configuration_cure(&self) -> Option<&'static str> {
        Some(match self {
            Self::Undefined => {
                "declare the group with `WSGIDaemonProcess`, or correct the name; `%{GLOBAL}` selects embedded mode"
            }
            Self::Foreign => "move its `WSGIDaemonProcess` out of its <VirtualHost>, or repeat the same declaration in this one",
            Self::Restricted => {
                "add the group to `WSGIRestrictProcess` (`%{GLOBAL}` for embedded mode), or use one of the groups that it lists"
            }
            Self::Unavailable(_) => return None,
            Self::Service => "set `threads=` to at least 1, or assign the application to another group",
            Self::ScriptOwner(_) => {
                "check the contents of the file, then correct its owner or mode with `chown` and `chmod`, or change `script-user=` or `script-group=`"
            }
            Self::OutsideChroot { .. } => "move the script below that directory, or assign the application to another group",
            _ => return None,
        })
    }
}

/// Returns the cause for a group that sent nothing in time.
fn silence(group: &str, limit: u64, own: bool) -> String {
    if own {
        format!("the process group {group} sent nothing within the {limit} s of socket-timeout")
    } else {
        format!("the process group {group}, which has no socket-timeout, sent nothing within the {limit} s of httpd's Timeout")
    }
}

/// Returns which timeout expired, as a part of a sentence.
const fn over(limit: Limit) -> &'static str {
    match limit {
        Limit::Shutdown => "`shutdown-timeout` expired",
        Limit::Graceful => "`graceful-timeout` and then `shutdown-timeout` expired",
        Limit::Eviction => "`eviction-timeout` and then `shutdown-timeout` expired",
        Limit::Request => "`request-timeout` and then `shutdown-timeout` expired",
        Limit::Startup => "no script was loaded within `startup-timeout`, and then `shutdown-timeout` expired",
        Limit::Deadlock => "no thread could acquire the GIL for `deadlock-timeout`",
    }
}

/// Returns what to do about an expired timeout.
const fn longer(limit: Limit) -> &'static str {
    match limit {
        Limit::Shutdown => {
            "raise `shutdown-timeout=` if such requests are expected to finish; the log says why the process had to exit, or that httpd was stopped"
        }
        Limit::Graceful => {
            "raise `graceful-timeout=` if such requests are expected to finish, or make the application faster; the log says why the process was replaced"
        }
        Limit::Eviction => {
            "raise `eviction-timeout=` if such requests are expected to finish, or make the application faster; the process was replaced because it \
             got a signal"
        }
        Limit::Request => {
            "raise `request-timeout=` if such requests are expected to finish; the log shows the stacks of the requests that exceeded it"
        }
        Limit::Startup => "find out what the script waits for during import, or raise `startup-timeout=`",
        Limit::Deadlock => "find the extension that holds the GIL: the log shows the stack of each thread",
    }
}

/// One of each, with its status.
#[cfg(test)]
pub fn samples() -> impl Iterator<Item = (GroupFailure<'static>, u16)> {
    [
        (GroupFailure::Undefined, 500),
        (GroupFailure::Foreign, 500),
        (GroupFailure::Restricted, 500),
        (GroupFailure::Unavailable("no such user. To fix: create it"), 503),
        (GroupFailure::Service, 503),
        (GroupFailure::ScriptOwner("others may write to it"), 403),
        (GroupFailure::OutsideChroot { script: b"/a", chroot: b"/jail" }, 502),
        (GroupFailure::Socket("No such file or directory"), 503),
        (GroupFailure::CannotStart, 503),
        (GroupFailure::Stopping, 503),
        (GroupFailure::NotReady(15), 503),
        (GroupFailure::QueueFull(100), 503),
        (GroupFailure::StartingFull(100), 503),
        (GroupFailure::KeptLeaving(5), 503),
        (GroupFailure::Unreachable { attempts: 69, path: b"/run/wsgi.1.0.1" }, 503),
        (GroupFailure::Stranger { uid: 1001, path: b"/tmp/wsgi.1.0.1" }, 503),
        (GroupFailure::Overtime(45), 504),
        (GroupFailure::ShareUsed(230), 503),
        (GroupFailure::Died(Some("signal 11")), 502),
        (GroupFailure::DiedLate(None), 502),
        (GroupFailure::Ended(Limit::Graceful), 502),
        (GroupFailure::BrokeProtocol("an unknown frame"), 502),
        (GroupFailure::Silent { limit: 60, own: true }, 504),
        (GroupFailure::QueueTimeout(10), 504),
        (GroupFailure::RequestTimeout(30), 504),
        (GroupFailure::HeaderTooLong { name: b"X-Long", limit: 32768 }, 500),
        (GroupFailure::HeadTooLong(1 << 25), 502),
    ]
    .into_iter()
}

#[cfg(test)]
mod tests {
    use super::GroupFailure;
    use config::global_checks::NoAccess;

    #[test]
    fn what_keeps_a_request_from_a_group_is_told_apart() {
        assert_eq!(GroupFailure::from(NoAccess::Unknown), GroupFailure::Undefined);
        assert_eq!(GroupFailure::from(NoAccess::Foreign), GroupFailure::Foreign);
        assert_eq!(GroupFailure::from(NoAccess::Nameless), GroupFailure::Foreign);
    }

    #[test]
    fn a_death_is_explained_if_its_cause_is_known() {
        let cause = |why| GroupFailure::Died(why).cause(b"shop");
        assert_eq!(cause(Some("signal 11")), "a process of the group `shop` died before it sent a response: signal 11");
        assert_eq!(cause(None), "a process of the group `shop` died before it sent a response");
        let silent = |own| GroupFailure::Silent { limit: 5, own }.cause(b"shop");
        assert!(silent(true).ends_with("the 5 s of socket-timeout") && silent(false).ends_with("the 5 s of httpd's Timeout"));
        assert_eq!(GroupFailure::Restricted.cause(b""), "WSGIRestrictProcess does not permit embedded mode here");
    }
}
