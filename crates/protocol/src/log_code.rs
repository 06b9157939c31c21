/*! Every numbered message of the error log: one row each, from which the code, `docs/messages.md` and the tests take it.

As with httpd's `APLOGNO`: a number is never used again, a new context gets a new number, trace lines have none.
Ours begin at WSGI1001 (mod_wsgi's own end below that). Ranges: 1001 configuration, 1050 starting Python, 1100 routing and
admission, 1150 request body and response, 1200 applications, 1250 interpreters and streams, 1300 and 1400 daemon mode. */

use crate::Level;

/// One numbered message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogCode {
    /// The number, shown as `WSGI1001`.
    pub number: u16,
    /// The level at which it is logged.
    pub level: Level,
    /// What a reader of the log sees first, in a few words.
    pub title: &'static str,
    /// Why it happens.
    pub cause: &'static str,
    /// What the server did.
    pub did: &'static str,
    /// What to do about it.
    pub cure: &'static str,
}

impl std::fmt::Display for LogCode {
    /// The code as it stands at the head of a line: `WSGI1001`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WSGI{:04}", self.number)
    }
}

macro_rules! log_codes {
    ($($number:literal $name:ident $level:ident $title:literal cause $cause:literal did $did:literal cure $cure:literal;)+) => {
        $(
            #[doc = $title]
            pub const $name: LogCode = LogCode {
                number: $number, level: Level::$level, title: $title, cause: $cause, did: $did, cure: $cure,
            };
        )+

        /// All messages, in the order of their numbers.
        pub const ALL: &[LogCode] = &[$($name),+];
    };
}

log_codes! {
    1001 PANIC Error "internal error in mod_wsgi_rs"
        cause "A defect of mod_wsgi_rs itself: a part of it panicked. The line names the place."
        did "The request concerned was answered with 500 (or the callback's own way to say no); the server goes on."
        cure "Report the line, with the request that led to it.";
    1010 ALIAS_SHADOWED Warning "an alias is never used"
        cause "An alias further up matches every URL that this one matches, and the first match wins."
        did "The configuration is used as it is."
        cure "Remove one of the two, or move the alias with the longer URL path before the shorter one.";
    1011 ALIAS_NEVER_MATCHES Warning "an alias matches no URL"
        cause "The URL path of the alias does not begin with a slash, as the path of every URL does."
        did "The configuration is used as it is."
        cure "Begin the URL path with `/`.";
    1012 PROXY_HEADERS_FROM_ANYONE Warning "proxy headers are believed from every client"
        cause "`WSGITrustedProxyHeaders` is set without `WSGITrustedProxies`, which trusts every peer, as mod_wsgi does."
        did "The configuration is used as it is: a client can choose the address, host or scheme that the application sees."
        cure "Name the proxies with `WSGITrustedProxies`.";
    1013 EMBEDDED_FORBIDDEN_BUT_MAPPED Warning "an alias runs in embedded mode, which is forbidden"
        cause "`WSGIRestrictEmbedded On` stands beside an alias that runs in Apache's own processes."
        did "The configuration is used as it is; requests for the alias get 500."
        cure "Remove `WSGIRestrictEmbedded On`, or give the application a process group of `WSGIDaemonProcess`.";
    1014 UNKNOWN_NAME_FORM Warning "a group name looks like a form, but is none"
        cause "The name begins with `%`, but is none of the forms that are replaced for each request. Probably it is misspelt."
        did "It is used literally, as mod_wsgi does."
        cure "Write `%{GLOBAL}`, `%{SERVER}`, `%{RESOURCE}`, `%{HOST}` or `%{ENV:name}`.";
    1015 DIRECTIVE_WITHOUT_EFFECT Info "a directive does nothing"
        cause "The directive is accepted because old configurations have it, and there is nothing for it to do in this design."
        did "It was ignored."
        cure "Remove it.";
    1016 DAEMON_OPTION_WITHOUT_EFFECT Warning "an option of a daemon group does nothing"
        cause "The option needs another one that is not set, or the group is a service (`threads=0`) and gets no requests."
        did "The configuration is used as it is."
        cure "Do what the line says, or remove the option.";
    1017 GROUP_UNUSED Warning "no URL leads to a daemon group"
        cause "`WSGIDaemonProcess` declares the group, but no `WSGIProcessGroup` and no `process-group=` that may use it names it. What names no group runs in embedded mode."
        did "The group's processes are started and will never get a request."
        cure "Name the group with `WSGIProcessGroup` or `process-group=`, or remove it.";
    1018 GROUP_NOT_DEFINED Error "a process group is not defined"
        cause "A server names a process group that no `WSGIDaemonProcess` declares. Names are compared letter by letter."
        did "Configtest fails. A server that was started all the same answers requests for the group with 500."
        cure "Declare the group with `WSGIDaemonProcess`, or correct the name.";
    1019 SECTION_GROUP_NOT_DEFINED Warning "a section names a process group that is not defined"
        cause "A directory section names a process group that no `WSGIDaemonProcess` declares. Names are compared letter by letter."
        did "Requests that enter the section are answered with 500."
        cure "Declare the group with `WSGIDaemonProcess`, or correct the name.";
    1020 GROUP_NOT_ACCESSIBLE Error "a process group belongs to another virtual host"
        cause "A group that is declared inside `<VirtualHost>` is for virtual hosts of the same `ServerName` alone, and this one has another."
        did "Configtest fails. A server that was started all the same answers such requests with 500, and loads no script there."
        cure "Declare the group outside of `<VirtualHost>`, or repeat the same line in this virtual host.";
    1021 SERVICE_GROUP_MISUSED Warning "a service group has no service, or is given requests"
        cause "`threads=0` makes a group a service: its `WSGIImportScript`s run, and it answers no requests."
        did "The configuration is used as it is; requests for the group get 503."
        cure "Give the group threads, or a `WSGIImportScript`.";
    1022 DAEMON_ACCOUNT_UNKNOWN Warning "a user or group of the system does not exist"
        cause "An option of `WSGIDaemonProcess` names a user or a group that this machine does not have."
        did "Everything else is served; requests for the daemon group get 503."
        cure "Make the user or the group, or correct the name.";
    1023 DAEMON_AS_ROOT Warning "a daemon group would run as root"
        cause "The user that the group would run as has the number 0."
        did "Everything else is served; requests for the group get 503."
        cure "Name an ordinary user with `user=`.";
    1024 DAEMON_NEEDS_ROOT Error "an option of a daemon group needs root"
        cause "`chroot=`, `supplementary-groups=` and a negative `cpu-priority=` are root's alone, and httpd was not started as root."
        did "Configtest fails. A server that was started all the same answers requests for the group with 503."
        cure "Start httpd as root, or remove the option.";
    1025 DAEMON_IDENTITY_IGNORED Warning "a daemon group runs as httpd's own user"
        cause "`user=` or `group=` names somebody else, which only an httpd that is started as root can become."
        did "The group's processes run as the user who started httpd."
        cure "Start httpd as root, or remove the option.";
    1026 SOCKET_PATH_TOO_LONG Error "the path of a socket is too long"
        cause "The path of a Unix socket has at most 107 bytes."
        did "Configtest fails. A server that was started all the same answers requests for the group with 503."
        cure "Choose a shorter directory with `WSGISocketPrefix`.";
    1050 PYTHON_NOT_FOUND Error "no Python was found"
        cause "Neither `WSGIPythonHome` nor the usual places have a Python."
        did "Apache serves everything but WSGI applications in embedded mode, which are answered with 503. At configtest: a warning."
        cure "Install Python, or name a virtualenv or a prefix with `WSGIPythonHome`.";
    1051 PYTHON_HOME_BROKEN Error "the Python home cannot be used"
        cause "The directory of `WSGIPythonHome`, or the installation that it was made from, is missing, closed to Apache's user, or no Python home. The line names the path component."
        did "Apache serves everything but WSGI applications in embedded mode, which are answered with 503. At configtest: a warning."
        cure "Do what the line says: correct the path, open the directory (`chmod o+x`), or make the virtualenv anew.";
    1052 PYTHON_NOT_ASKED Error "the interpreter did not say what it is"
        cause "The chosen Python was run with `-I -S` to say its version, and failed or took longer than 5 seconds. The line shows the last it said."
        did "Apache serves everything but WSGI applications in embedded mode, which are answered with 503. At configtest: a warning."
        cure "Run it by hand as Apache's user; make a broken virtualenv anew.";
    1053 PYTHON_UNSUPPORTED Error "this Python cannot be used"
        cause "The Python is older than 3.9, or a free-threaded build."
        did "Apache serves everything but WSGI applications in embedded mode, which are answered with 503. At configtest: a warning."
        cure "Make the virtualenv with another Python.";
    1054 LIBPYTHON_MISSING Error "Python's shared library is missing"
        cause "Embedded mode loads libpython, and that Python has none: its package is not installed, or it was built without `--enable-shared`."
        did "Apache serves everything but WSGI applications in embedded mode, which are answered with 503. At configtest: a warning."
        cure "Install the package that the line names, or build that Python with `--enable-shared`.";
    1055 LIBPYTHON_NOT_LOADED Error "Python's shared library could not be loaded"
        cause "The dynamic loader refused libpython; the line has its words."
        did "Apache serves everything but WSGI applications in embedded mode, which are answered with 503."
        cure "Install that Python's libraries anew; with SELinux enforcing run `restorecon` on the file.";
    1056 ENGINE_NOT_LOADED Error "the engine could not be loaded"
        cause "`mod_wsgi_rs_engine.so` is missing, unreadable, or of another version than the module."
        did "Apache serves everything but WSGI applications in embedded mode, which are answered with 503. At configtest: a warning."
        cure "Put it beside the module, or run `make install`.";
    1057 PYTHON_AS_ROOT Error "Python is not run as root"
        cause "The Apache child runs as root, and no Python that a configuration names is run with root's rights."
        did "Apache serves everything but WSGI applications in embedded mode, which are answered with 503. At configtest: a warning."
        cure "Set `User` and `Group` to an ordinary user.";
    1058 PYTHON_NOT_CHECKED Notice "Python was not checked at configtest"
        cause "Only root can try Python as Apache's user."
        did "The files were looked at, nothing was run."
        cure "Run configtest as root (`sudo apachectl configtest`).";
    1059 EMBEDDED_NOT_STARTED Error "an Apache child has no Python"
        cause "Python could not be started in this child; the lines before it say why."
        did "Apache serves everything but WSGI applications in embedded mode, which are answered with 503."
        cure "Mend what those lines name, then restart Apache.";
    1060 PYTHON_DIED_AT_START Error "Python ended an Apache child while it was starting"
        cause "Starting Python killed the child that tried it, as a Python without its standard library does."
        did "Nobody tries it again until Apache is restarted: WSGI applications in embedded mode are answered with 503, everything else is served."
        cure "Look for Python's own words in the log before this line, mend that Python, then restart Apache.";
    1061 BUILT_FOR_NEWER_APACHE Warning "the module was built for a newer Apache"
        cause "The running httpd is older than the one whose headers the module was built with."
        did "It runs on."
        cure "Build the module against the installed httpd (`make build install`).";
    1101 SCRIPT_MISSING Error "the WSGI script does not exist"
        cause "The file that the URL leads to is not there."
        did "The request got 404."
        cure "Create the file, or correct the path in the alias that the line names.";
    1102 SCRIPT_IS_DIRECTORY Error "a directory was asked for as a WSGI script"
        cause "The URL leads to a directory, not to a script in it."
        did "The request got 403."
        cure "Ask for a script in the directory, or map the URL to a script.";
    1103 EXEC_CGI_OFF Error "scripts may not run in this directory"
        cause "The script was reached by `AddHandler` or `SetHandler`, and its directory lacks `Options ExecCGI`."
        did "The request got 403."
        cure "Write `Options +ExecCGI` for the directory, or map the script by `WSGIScriptAlias`, which does not need it.";
    1104 PATH_INFO_REFUSED Error "the path after the script is not accepted"
        cause "`AcceptPathInfo Off` holds for the script, and the URL goes on after it."
        did "The request got 404."
        cure "Remove `AcceptPathInfo Off` for the script.";
    1105 TRANSFER_ENCODING_UNKNOWN Error "a Transfer-Encoding that is not understood"
        cause "The request names another transfer coding than `chunked`."
        did "The request got 501."
        cure "Correct the client or the proxy that sent it.";
    1106 CHUNKED_REFUSED Error "a chunked request body is not accepted"
        cause "The request has no Content-Length but `Transfer-Encoding: chunked`, and `WSGIChunkedRequest` is off."
        did "The request got 411."
        cure "Write `WSGIChunkedRequest On` where the application can read a body without a length.";
    1107 CONTENT_LENGTH_MALFORMED Error "a Content-Length that is not a number"
        cause "The request's Content-Length is not a row of decimal digits."
        did "The request got 400."
        cure "Correct the client that sent it.";
    1108 REQUEST_BODY_TOO_LARGE Error "the request body is too large"
        cause "The body is longer than `LimitRequestBody` allows."
        did "The request got 413."
        cure "Raise `LimitRequestBody` for the location, if such requests are meant to come.";
    1109 EMBEDDED_RESTRICTED Error "embedded mode is forbidden"
        cause "`WSGIRestrictEmbedded On` forbids the mode that the application is configured for."
        did "The request got 500."
        cure "Remove `WSGIRestrictEmbedded On`, or give the application a process group of `WSGIDaemonProcess`.";
    1110 PROCESS_GROUP_UNDEFINED Error "the process group does not exist"
        cause "No `WSGIDaemonProcess` declares the group that `WSGIProcessGroup`, `process-group=` or the variable that they read names."
        did "The request got 500."
        cure "Declare the group, or correct the name; `%{GLOBAL}` is embedded mode.";
    1111 PYTHON_UNAVAILABLE Error "Python does not run in this Apache process"
        cause "Python could not be started when the process began; the line says why."
        did "The request got 503 with Retry-After. Apache serves everything else."
        cure "Mend the cause and restart Apache; `apachectl configtest` checks it.";
    1150 RESPONSE_NOT_SENT Error "the response could not be sent on"
        cause "An output filter of Apache failed; the line has its words."
        did "The response was cut so that it looks cut."
        cure "Look at the modules that filter this response (`SetOutputFilter`, `AddOutputFilterByType`).";
    1180 BODY_TOO_LONG Warning "the response body is longer than its Content-Length"
        cause "The application set Content-Length itself and then gave more bytes."
        did "The bytes beyond Content-Length were left out."
        cure "Correct the application's header, or leave it out: for a list or tuple the server sets it.";
    1181 BODY_TOO_SHORT Warning "the response body is shorter than its Content-Length"
        cause "The application set Content-Length itself and then gave fewer bytes."
        did "What there was went out, and the connection was closed so that the client can tell that it is incomplete."
        cure "Correct the application's header, or leave it out: for a list or tuple the server sets it.";
    1200 APPLICATION_EXCEPTION Error "the application raised an exception"
        cause "The application, or the body that it returned, raised the exception whose traceback follows."
        did "500 if nothing had been sent; otherwise the response was cut so that it looks cut."
        cure "Read the traceback: it names the application's file and line.";
    1201 APPLICATION_EXIT Error "the application raised SystemExit"
        cause "`sys.exit()` or `raise SystemExit` ran inside a request."
        did "It was ignored: the process serves many requests. The request got 500 if nothing had been sent."
        cure "Return a response instead; to end a process on purpose, use the server's own commands.";
    1202 SCRIPT_NOT_LOADED Error "a WSGI script could not be loaded"
        cause "Running the script as a module raised the exception whose traceback follows: a missing package, a syntax error, a fault of its own."
        did "The request got 500. The next request tries again."
        cure "Read the traceback and the hint below it: which Python was used, where it looked, and what to set.";
    1203 CALLABLE_MISSING Error "the script has no such callable"
        cause "The script does not define a callable of the name that WSGICallableObject (default `application`) says."
        did "The request got 500."
        cure "Define it, or set WSGICallableObject to the name that the script uses.";
    1204 SCRIPT_UNREADABLE Error "a WSGI script can't be read"
        cause "Apache's user may not read the file or search a directory above it, or the file is gone."
        did "The request got 500. The next request tries again."
        cure "Give Apache's user the permission that the line names.";
    1205 RELOAD_CHECK_FAILED Error "reload_required() of a script raised an exception"
        cause "The script defines `reload_required(path)`, and it failed."
        did "The script was not reloaded; the request went on."
        cure "Correct the function, or remove it.";
    1206 CLOSE_FAILED Error "close() of a response raised an exception"
        cause "The object that the application returned has a close() method, and it failed after the response was sent."
        did "Nothing more: the response was complete."
        cure "Read the traceback: it names the application's file and line.";
    1250 PYTHON_NOT_STARTED Error "Python could not be started in an Apache child"
        cause "Python's own initialisation failed; the line says why."
        did "Requests for embedded applications get 503; Apache serves everything else."
        cure "Check that `WSGIPythonHome` names a whole installation or virtualenv that Apache's user can read.";
    1251 INTERPRETER_FAILED Error "a sub-interpreter could not be made"
        cause "Python refused a further interpreter, or its set-up failed; the line says why."
        did "The request got 503."
        cure "Use `WSGIApplicationGroup %{GLOBAL}`, or remove what fails from the Python installation.";
    1252 TOO_MANY_INTERPRETERS Error "too many interpreters named by requests"
        cause "`%{HOST}` or `%{ENV:}` names one interpreter per distinct value, and clients have sent too many."
        did "The request got 503: interpreters are never removed, and each costs memory."
        cure "Name the application group literally, or accept only known host names (ServerAlias, UseCanonicalName).";
    1253 SHUTDOWN_OVERDUE Warning "shutdown callbacks did not end in time"
        cause "An `atexit` function, a shutdown callback or a non-daemon thread was still running when the process had to end."
        did "The process ended without waiting further."
        cure "Make the callback short, or the thread a daemon thread.";
    1254 SHUTDOWN_FAILED Error "an exception at the end of the process"
        cause "A shutdown callback or an `atexit` function raised the exception that follows."
        did "The others were run all the same."
        cure "Read the traceback: it names the application's file and line.";
    1255 PYTHON_PATH_MISSING Warning "a directory of WSGIPythonPath does not exist"
        cause "The directory is misspelt, gone, or below one that Apache's user may not search."
        did "It was added to sys.path all the same, as Python itself does."
        cure "Correct the path or its permissions.";
    1260 PROCESS_NOT_STARTED Error "a daemon process could not begin"
        cause "The process was started, but could not be set up; the line says why."
        did "The process ended; the supervisor tries again, with growing pauses."
        cure "Do what the line says; the supervisor's own lines name the group.";
    1261 PEER_REFUSED Warning "a stranger connected to a daemon's socket"
        cause "Somebody who is not Apache's user, who does not know the group's secret, or who is of another build, connected to the group's socket."
        did "The connection was closed unread."
        cure "After an upgrade this may happen once for requests that were under way. Otherwise find out who can reach the socket's directory.";
    1262 DAEMON_REQUEST_TIMEOUT Error "a request ran longer than request-timeout"
        cause "The application did not finish the request within `request-timeout` of its WSGIDaemonProcess."
        did "The client got 504 (or a cut response), and the process is replaced. With `interrupt-timeout`, the request was interrupted first, and did not end."
        cure "WSGI1401 shows where the request was: find out what it waits for there, or raise `request-timeout`.";
    1300 PROCESS_DIED Error "a daemon process died"
        cause "The application, a C extension or somebody outside ended the process; the line names the signal or the status, and the requests that it was serving. What it wrote last stands before the line; after a fault, the Python stack of the thread follows it."
        did "Its requests got 502. A new process was started at once, or after a pause if it is not the first in a row."
        cure "SIGSEGV, SIGBUS and SIGABRT come from C extensions: update them, and use `WSGIApplicationGroup %{GLOBAL}`. SIGKILL is mostly the kernel out of memory, which the line says where it is known (set `memory-limit`, or use fewer processes). An exit status comes from `os._exit()` or from Python itself.";
    1301 CRASH_LOOP Error "daemon processes die one after another"
        cause "Three processes in a row lived less than ten seconds; the lines before say how each ended."
        did "Further ones are started after a pause that grows to 30 seconds. Their deaths are no longer explained one by one until one has lived for ten seconds."
        cure "Mend what the lines before name, then touch nothing: the next start finds it. A restart of Apache starts without the pause.";
    1302 PROCESS_NOT_PREPARED Error "a daemon process could not be prepared"
        cause "Its user, groups, root directory, working directory or descriptors could not be set as configured, or did not hold when checked. The line names the step."
        did "No Python was run. It is tried again after a growing pause; requests of the group get 503 meanwhile."
        cure "Correct the option that the line names.";
    1303 PYTHON_NOT_EXECUTED Error "a daemon's Python can't be executed"
        cause "The configured interpreter is missing, closed to the group's user, or no program. The line names the path and the component of it that is in the way."
        did "It is tried again after a growing pause; requests of the group get 503 meanwhile."
        cure "Do what the line says: correct `python=` or `python-home=`, open the directory (`chmod o+x`), or make the virtualenv anew.";
    1304 STARTUP_TIMEOUT Error "a daemon process was not ready in time"
        cause "Loading the scripts took longer than `startup-timeout` (60 seconds for new code, if none is set)."
        did "The process was ended. If it was to replace another, that one goes on; otherwise a new one is started."
        cure "Find what waits at import (a database, a lock, a network name), or raise `startup-timeout`.";
    1305 NEW_CODE_NOT_LOADED Error "the new code could not be loaded"
        cause "A script changed, or a process was to be replaced, and a new process could not load a script that the old one has. The traceback stands before this line."
        did "The old process goes on serving with the old code. This version of the files is not tried again."
        cure "Correct the code and touch the script. If the line tells of an address in use or a lock, set `overlap=Off`.";
    1306 PROCESS_KILLED Warning "a daemon process did not end and was killed"
        cause "It was told to end, and was still there after `shutdown-timeout`: a request, a shutdown callback or a thread did not end."
        did "It and its process group got SIGKILL."
        cure "Find what does not end, or raise `shutdown-timeout`.";
    1307 LIMIT_NOT_SET Warning "a priority or limit could not be set"
        cause "httpd has no right to it: a negative `cpu-priority` or a limit above the own one needs root."
        did "The process runs without it."
        cure "Correct the option, or start httpd with that right.";
    1308 FORK_FAILED Error "no daemon process could be started"
        cause "The system refused a process, a pipe or a socket: too many processes or descriptors, or no memory."
        did "It is tried again after a growing pause."
        cure "Raise the limit that the line names (`LimitNPROC`, `LimitNOFILE`), or start fewer processes.";
    1309 CONTROL_BROKEN Error "a daemon process sent what no daemon process sends"
        cause "The application wrote to a descriptor that is not its own, or supervisor and engine are of different versions."
        did "The process was ended and a new one started."
        cure "Install all parts of mod_wsgi_rs from one build; look for code that writes to descriptor numbers.";
    1310 LOG_LINES_LOST Warning "lines for the error log were lost"
        cause "The log is a pipe or socket whose reader was too slow or stood still."
        did "Lines were dropped rather than let applications wait; the line says how many."
        cure "Look at the program behind the log.";
    1311 SUPERVISOR_NOT_STARTED Error "the supervisor of the daemon processes can't start"
        cause "What Apache handed to it is not what it expects; mostly it is of another build than the module."
        did "There are no daemon processes; requests for them get 503."
        cure "Install all parts of mod_wsgi_rs from one build.";
    1312 GROUP_UNUSABLE Error "a daemon group can't be started"
        cause "One of its options can't be used; the line says which."
        did "Its requests get 503; other groups are served."
        cure "Correct the option.";
    1313 DRAIN_OVERDUE Warning "requests were cut at the end of the time to drain"
        cause "A process that was being replaced still had requests when `graceful-timeout`, `eviction-timeout` or `request-timeout` was over."
        did "It was told to end at once."
        cure "Raise the option if such requests are meant to end.";
    1314 NOT_READY Error "a daemon process says that it is of no use"
        cause "It could not do what it was started for; the line has its words."
        did "It was ended, and a new one is started, after a pause if it is not the first in a row."
        cure "Do what the line says.";
    1315 SUPERVISOR_DIED Error "the supervisor of the daemon processes died"
        cause "Somebody killed it, or it failed; the line has the signal or the status."
        did "Its processes finished what they were at and ended. Another supervisor starts new ones on the same sockets, so that requests wait for them."
        cure "Look for who killed it: the kernel, when memory is out, or an operator.";
    1316 SOCKET_NOT_MADE Error "a group's socket could not be made"
        cause "The line has the path and the system's words."
        did "Everything else is served; requests for the group get 503."
        cure "Correct `WSGISocketPrefix` or the directory, then `apachectl graceful`.";
    1320 PROCESS_GROUP_FOREIGN Error "the process group belongs to another virtual host"
        cause "A group that is declared inside `<VirtualHost>` is for requests to servers of the same `ServerName` alone."
        did "The request got 500."
        cure "Declare the group outside of `<VirtualHost>`, or repeat the same line in the other virtual host.";
    1321 PROCESS_GROUP_RESTRICTED Error "the process group is not permitted here"
        cause "`WSGIRestrictProcess` lists the process groups that may be used here, and this one is not among them."
        did "The request got 500."
        cure "Add the group to `WSGIRestrictProcess` (`%{GLOBAL}` for embedded mode), or name one of those that it lists.";
    1322 PROCESS_GROUP_UNAVAILABLE Error "the process group cannot serve"
        cause "The group cannot run as it is configured, or could not be started; the line says why."
        did "The request got 503 with Retry-After. Everything else is served."
        cure "Mend the cause, then `apachectl graceful`; `apachectl configtest` checks it.";
    1323 DAEMON_SOCKET_FAILED Error "the process group could not be reached"
        cause "Connecting to the group's socket failed at once: it is gone, or Apache's user may not search its directory. The line has the system's words."
        did "The request got 503 with Retry-After."
        cure "Look at the directory of the socket (`WSGISocketPrefix`); if something cleaned it up, `apachectl graceful` makes it anew.";
    1324 DAEMON_NOT_READY Error "the process group was not ready in time"
        cause "No process of the group took the request within `connect-timeout`: it is starting, or its processes die one after another."
        did "The request got 503 with Retry-After."
        cure "Look in the log for why the group does not start; raise `connect-timeout=` if its application needs longer.";
    1325 DAEMON_QUEUE_FULL Error "too many requests wait for the process group"
        cause "All threads of the group are busy, and as many requests wait as `listen-backlog` allows."
        did "The request got 503 with Retry-After at once."
        cure "Find what keeps the threads busy; give the group more `processes=` or `threads=`, or bound requests with `request-timeout=`.";
    1326 DAEMON_KEPT_LEAVING Error "no process of the group would take the request"
        cause "Every process that was asked was on its way out, again and again: the application is reloaded without end."
        did "The request got 503 with Retry-After. The application did not see it."
        cure "Look for what keeps changing the script's file, or for a `reload_required` that always says yes.";
    1327 DAEMON_DIED Error "the process died while it served the request"
        cause "The daemon process ended before it answered: a crash in an extension module, the system's memory killer, a limit, a kill. The line says which, if it is known."
        did "The request got 502. It was not repeated, because the application may have begun it."
        cure "Read the line about the process's death: it has the signal and the place in the program.";
    1328 DAEMON_DIED_LATE Error "the process died in the middle of a response"
        cause "The daemon process ended after it had begun to answer."
        did "The response was cut so that it looks cut."
        cure "Read the line about the process's death: it has the signal and the place in the program.";
    1329 DAEMON_BROKE_PROTOCOL Error "a daemon process sent what none sends"
        cause "What came over the group's socket breaks the rules of the channel: the engine is of another version, or another program speaks there."
        did "The connection was closed. The request got 502, or its response was cut."
        cure "Install module and engine of the same version, and restart Apache.";
    1330 DAEMON_SILENT Error "no response came in time"
        cause "For as long as `socket-timeout` (httpd's `Timeout` if it is not set) nothing came from the application."
        did "The request got 504. Its thread stays busy until the application returns."
        cure "Make the application answer sooner, or raise `socket-timeout=`; `request-timeout=` ends what hangs.";
    1331 DAEMON_QUEUE_TIMEOUT Error "the request waited too long for a thread"
        cause "No thread of the group was free within `queue-timeout`."
        did "The request got 504. The application did not see it."
        cure "Give the group more `processes=` or `threads=`, or find what keeps them busy.";
    1332 GROUP_REQUEST_TIMEOUT Error "the request took too long"
        cause "The application did not answer within `request-timeout`."
        did "The request got 504."
        cure "Look at the stack that the log shows for the thread: it is where the time went.";
    1333 RESPONSE_HEADER_TOO_LONG Error "a response header is too long"
        cause "A header of the application's response is longer than `header-buffer-size`."
        did "The request got 500."
        cure "Make the header shorter, or raise `header-buffer-size=`.";
    1334 REQUEST_HEAD_TOO_LONG Error "the request is too long for the channel"
        cause "Headers and variables of the request together are more than 16 MiB."
        did "The request got 502."
        cure "Look for what makes such variables (`SetEnv`, `RewriteRule`), or lower `LimitRequestFieldSize`.";
    1335 OUTSIDE_CHROOT Error "the script is not below the group's chroot"
        cause "The group has `chroot=`, and the path of the script does not begin with that directory."
        did "The request got 502."
        cure "Put the script below the directory, or give the application another group.";
    1336 SCRIPT_OWNER_WRONG Error "the script belongs to somebody else, or others may write it"
        cause "`script-user=` or `script-group=` says whom the script and its directory must belong to; one of them does not, or others may write it."
        did "The request got 403."
        cure "Correct owner and mode of the script and its directory, as the line says.";
    1337 SERVICE_GROUP_ASKED Error "a service group was asked to run a request"
        cause "The group has `threads=0`: it runs its import scripts and no requests."
        did "The request got 503."
        cure "Give the group threads, or the application another group.";
    1339 DAEMON_CANNOT_START Error "no process of the group can be started"
        cause "Each attempt to start a process of the group has failed so far; the group's log has a line about the last one."
        did "The request got 503 at once. The supervisor goes on trying, with a pause that grows up to 30 s."
        cure "Mend what that line names; the next attempt serves. `apachectl graceful` tries at once.";
    1340 SOCKET_REMOVED Warning "the socket of a daemon process was removed"
        cause "Something removes old files from the directory of the sockets (a cleaner of temporary directories, for example)."
        did "Another process is started with a socket of its own; requests that can't reach one meanwhile wait for it."
        cure "Exempt the directory from the cleaner, or put the sockets elsewhere with `WSGISocketPrefix`.";
    1401 REQUEST_OVERDUE Warning "a request has run longer than request-timeout"
        cause "The application did not finish the request within `request-timeout`. The lines that follow show where its thread was, the innermost call last."
        did "With `interrupt-timeout`, `mod_wsgi.RequestTimeout` is raised in the request, its client gets 504 (or a cut response) and the thread serves on; without it, or if the request does not end within it, the process is replaced."
        cure "Look at the last lines of the stack: it is where the time went. Make that faster, give it a time limit of its own, or raise `request-timeout`.";
    1402 DEADLOCK Error "Python's interpreter lock could not be had"
        cause "For as long as `deadlock-timeout` one thread kept the lock, without which no Python code runs: mostly a C extension that waits or computes without giving it up, or two locks that wait for each other."
        did "The process ended, and another one was started. What it was serving, which the line names, got 502."
        cure "Find the extension that the requests named have in common, and update it; use `WSGIApplicationGroup %{GLOBAL}`. Raise `deadlock-timeout` only if such a long computation is meant.";
    1403 STARTUP_OVERDUE Error "no script could be loaded in time"
        cause "The group loads its scripts with the first request, and that took longer than `startup-timeout`."
        did "The process was replaced. What it was serving got 502 when its `shutdown-timeout` was over."
        cure "Find what waits at import (a database, a lock, a network name), or raise `startup-timeout`.";
    1420 VIRTUALENV_OF_ANOTHER_PYTHON Warning "a virtualenv was made for another Python"
        cause "The Python that the virtualenv was made from has been replaced by another version. The packages lie in a directory that has the old version in its name."
        did "The interpreter is used as it is: it does not find the packages."
        cure "Make the virtualenv anew and install its packages again.";
    1421 SOCKET_OUT_OF_REACH Warning "Apache's user cannot reach the sockets of the daemon groups"
        cause "Apache's children connect to the groups' sockets as Apache's user, who may not enter a directory on the way. The line names it."
        did "The configuration is used as it is: requests for daemon groups get 503."
        cure "Open the directory (`chmod o+x`), or name another one with `WSGISocketPrefix`.";
    1422 LOCALE_UNKNOWN Warning "a locale is not installed"
        cause "`lang=` or `locale=` of `WSGIDaemonProcess` names a locale that `locale -a` does not list."
        did "The variable is set all the same, and the processes fall back to the locale C."
        cure "Name an installed locale, as `locale=C.UTF-8`, or install the one that is named.";
    1423 JAIL_INCOMPLETE Warning "something is missing in the directory of chroot="
        cause "Interpreter, libraries, Python's modules and the engine are looked for below the directory, because the group's processes see nothing else."
        did "The configuration is used as it is: the group cannot start, and its requests get 503."
        cure "Put there what the line names.";
    1424 AUTHORIZATION_NOT_PASSED Warning "an Authorization header was kept from the application"
        cause "The client sent `Authorization`, Apache itself did not use it, and `WSGIPassAuthorization` is off: so the application finds no credentials, and may answer that none were provided."
        did "The application ran without the header. An Apache child says so once."
        cure "Write `WSGIPassAuthorization On` for applications that check credentials themselves; `WSGIPassAuthorization Off` for the place says that it is meant, and ends the message.";
    1460 FORK_RETURNED Warning "a process that the application forked came back from its request"
        cause "The application called `os.fork()`, and the child returned from the request, or left it by an exception or `sys.exit()`, as the parent does."
        did "The child was ended without the functions registered with `atexit`. The parent's request went on, and alone answered its client."
        cure "End the child with `os._exit()`, or execute another program in it; `subprocess` and `multiprocessing` do that by themselves.";
}

/// The page `docs/messages.md`, generated from [`ALL`].
pub fn page() -> String {
    let mut out = String::from(
        "# Messages\n\nEvery message of mod_wsgi_rs in Apache's error log that needs somebody's attention carries a code. \
         This page is generated from the table that the code itself uses (`crates/protocol/src/log_code.rs`).\n",
    );
    for code in ALL {
        out.push_str(&format!(
            "\n## {code}: {}\n\n* Level: `{}`\n* Cause: {}\n* What the server did: {}\n* What to do: {}\n",
            code.title,
            format!("{:?}", code.level).to_lowercase(),
            code.cause,
            code.did,
            code.cure
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{ALL, page};

    #[test]
    fn numbers_are_unique_ascending_and_ours() {
        for pair in ALL.windows(2) {
            if let [a, b] = pair {
                assert!(a.number < b.number, "{a} stands before {b}");
            }
        }
        assert!(ALL.iter().all(|c| c.number >= 1001));
    }

    #[test]
    fn every_message_says_cause_and_cure() {
        for code in ALL {
            assert!(!code.cause.is_empty() && !code.did.is_empty() && !code.cure.is_empty(), "{code}");
            assert!(page().contains(&format!("## {code}: ")));
        }
    }

    #[test]
    fn the_committed_page_is_the_generated_one() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/messages.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            assert!(std::fs::write(&path, page()).is_ok(), "{} cannot be written", path.display());
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == page(),
            "docs/messages.md is not what the table says: run `UPDATE_DOCS=1 cargo test -p mod_wsgi_rs-protocol`"
        );
    }
}
