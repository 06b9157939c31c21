/*! Daemon mode: its processes, the requests that go there, and what its groups ask of the machine: numbers 1300 to 1599. From 1420 on
also what came later for both modes. */

log_codes! {
    1300 PROCESS_DIED Error "a daemon process died"
        cause "The application, a C extension or somebody outside ended the process; the line names the signal or the status, and the requests that it was serving. What it wrote last stands before the line; after a fault, the Python stack of the thread follows it."
        did "Its requests got 502. A new process was started at once, or after a pause if it is not the first in a row."
        cure "SIGSEGV, SIGBUS and SIGABRT come from C extensions: update them, and use `WSGIApplicationGroup %{GLOBAL}`. SIGKILL is mostly the kernel out of memory, which the line says where it is known (set `memory-limit`, or use fewer processes). An exit status comes from `os._exit()` or from Python itself.";
    1301 CRASH_LOOP Error "daemon processes die one after another"
        cause "Three processes in a row lived less than ten seconds; the lines before say how each ended."
        did "Further ones are started after a pause that grows to 30 seconds. Their deaths are no longer explained one by one until one has lived for ten seconds."
        cure "Correct what the lines before name. A script that is saved, and a virtual environment that is repaired, are seen within a second, and the processes are started; for anything else, `apachectl graceful` starts them without the pause.";
    1302 PROCESS_NOT_PREPARED Error "a daemon process could not be prepared"
        cause "Its user, groups, root directory, working directory or descriptors could not be set as configured, or did not hold when checked. The line names the step."
        did "No Python was run. It is tried again after a growing pause; requests of the group get 503 meanwhile."
        cure "Correct the option that the line names.";
    1303 PYTHON_NOT_EXECUTED Error "a daemon's Python can't be executed"
        cause "The configured interpreter is missing, closed to the group's user, or no program. The line names the path and the component of it that is in the way."
        did "It is tried again after a growing pause; requests of the group get 503 meanwhile."
        cure "Do what the line says: correct `python=` or `python-home=`, or what is in the way. A home directory is better not opened: make the virtualenv in another place, such as `/srv`, with `/usr/bin/python3 -m venv`.";
    1304 STARTUP_TIMEOUT Error "a daemon process was not ready in time"
        cause "Loading the scripts took longer than `startup-timeout` (60 seconds for new code, if none is set)."
        did "The process was ended. If it was to replace another, that one goes on; otherwise a new one is started."
        cure "Find what waits at import (a database, a lock, a network name), or raise `startup-timeout`.";
    1305 NEW_CODE_NOT_LOADED Error "the new code could not be loaded"
        cause "A script changed, or a process was to be replaced, and a new process could not load a script that the old one has. The traceback stands before this line."
        did "The old process goes on serving with the old code. This version of the files is tried again each hour (WSGI1353) and at a graceful restart, and another one at once."
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
        cause "The application wrote to a descriptor that is not its own, or supervisor and engine are of different versions. The line says what came: a message that is too long or malformed, or more messages than a process may send."
        did "The connection was closed, the process was ended and a new one started. No other group is affected."
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
        cause "A process that was being replaced still had requests when `graceful-timeout`, `eviction-timeout` or `request-timeout` was over; or so many processes of the group were replaced after it that the oldest can't be waited for (more than 12, and two for each of `processes`)."
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
    1317 SOCKET_PLACE_UNSAFE Warning "another user could take the place of a daemon group's sockets"
        cause "httpd runs as root, and the directory that `WSGISocketPrefix` names (or `DefaultRuntimeDir`, without it), or one above it, belongs to another user than root or can be written by others. The line names it. Whoever can write there can put a socket of his own in a group's place and be sent its requests."
        did "Configtest warns. At start everything else is served; requests for daemon groups get 503 (WSGI1316)."
        cure "Name a directory that only root writes, as `WSGISocketPrefix /run/wsgi/s` after `install -d -m 0755 -o root -g root /run/wsgi`.";
    1318 LOG_WRITER_FAILED Error "the process that writes the lines of daemon processes to the error logs does not run"
        cause "Somebody killed it, or the system has no more processes or descriptors; the line says which."
        did "Another is started. Lines wait for it, as far as there is room. Without one, lines go to the log file in httpd's default format, and to no syslog."
        cure "Look for what killed it (the kernel, when memory is out, or an operator), or raise the limit that the line names.";
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
        cause "Connecting to the group's socket failed for three seconds: it is gone, Apache's user may not search its directory, or `socket-user=` gave it to somebody else. The line has the system's words."
        did "The request got 503 with Retry-After."
        cure "Look at the directory of the socket (`WSGISocketPrefix`); if something cleaned it up, `apachectl graceful` makes it anew. Leave `socket-user=` out unless another module has httpd's children run as that user.";
    1324 DAEMON_NOT_READY Error "the process group was not ready in time"
        cause "No process of the group took the request within `connect-timeout`: it is starting, or its processes die one after another."
        did "The request got 503 with Retry-After."
        cure "Look in the log for why the group does not start; raise `connect-timeout=` if its application needs longer.";
    1325 DAEMON_QUEUE_FULL Error "too many requests wait for the process group"
        cause "All threads of the group are busy, and as many requests wait as `listen-backlog` allows."
        did "The request got 503 with Retry-After at once."
        cure "The lines of WSGI1590 in the group's log show where its threads are. Give the group more `processes=` or `threads=`, or bound requests with `request-timeout=`.";
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
        cure "The lines of WSGI1590 in the group's log show where its threads are. Make the application answer sooner, or raise `socket-timeout=`; `request-timeout=` ends what hangs.";
    1331 DAEMON_QUEUE_TIMEOUT Error "the request waited too long for a thread"
        cause "No thread of the group was free within `queue-timeout`."
        did "The request got 504. The application did not see it."
        cure "The lines of WSGI1590 in the group's log show where its threads are. Give the group more `processes=` or `threads=`, or bound requests with `request-timeout=`.";
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
        did "The script was not loaded, or not run. The request got 403; 500 where only the process that was to load the script found it out."
        cure "Look at what is in the file. If it is right, correct owner and mode of the script and its directory, as the line says.";
    1337 SERVICE_GROUP_ASKED Error "a service group was asked to run a request"
        cause "The group has `threads=0`: it runs its import scripts and no requests."
        did "The request got 503."
        cure "Give the group threads, or the application another group.";
    1339 DAEMON_CANNOT_START Error "no process of the group can be started"
        cause "Each attempt to start a process of the group has failed so far; the group's log has a line about the last one."
        did "The request got 503 at once. The supervisor goes on trying, with a pause that grows up to 30 s."
        cure "Correct what that line names. A saved script or a repaired virtual environment is tried at once, anything else with the next attempt; `apachectl graceful` tries at once, too.";
    1340 SOCKET_REMOVED Warning "the socket of a daemon process was removed"
        cause "Something removes old files from the directory of the sockets (a cleaner of temporary directories, for example), or puts others in their place: httpds of several containers that share the directory can come to use the same names."
        did "Another process is started with a socket of its own; requests that can't reach one meanwhile wait for it."
        cure "Exempt the directory from the cleaner, or put the sockets elsewhere with `WSGISocketPrefix`, each server's in a place of its own.";
    1341 DAEMON_STARTING_FULL Error "too many requests wait for the first process of the group"
        cause "No process of the group is ready yet, and as many requests wait for one as `listen-backlog` allows."
        did "The request got 503 with Retry-After at once."
        cure "Find what the application waits for at import; raise `listen-backlog=` if it takes long for good reasons.";
    1342 DAEMON_UNREACHABLE Error "no process of the group could be reached at its socket"
        cause "The group has processes that take requests, but nobody answers at the sockets where they listen: their files were replaced, or lead to somebody who does not know the group's secret. Containers that share the directory of the sockets can come to use the same names."
        did "The request got 503 with Retry-After. The application did not see it. A process whose socket is not in its place any more is replaced within a second or two."
        cure "Give each server a directory of its own with `WSGISocketPrefix`, and look for what else writes there.";
    1343 DAEMON_STRANGER Error "somebody else listens in the place of a daemon process"
        cause "The socket at the group's place was made by another user than the one that runs Apache's supervisor: somebody who may write the directory has put it there, or a process of the group listens by itself."
        did "Nothing was sent there, not even the group's secret. The process is avoided for a moment; the request got 503 with Retry-After when no other took it within `connect-timeout`."
        cure "Put the sockets with `WSGISocketPrefix` into a directory that root alone may write. Look for the user's processes and for how they came to write there.";
    1344 GROUP_SHARE_USED Error "a process group has its share of httpd's workers"
        cause "As many requests for the group as `maximum-in-flight=` allows (unless it is set, twice what its threads and its queue hold) are in httpd's workers, in all children together. Its processes hold more of them than their threads and `listen-backlog=` explain."
        did "The request got 503 with Retry-After at once, so that other groups and other content are served. The line is written once a second at most."
        cure "Look at the lines of WSGI1590 and at what the group's processes do. Raise `maximum-in-flight=` only if httpd has workers to spare (`MaxRequestWorkers`).";
    1346 DAEMON_OVERTIME Error "a daemon process did not keep to request-timeout"
        cause "The process had the request for longer than `request-timeout=`, `interrupt-timeout=` and `shutdown-timeout=` together and five seconds more. It stands still, or was taken over by its application."
        did "The Apache child gave the request up by its own clock. The client got 504, or its response was cut."
        cure "Look at the process's lines in the group's log. If it runs foreign code, stop it, and look at what that code does.";
    1350 MODULE_GONE Notice "httpd goes on without mod_wsgi_rs"
        cause "The configuration that httpd has read at a graceful restart does not load the module: `a2dismod`, a `LoadModule` line that was removed, or another module in its place."
        did "The daemon processes finished the requests that they had, and ended with their supervisor."
        cure "Nothing, if that is meant. Otherwise load the module again, and restart Apache.";
    1351 OLD_CONFIGURATION_SERVES Error "the processes of an older configuration go on"
        cause "The options of a group were changed, and its new processes could not load a script that the old ones serve with, or did not start. The reason stands before this line."
        did "The old processes serve on, with the options that they were started with. The new ones are tried again when a script changes, at each restart of Apache, and each hour."
        cure "Correct what the lines before name, in the options or in the code.";
    1352 NEW_CODE_SERVES Notice "new code, or a changed configuration of a group, serves"
        cause "A script changed, or a graceful restart found changed files or options of the group. The line names the files (what a process names stands there as it wrote it), the processes, and the time from the first notice of the change until all of them served."
        did "The group's processes were replaced one after another; with `overlap=Off` each ended first."
        cure "Nothing: this line ends a deployment that has succeeded.";
    1353 OLD_CODE_SERVES Error "the processes of a group still serve older code"
        cause "Files of the application changed, and a new process could not load them (WSGI1305)."
        did "The old processes serve on. The new code is tried again each hour, when this line is written, at each graceful restart, and as soon as the script changes."
        cure "Read the last WSGI1305 of the group and the traceback before it, correct the code, and save the script.";
    1354 WOKEN_BY_A_FILE Notice "a group that could not start is tried again, because a file has changed"
        cause "Processes of the group died, or could not be started, and the next try was to come after a pause. Meanwhile a script of the group, its interpreter, its `pyvenv.cfg` or what is installed in its virtual environment changed."
        did "The processes are started at once (a second after the last try, at least), and deaths are explained again."
        cure "Nothing, if they serve now. Otherwise the lines that follow say what is still wrong.";
    1355 PROGRAMS_KILLED Info "programs that an application has started are killed with its process"
        cause "A process of the group ended (new code, `maximum-requests`, a restart, a death) or was killed, and programs that the application had started were still running in its process group. The line has their names and numbers, as far as `/proc` shows them."
        did "They got SIGKILL. The line is written where `LogLevel` takes info for the module (`LogLevel wsgi:info`)."
        cure "Have the application end them, or wait for them. One that is to outlive the process starts a session of its own: `subprocess.Popen(..., start_new_session=True)`. For what is to run always, a service of the system is a better place.";
    1360 DAEMON_ENDED Error "a process was ended at a limit while it served the request"
        cause "The process was to end (it was replaced, or Apache was stopped), and the request still ran when the time that requests are given for that was over; or the process had to be given up. The line names the option whose time it was."
        did "The request got 502, or its response was cut so that it looks cut. It was not repeated, because the application had begun it."
        cure "Raise the option that the line names if such requests are meant to end, or find what keeps them. The log has a line about the process, which says why it was to end.";
    1361 STOPPED_WAITING Info "Apache was stopped while the request waited for a process"
        cause "Apache stops, or restarts without grace, and a request of one of its old children waited for a process of its group, of which none comes any more."
        did "The request got 503 at once, so that the stop is not held up. The application did not see it."
        cure "Nothing is wrong. `apachectl graceful` loses no request.";
    1370 TOO_MANY_SCRIPTS Warning "a daemon process has loaded more scripts than its successor can be given"
        cause "The process has loaded more than 1,024 scripts (each counts once per application group), or their names are too long together."
        did "A process that takes over loads the first of them before it serves; the others are loaded by the first request for each. The first are watched for changes each second; whether another has changed is seen by the requests for it."
        cure "Spread the scripts over several groups of processes. If the application does not have so many scripts, look for code that makes up application groups (`WSGIApplicationGroup` with `%{ENV:...}`), or that writes to descriptors it did not open.";
    1371 STARTS_SLOWED Warning "the processes of a group are replaced too often"
        cause "The processes of the group end by themselves, ask to be replaced, or are found out of order as soon as they serve, again and again."
        did "Further processes of the group are started at the pace that the line names. Other groups are not affected."
        cure "Look in the log for why they end or are replaced. Raise `maximum-requests`, `restart-interval` or `inactivity-timeout` if one of them is the reason.";
    1390 PIPES_LOCKED Error "processes of a group keep pipes to the supervisor locked"
        cause "Processes of the group's user write to their output or to the supervisor from memory whose page never comes (a file of a FUSE file system that does not answer, userfaultfd). The kernel keeps the pipe locked meanwhile, and nothing can be read from it."
        did "No further process of the group is started until they have ended; it is tried again every 30 seconds. No other group is affected."
        cure "End the processes of that user, also those that have left the group; `cat /proc/PID/stack` of one shows `pipe_write`. End the FUSE file system that does not answer.";
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
        cure "Do what the line says, or name another directory with `WSGISocketPrefix`.";
    1422 LOCALE_UNKNOWN Warning "a locale is not installed"
        cause "`lang=` or `locale=` of `WSGIDaemonProcess` names a locale that `locale -a` does not list."
        did "The variable is set all the same, and the processes fall back to the locale C."
        cure "Name an installed locale, as `locale=C.UTF-8`, or install the one that is named.";
    1423 JAIL_INCOMPLETE Warning "something is missing in the directory of chroot="
        cause "Interpreter, libraries, Python's modules and the engine are looked for below the directory, because the group's processes see nothing else. Where another user than root can change the way there, nothing was looked for."
        did "The configuration is used as it is: without what is missing the group cannot start, and its requests get 503."
        cure "Put there what the line names; let the directory, and those above it, belong to root.";
    1424 AUTHORIZATION_NOT_PASSED Warning "an Authorization header was kept from the application"
        cause "The client sent `Authorization`, Apache asks for no credentials there, and `WSGIPassAuthorization` is off: so the application finds no credentials, and may answer that none were provided."
        did "The application ran without the header. An Apache child says so once."
        cure "Write `WSGIPassAuthorization On` for applications that check credentials themselves; `WSGIPassAuthorization Off` for the place says that it is meant, and ends the message.";
    1425 EVENT_CALLBACK_FAILED Error "a callback for an event raised an exception"
        cause "A function registered with `mod_wsgi.subscribe_events` or `mod_wsgi.subscribe_signals` raised the exception that follows."
        did "The exception was ignored, and the other callbacks were called."
        cure "Read the traceback: it names the application's file and line.";
    1426 SIGNALS_NOT_TOLD Warning "subscribe_signals() has no effect"
        cause "Signals are told of in daemon processes that run requests: in an Apache child they are httpd's own, and a service installs handlers with `signal.signal()`."
        did "The callback was not registered."
        cure "Register it where `mod_wsgi.process_group` is the group's name; in a service use the module `signal`.";
    1460 FORK_RETURNED Warning "a process that the application forked came back from its request"
        cause "The application called `os.fork()`, and the child returned from the request or from loading the script, or left it by an exception or `sys.exit()`, as the parent does."
        did "The child was ended without the functions registered with `atexit`. The parent's request went on, and alone answered its client."
        cure "End the child with `os._exit()`, or execute another program in it; `subprocess` and `multiprocessing` do that by themselves.";
    1500 LOCALE_REFUSED Warning "a process runs without the locale that its group names"
        cause "The C library does not have the locale that `locale=` of `WSGIDaemonProcess` names."
        did "The process runs in the locale C."
        cure "Name an installed locale, as `locale=C.UTF-8`, or install the one that is named: `locale -a` lists them.";
    1510 DIRECTORY_NOT_USABLE Warning "a directory that an option of a daemon group names is of no use"
        cause "A directory of `python-path=` does not exist or is closed to the group's user, or that of `python-eggs=` can't be written by it. The line names what is in the way. A relative path is taken from `ServerRoot`."
        did "The group runs all the same: Python passes over directories that it can't read, so imports from there will fail; eggs can't be unpacked."
        cure "Do what the line says: correct the path, make the directory, or open it to the group's user.";
    1511 THREADS_MISSING Error "a daemon process has fewer threads than its group names"
        cause "The system refused a thread: `memory-limit`, `virtual-memory-limit` or the machine has no room for its stack, or a limit on processes is reached (`LimitNPROC`, `TasksMax`)."
        did "The process serves with the threads that it has. With none at all it ends, and is started again after a growing pause; requests of the group get 503 meanwhile."
        cure "Lower `threads=` or `stack-size=`, or raise the limit that the line names.";
    1530 SCRIPT_OUT_OF_REACH Warning "a WSGI script can't be read by the user who is to load it"
        cause "The file that `WSGIScriptAlias` or `WSGIImportScript` names does not exist, or the user of the group's processes (in embedded mode Apache's `User`) may not read it or not search a directory above it. The line says which, and names the user: that root can read the file does not help."
        did "The configuration is used as it is. Requests for the script get 404 where it does not exist, else 500."
        cure "Do what the line says: correct the path, or let that user read the script. `namei -l` with the path lists owner and mode of each part of it.";
    1550 SCOREBOARD_NOT_SHARED Warning "daemon processes can't be told what httpd's processes do"
        cause "A group has `server-metrics=On`, and the memory file for it could not be made, or not be opened."
        did "The groups run; `mod_wsgi.server_metrics()` returns None in them."
        cure "The line says what the system refused: a limit on open files or memory, most often.";
    1590 THREADS_BUSY Warning "where the busy threads of a daemon process are"
        cause "A request found the queue of the group full (WSGI1325), waited for longer than `queue-timeout` (WSGI1331), or got nothing within `socket-timeout` (WSGI1330). Each line names the requests that are at the same place of the application; the lines that follow show the place, the innermost call last."
        did "Nothing else: the requests go on. A process says this once a minute at most."
        cure "Look at the last lines of the stacks: where most of the threads are, they wait for something (a database, another server, a lock, a slow client) or compute. Give that a time limit of its own, or end such requests with `request-timeout=`. Where the places are all different and the requests young, there are just too many of them: raise `processes=` or `threads=`.";
}
