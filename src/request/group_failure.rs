/*! Why a process group does not serve a request, and with which status: 503 when no process can take it (with Retry-After, since one may later), 502 when the
process failed while it served, 504 when a timer fired, 500 when the configuration is wrong.

mod_wsgi's status differs for a group without threads (it hangs there). *Runs in: child.* */

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
            Self::Undefined => format!("the process group {group} is not defined"),
            Self::Foreign => format!("the process group {group} belongs to virtual hosts of another ServerName"),
            Self::Restricted if name.is_empty() => "WSGIRestrictProcess does not permit embedded mode here".to_owned(),
            Self::Restricted => format!("WSGIRestrictProcess does not permit the process group {group} here"),
            Self::Unavailable(reason) => format!("the process group {group} cannot serve: {reason}"),
            Self::Service => format!("the process group {group} has `threads=0`, so it runs no requests"),
            Self::ScriptOwner(what) => format!("the process group {group} does not run the script: {what}"),
            Self::OutsideChroot { script, chroot } => {
                format!("the script {} is not below {}, the chroot of the process group {group}", quoted(script), quoted(chroot))
            }
            Self::Socket(error) => format!("the socket of the process group {group} could not be connected to: {error}"),
            Self::CannotStart => format!("no process of the group {group} can be started"),
            Self::Stopping => format!("Apache stops or restarts, and the request waited for a process of the group {group}"),
            Self::NotReady(limit) => {
                format!("no process of the group {group} was ready within the {limit} s of connect-timeout")
            }
            Self::QueueFull(backlog) => {
                format!("all threads of the process group {group} are busy, and {backlog} requests (listen-backlog) wait already")
            }
            Self::StartingFull(backlog) => {
                format!(
                    "no process of the group {group} is ready yet, and {backlog} requests (listen-backlog) wait for one already"
                )
            }
            Self::KeptLeaving(count) => {
                format!("{count} processes of the group {group} were asked, and each was about to end")
            }
            Self::Unreachable { attempts, path } => {
                format!(
                    "no process of the group {group} answered at its socket {} in {attempts} attempts",
                    quoted(&[path, b".N".as_slice()].concat())
                )
            }
            Self::Died(why) => format!("a process of the group {group} died before it answered{}", because(why)),
            Self::DiedLate(why) => format!("a process of the group {group} died in the middle of its response{}", because(why)),
            Self::Ended(limit) => {
                format!("a process of the group {group} was ended while it ran the request, because {}", over(*limit))
            }
            Self::BrokeProtocol(how) => format!("a process of the group {group} broke the rules of the channel: {how}"),
            Self::Silent { limit, own } => silence(&group, *limit, *own),
            Self::QueueTimeout(limit) => {
                format!("no thread of the process group {group} was free within the {limit} s of queue-timeout")
            }
            Self::RequestTimeout(0) => {
                format!("the application raised mod_wsgi.RequestTimeout itself; the process group {group} has no request-timeout")
            }
            Self::RequestTimeout(limit) => {
                format!("the application took longer than the {limit} s that request-timeout gives in the process group {group}")
            }
            Self::Stranger { .. } | Self::Overtime(_) | Self::ShareUsed(_) => self.distrust(&group),
            Self::HeaderTooLong { name, limit } => {
                format!("the response header {} is longer than the {limit} bytes of header-buffer-size", quoted(name))
            }
            Self::HeadTooLong(length) => {
                format!("headers and variables of the request are {length} bytes together, which the channel does not take")
            }
        }
    }

    /// The cause, where a process of the group is not what it should be.
    fn distrust(&self, group: &str) -> String {
        match self {
            Self::Stranger { uid, path } => format!(
                "a process of the user {uid} listens at {}, where Apache's supervisor should for the process group {group}",
                quoted(&[path, b".N".as_slice()].concat())
            ),
            Self::ShareUsed(most) => {
                format!("{most} requests (maximum-in-flight) for the process group {group} are in httpd's workers already")
            }
            Self::Overtime(limit) => {
                format!("a process of the group {group} had the request for {limit} s and did not keep to `request-timeout=`")
            }
            _ => String::new(),
        }
    }

    /// What to do; `None` if the cause says it.
    pub const fn cure(&self) -> Option<&'static str> {
        Some(match self {
            Self::Undefined => "declare it with `WSGIDaemonProcess`, or correct the name; `%{GLOBAL}` is embedded mode",
            Self::Foreign => "move its `WSGIDaemonProcess` out of its <VirtualHost>, or repeat the same line in this one",
            Self::Restricted => {
                "add it to `WSGIRestrictProcess` (embedded mode is `%{GLOBAL}`), or name one of those that it lists"
            }
            Self::Unavailable(_) => return None,
            Self::Service => "give the group threads, or the application another group",
            Self::ScriptOwner(_) => "correct it with `chown` and `chmod`, or change `script-user=` or `script-group=`",
            Self::OutsideChroot { .. } => "put the script below that directory, or give the application another group",
            Self::Socket(_) => {
                "`apachectl graceful` makes the socket anew; Apache's user must be able to search its directory, and own it: \
                 leave `socket-user=` out"
            }
            Self::CannotStart => "the line about its last attempt, in the log of the group, has the cause",
            Self::Stopping => "nothing is wrong; at `apachectl graceful` such requests wait for the next processes",
            Self::NotReady(_) => "the log says why it does not start; raise `connect-timeout=` if its application needs longer",
            Self::QueueFull(_) => {
                "WSGI1590 in the group's log shows where its threads are; `request-timeout=` ends what hangs, and more `processes=` or `threads=` take more requests"
            }
            Self::StartingFull(_) => "find what its application waits for at import; the log says when a process cannot start",
            Self::KeptLeaving(_) => "find what keeps changing the script, or a `reload_required` that always says yes",
            Self::Unreachable { .. } => {
                "look who else uses these names: each server needs a `WSGISocketPrefix` of its own in a directory that several share"
            }
            Self::ShareUsed(_) => {
                "WSGI1590 in the group's log shows where its threads are; raise `maximum-in-flight=` only if httpd has workers to spare (`MaxRequestWorkers`)"
            }
            Self::Stranger { .. } => {
                "put the sockets with `WSGISocketPrefix` into a directory that root alone may write, and look for what writes the present one"
            }
            Self::Died(_) | Self::DiedLate(_) => "the line about its death has the signal and the place in the program",
            Self::Ended(limit) => longer(*limit),
            Self::BrokeProtocol(_) => "install module and engine of the same version, and restart Apache",
            Self::Silent { own: true, .. } => {
                "WSGI1590 in the group's log shows where its threads are; raise `socket-timeout=`, or end what hangs with `request-timeout=`"
            }
            Self::Silent { own: false, .. } => {
                "WSGI1590 in the group's log shows where its threads are; set `socket-timeout=` or raise `Timeout`, or end what hangs with `request-timeout=`"
            }
            Self::QueueTimeout(_) => {
                "WSGI1590 in the group's log shows where its threads are; `request-timeout=` ends what hangs, and more `processes=` or `threads=` take more requests"
            }
            Self::RequestTimeout(0) => "look for the `raise` in the application",
            Self::RequestTimeout(_) => "the log shows the stack of the thread: it is where the time went",
            Self::Overtime(_) => {
                "find what keeps the process from ending such requests: its log shows the stacks; a process that was taken over ignores its limits"
            }
            Self::HeaderTooLong { .. } => "make the header shorter, or raise `header-buffer-size=`",
            Self::HeadTooLong(_) => "find what makes such variables, or lower `LimitRequestFieldSize`",
        })
    }
}

/// Who has said nothing, and within what.
fn silence(group: &str, limit: u64, own: bool) -> String {
    if own {
        format!("nothing came from the process group {group} within the {limit} s of socket-timeout")
    } else {
        format!(
            "nothing came from the process group {group}, which has no socket-timeout, within the {limit} s of httpd's Timeout"
        )
    }
}

/// Which time was over, for a sentence.
const fn over(limit: Limit) -> &'static str {
    match limit {
        Limit::Shutdown => "`shutdown-timeout` was over",
        Limit::Graceful => "`graceful-timeout` and then `shutdown-timeout` were over",
        Limit::Eviction => "`eviction-timeout` and then `shutdown-timeout` were over",
        Limit::Request => "`request-timeout` and then `shutdown-timeout` were over",
        Limit::Startup => "no script was loaded within `startup-timeout`, and then `shutdown-timeout` was over",
        Limit::Deadlock => "no thread could have Python's interpreter lock for `deadlock-timeout`",
    }
}

/// What to do about it.
const fn longer(limit: Limit) -> &'static str {
    match limit {
        Limit::Shutdown => {
            "raise `shutdown-timeout=` if such requests are meant to end; the log says why the process was to, or that Apache was stopped"
        }
        Limit::Graceful => {
            "raise `graceful-timeout=` if such requests are meant to end, or have the application end them sooner; the log says why the process was replaced"
        }
        Limit::Eviction => {
            "raise `eviction-timeout=` if such requests are meant to end, or have the application end them sooner; somebody sent the process a signal"
        }
        Limit::Request => {
            "raise `request-timeout=` if such requests are meant to end; the log shows where those are that did not end within it"
        }
        Limit::Startup => "find what its script waits for at import, or raise `startup-timeout=`",
        Limit::Deadlock => "find the extension that keeps the lock: the log shows where each thread was",
    }
}

/// One of each, with its status.
#[cfg(test)]
pub fn samples() -> impl Iterator<Item = (GroupFailure<'static>, u16)> {
    [
        (GroupFailure::Undefined, 500),
        (GroupFailure::Foreign, 500),
        (GroupFailure::Restricted, 500),
        (GroupFailure::Unavailable("no such user (hint: make it)"), 503),
        (GroupFailure::Service, 503),
        (GroupFailure::ScriptOwner("others may write it"), 403),
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
        assert_eq!(cause(Some("signal 11")), "a process of the group `shop` died before it answered: signal 11");
        assert_eq!(cause(None), "a process of the group `shop` died before it answered");
        let silent = |own| GroupFailure::Silent { limit: 5, own }.cause(b"shop");
        assert!(silent(true).ends_with("the 5 s of socket-timeout") && silent(false).ends_with("the 5 s of httpd's Timeout"));
        assert_eq!(GroupFailure::Restricted.cause(b""), "WSGIRestrictProcess does not permit embedded mode here");
    }
}
