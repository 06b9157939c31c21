/*! Messages about daemon mode (its processes, the requests to them, and the resources that process groups need): numbers 1300 to 1599.
Numbers from 1420 on also cover later messages that concern both modes. */

log_codes! {
    1300 PROCESS_DIED Error "a daemon process died"
        cause "The application, a C extension or another program ended the process. The message names the signal or the exit status, and the requests that the process was serving. The last output of the process precedes the message. After a fault, the Python stack of the thread follows it."
        did "The requests of the process got 502. A new process was started: at once after the first death, after a pause if several died in succession."
        cure "SIGSEGV, SIGBUS and SIGABRT come from C extensions: update the extensions and set `WSGIApplicationGroup %{GLOBAL}`. SIGKILL usually means that the kernel ran out of memory, and the message says so where this is known: set `memory-limit`, or use fewer processes. An exit status comes from `os._exit()` or from Python itself.";
    1301 CRASH_LOOP Error "daemon processes die in succession"
        cause "Three processes in succession lived for less than ten seconds. The preceding messages say how each one ended."
        did "New processes are started after a pause that grows to 30 seconds. Further deaths are not explained until a process has lived for ten seconds."
        cure "Correct the cause that the preceding messages name. The supervisor detects a changed script or a repaired virtual environment within a second and then starts the processes. After any other change, `apachectl graceful` starts them without the pause.";
    1302 PROCESS_NOT_PREPARED Error "could not prepare a daemon process"
        cause "The user, groups, root directory, working directory or descriptors of the process could not be set as configured, or differed from the configuration when they were verified. The message names the step that failed."
        did "No Python was run. The supervisor tries again after a growing pause. Until then, requests for the group get 503."
        cure "Correct the option that the message names.";
    1303 PYTHON_NOT_EXECUTED Error "could not execute the Python of a process group"
        cause "The configured interpreter does not exist, is not accessible to the user of the group, or is not an executable program. The message names the path, and the component of it that is the obstacle."
        did "The supervisor tries again after a growing pause. Until then, requests for the group get 503."
        cure "Follow the advice in the message: correct `python=` or `python-home=`, or the permissions of the named component. Do not open a home directory to the user: create the virtual environment elsewhere, for example below `/srv`, with `/usr/bin/python3 -m venv`.";
    1304 STARTUP_TIMEOUT Error "a daemon process was not ready in time"
        cause "Loading the scripts took longer than `startup-timeout`. If it is not set, processes with new code have 60 seconds."
        did "The process was stopped. If it was to replace another process, that one continues to serve. Otherwise a new process is started."
        cure "Find out what the application waits for during import (a database, a lock, a host name), or raise `startup-timeout`.";
    1305 NEW_CODE_NOT_LOADED Error "could not load the new code"
        cause "A script changed or a process was due for replacement, and the new process could not load a script that the old process has loaded. The traceback precedes this message."
        did "The old process continues to serve the old code. The supervisor tries the same version of the files again every hour (WSGI1353) and at each graceful restart, and a new version at once."
        cure "Correct the code and save the script. If the message or the traceback is about an address in use or a lock, set `overlap=Off`.";
    1306 PROCESS_KILLED Warning "a daemon process did not exit and was killed"
        cause "The supervisor asked the process to exit. After `shutdown-timeout` it was still running, because of a request, a shutdown callback or a thread that did not end."
        did "The process and its Unix process group got SIGKILL."
        cure "Find out which request, callback or thread does not end, or raise `shutdown-timeout`.";
    1307 LIMIT_NOT_SET Warning "could not set a priority or limit"
        cause "httpd does not have the permission: a negative `cpu-priority`, or a limit above httpd's own, requires root."
        did "The process runs without the priority or limit."
        cure "Correct the option, or start httpd as root.";
    1308 FORK_FAILED Error "could not start a daemon process"
        cause "The kernel refused to create a process, a pipe or a socket, because a limit of processes or descriptors is reached, or no memory is left."
        did "The supervisor tries again after a growing pause."
        cure "Raise the limit that the message names (`LimitNPROC`, `LimitNOFILE`), or configure fewer processes.";
    1309 CONTROL_BROKEN Error "the supervisor received an invalid message from a daemon process"
        cause "The application wrote to a descriptor that it did not open, or supervisor and engine are of different versions. The message says what arrived: a message that is too long or malformed, or more messages than a process may send."
        did "The connection was closed, the process was stopped, and a new one was started. No other process group is affected."
        cure "Install all parts of mod_wsgi_rs from one build. If they are, search the application for code that writes to fixed descriptor numbers.";
    1310 LOG_LINES_LOST Warning "lines for the error log were lost"
        cause "The error log is a pipe or a socket, and the program that reads it was too slow or stopped reading."
        did "Lines were dropped so that applications do not have to wait. The message says how many."
        cure "Check the program that reads the log.";
    1311 SUPERVISOR_NOT_STARTED Error "could not start the supervisor of the daemon processes"
        cause "The supervisor did not accept the data that httpd passed to it, usually because it is from another build than the module."
        did "No daemon processes were started. Requests for them get 503."
        cure "Install all parts of mod_wsgi_rs from one build.";
    1312 GROUP_UNUSABLE Error "could not start a process group"
        cause "One of its options cannot be used. The message names the option."
        did "Requests for the group get 503. Other groups are served."
        cure "Correct the option.";
    1313 DRAIN_OVERDUE Warning "requests were still running when the time for finishing them was over"
        cause "A process that was being replaced still had requests when `graceful-timeout`, `eviction-timeout` or `request-timeout` expired. Or so many later processes of the group were replaced that the supervisor no longer waited for the oldest one (the limit is 12, plus two for each of `processes`)."
        did "The process was asked to exit at once."
        cure "Raise the option that the message names if such requests are expected to finish.";
    1314 NOT_READY Error "a daemon process reported that it cannot serve requests"
        cause "Its initialization failed. The message contains the reason."
        did "The process was stopped and a new one was started: at once after the first failure, after a pause if several failed in succession."
        cure "Correct the reason that the message gives.";
    1315 SUPERVISOR_DIED Error "the supervisor of the daemon processes died"
        cause "It was killed, or it failed. The message names the signal or the exit status."
        did "The daemon processes finished their current requests and exited. A new supervisor starts new processes on the same sockets, so that further requests wait for them."
        cure "Find out what killed the supervisor: the kernel because of a memory shortage, or an administrator.";
    1316 SOCKET_NOT_MADE Error "could not create the socket of a process group"
        cause "The kernel refused to create the socket. The message contains its path and the error."
        did "Requests for the group get 503. httpd serves everything else."
        cure "Correct `WSGISocketPrefix` or the permissions of the directory, then run `apachectl graceful`.";
    1317 SOCKET_PLACE_UNSAFE Warning "another user could replace the sockets of the process groups"
        cause "httpd runs as root. The directory of the sockets (`WSGISocketPrefix`, otherwise `DefaultRuntimeDir`), or a directory above it, belongs to a user other than root or is writable by other users. The message names the directory. A user who can write there could replace a socket by one of his own and receive the requests of a group."
        did "At configtest, this is a warning. When httpd starts, requests for process groups get 503 (WSGI1316), and everything else is served."
        cure "Use a directory that only root can write to. For example, `WSGISocketPrefix /run/wsgi` puts the sockets into `/run`.";
    1318 LOG_WRITER_FAILED Error "the log writer of the daemon processes is not running"
        cause "The log writer is the process that writes the lines of daemon processes to the error logs. It was killed, or the limit of processes or descriptors is reached. The message gives the reason."
        did "Another log writer is started, and lines wait for it while there is space. If none can be started, lines go to the log file in httpd's default format, but not to syslog."
        cure "Find out what killed it (the kernel because of a memory shortage, or an administrator), or raise the limit that the message names.";
    1320 PROCESS_GROUP_FOREIGN Error "the process group belongs to another virtual host"
        cause "A group that is declared inside `<VirtualHost>` is available only to requests for servers with the same `ServerName`."
        did "The request got 500."
        cure "Declare the group outside of `<VirtualHost>`, or repeat the same declaration in the other virtual host.";
    1321 PROCESS_GROUP_RESTRICTED Error "the process group is not permitted here"
        cause "`WSGIRestrictProcess` lists the process groups that may be used here, and this group is not in the list."
        did "The request got 500."
        cure "Add the group to `WSGIRestrictProcess` (`%{GLOBAL}` for embedded mode), or use one of the groups that it lists.";
    1322 PROCESS_GROUP_UNAVAILABLE Error "the process group cannot serve requests"
        cause "The group cannot run with its configuration, or could not be started. The message contains the reason."
        did "The request got 503 with `Retry-After`. httpd serves everything else."
        cure "Fix the cause, then run `apachectl graceful`. `apachectl configtest` checks the configuration.";
    1323 DAEMON_SOCKET_FAILED Error "could not connect to the process group"
        cause "Connecting to the socket of the group failed for three seconds. The socket was removed, Apache's user may not search its directory, or `socket-user=` assigned the socket to another user. The message contains the error."
        did "The request got 503 with `Retry-After`."
        cure "Check the directory of the socket (`WSGISocketPrefix`). If another program removed the socket, run `apachectl graceful` to create it again. Use `socket-user=` only if another module runs the child processes of httpd as that user.";
    1324 DAEMON_NOT_READY Error "the process group was not ready in time"
        cause "No process of the group accepted the request within `connect-timeout`, because the processes are still starting or die in succession."
        did "The request got 503 with `Retry-After`."
        cure "Look in the log for the reason why the processes do not start. Raise `connect-timeout=` if the application needs more time to load.";
    1325 DAEMON_QUEUE_FULL Error "the queue of the process group is full"
        cause "All worker threads of the group are busy, and the number of waiting requests has reached `listen-backlog`."
        did "The request got 503 with `Retry-After` at once."
        cure "Look for the messages WSGI1590 in the log of the group: they show what the worker threads are doing. Raise `processes=` or `threads=` of the group, or limit the duration of requests with `request-timeout=`.";
    1326 DAEMON_KEPT_LEAVING Error "every process of the group refused the request because it was shutting down"
        cause "Each process that was tried was shutting down. This happens if the application is reloaded continuously."
        did "The request got 503 with `Retry-After`. It did not reach the application."
        cure "Find the program that keeps changing the script file, or correct a `reload_required` function that always returns true.";
    1327 DAEMON_DIED Error "the process died while it served the request"
        cause "The daemon process ended before it sent a response. Possible reasons are a crash in an extension module, a memory shortage, a limit, or a `kill`. The message names the reason if it is known."
        did "The request got 502. It was not repeated, because the application may have acted on it already."
        cure "Read the message about the death of the process: it contains the signal and the location in the program.";
    1328 DAEMON_DIED_LATE Error "the process died in the middle of a response"
        cause "The daemon process ended after it had sent a part of the response."
        did "The response was aborted so that the client can detect the truncation."
        cure "Read the message about the death of the process: it contains the signal and the location in the program.";
    1329 DAEMON_BROKE_PROTOCOL Error "invalid message from a daemon process"
        cause "The data received over the socket of the group violates the protocol. Either the engine is of another version than the module, or another program answers at the socket."
        did "The connection was closed. The request got 502, or its response was aborted."
        cure "Install the module and the engine from one build, then restart httpd.";
    1330 DAEMON_SILENT Error "no response arrived in time"
        cause "The application sent nothing for `socket-timeout` (default: httpd's `Timeout`)."
        did "The request got 504. Its worker thread stays busy until the application returns."
        cure "Look for the messages WSGI1590 in the log of the group: they show what the worker threads are doing. Make the application respond faster, or raise `socket-timeout=`. Set `request-timeout=` to end requests that hang.";
    1331 DAEMON_QUEUE_TIMEOUT Error "the request waited too long for a worker thread"
        cause "No worker thread of the group became free within `queue-timeout`."
        did "The request got 504. It did not reach the application."
        cure "Look for the messages WSGI1590 in the log of the group: they show what the worker threads are doing. Raise `processes=` or `threads=` of the group, or limit the duration of requests with `request-timeout=`.";
    1332 GROUP_REQUEST_TIMEOUT Error "the request took too long"
        cause "The application did not respond within `request-timeout`."
        did "The request got 504."
        cure "Look at the stack of the thread in the log: it shows where the time was spent.";
    1333 RESPONSE_HEADER_TOO_LONG Error "a response header is too long"
        cause "A header of the application's response is longer than `header-buffer-size`."
        did "The request got 500."
        cure "Make the header shorter, or raise `header-buffer-size=`.";
    1334 REQUEST_HEAD_TOO_LONG Error "the headers and variables of the request are too large"
        cause "The headers and environment variables of the request exceed 16 MiB in total."
        did "The request got 502."
        cure "Find the directive that sets such variables (`SetEnv`, `RewriteRule`), or lower `LimitRequestFieldSize`.";
    1335 OUTSIDE_CHROOT Error "the script is outside of the chroot directory of the process group"
        cause "The group has `chroot=`, and the path of the script does not begin with that directory."
        did "The request got 502."
        cure "Move the script below the directory, or assign the application to another group.";
    1336 SCRIPT_OWNER_WRONG Error "the script has another owner than required, or is writable by other users"
        cause "`script-user=` or `script-group=` names the required owner of the script and its directory. One of them has another owner, or other users may write to it."
        did "The script was not loaded or not run. The request got 403, or 500 if only the process that loads the script detected the violation."
        cure "Check the contents of the file. If they are correct, set owner and mode of the script and its directory as the message describes.";
    1337 SERVICE_GROUP_ASKED Error "a request was assigned to a service group"
        cause "The group has `threads=0`: it runs its import scripts and serves no requests."
        did "The request got 503."
        cure "Set `threads=` to at least 1, or assign the application to another group.";
    1339 DAEMON_CANNOT_START Error "no process of the group can be started"
        cause "Each attempt to start a process of the group has failed so far. The log of the group contains a message about the last attempt."
        did "The request got 503 at once. The supervisor keeps trying, with a pause that grows to 30 seconds."
        cure "Correct the cause that the message names. The supervisor tries again at once when a script is saved or the virtual environment is repaired. After any other change, run `apachectl graceful`, or wait for the next attempt.";
    1340 SOCKET_REMOVED Warning "the socket of a daemon process was removed"
        cause "Another program removes old files from the directory of the sockets, for example a cleaner of temporary directories, or replaces them. httpd instances in several containers that share the directory can use the same names."
        did "Another process is started with a socket of its own. Requests that cannot reach a process wait for it."
        cure "Exempt the directory from the cleaner, or set `WSGISocketPrefix` to another directory, a different one for each server.";
    1341 DAEMON_STARTING_FULL Error "too many requests wait for the first process of the group"
        cause "No process of the group is ready yet, and the number of waiting requests has reached `listen-backlog`."
        did "The request got 503 with `Retry-After` at once."
        cure "Find out what the application waits for during import. Raise `listen-backlog=` if loading it has to take this long.";
    1342 DAEMON_UNREACHABLE Error "no process of the group could be reached at its socket"
        cause "The group has processes that accept requests, but none of them answers at its socket. The socket files were replaced, or belong to a process that does not know the secret of the group. httpd instances in several containers that share the directory of the sockets can use the same names."
        did "The request got 503 with `Retry-After`. It did not reach the application. A process whose socket file is missing is replaced within about two seconds."
        cure "Set `WSGISocketPrefix` to a different directory for each server, and find out which other program writes to the directory.";
    1343 DAEMON_STRANGER Error "another user listens at the socket of a process group"
        cause "The socket was created by a user other than the one that runs the supervisor. Either a user with write access to the directory put it there, or a process of the group created its own socket."
        did "Nothing was sent to it, not even the secret of the group. The process is avoided for a short time. The request got 503 with `Retry-After` if no other process accepted it within `connect-timeout`."
        cure "Set `WSGISocketPrefix` to a directory that only root can write to. Check the processes of the other user, and how they gained write access.";
    1344 GROUP_SHARE_USED Error "the process group has reached its limit of requests in httpd"
        cause "The number of requests for the group in all child processes of httpd has reached `maximum-in-flight=` (default: twice the sum of its worker threads and its queue). Its processes keep more requests than their worker threads and `listen-backlog=` account for."
        did "The request got 503 with `Retry-After` at once, so that httpd has threads for other groups and other content. This message is logged at most once a second."
        cure "Look at the messages WSGI1590 and at what the processes of the group do. Raise `maximum-in-flight=` only if httpd has spare threads (`MaxRequestWorkers`).";
    1346 DAEMON_OVERTIME Error "a daemon process did not enforce request-timeout"
        cause "The process had the request for five seconds longer than `request-timeout=`, `interrupt-timeout=` and `shutdown-timeout=` together. The process is stopped or hangs, or its application has taken control of it."
        did "The httpd child process abandoned the request. The client got 504, or its response was aborted."
        cure "Look at the messages of the process in the log of the group. If you do not trust its code, stop the process and examine what that code does.";
    1350 MODULE_GONE Notice "httpd continues without mod_wsgi_rs"
        cause "The configuration that httpd read at a graceful restart does not load the module, because of `a2dismod`, a removed `LoadModule` line, or another module under its name."
        did "The daemon processes finished their requests and exited together with their supervisor."
        cure "If this is intended, do nothing. Otherwise load the module again and restart httpd.";
    1351 OLD_CONFIGURATION_SERVES Error "processes with an older configuration continue to serve"
        cause "The options of a process group changed. Its new processes did not start, or could not load a script that the old processes have loaded. The reason precedes this message."
        did "The old processes continue to serve with the options that they were started with. The supervisor tries to start new ones when a script changes, at each restart of httpd, and every hour."
        cure "Correct what the preceding messages name, in the options or in the code.";
    1352 NEW_CODE_SERVES Notice "all processes of a group use the new code or configuration"
        cause "A script changed, or a graceful restart found changed files or options of the group. The message names the files (file names that a process reported are shown as it sent them), the processes, and the time from the detection of the change until all of them were ready."
        did "The processes of the group were replaced one after another. With `overlap=Off`, each process exited before its replacement started."
        cure "Nothing: this message marks the end of a successful deployment.";
    1353 OLD_CODE_SERVES Error "the processes of a group still serve older code"
        cause "Files of the application changed, and a new process could not load them (WSGI1305)."
        did "The old processes continue to serve. The supervisor tries the new code every hour, when this message is logged, at each graceful restart, and as soon as the script changes."
        cure "Read the last WSGI1305 of the group and the traceback before it, correct the code, and save the script.";
    1354 WOKEN_BY_A_FILE Notice "a group that could not start is tried again, because a file changed"
        cause "Processes of the group died or could not be started, and the supervisor was waiting before its next attempt. Then a script of the group, its interpreter, its `pyvenv.cfg`, or a package of its virtual environment changed."
        did "The processes are started at once, but not within a second of the last attempt. Further deaths are explained again."
        cure "Nothing, if the group serves requests now. Otherwise read the messages that follow.";
    1355 PROGRAMS_KILLED Info "programs that an application started were killed together with its process"
        cause "A process of the group exited (new code, `maximum-requests`, a restart, a crash) or was killed. Programs that the application had started were still running in its Unix process group. The message lists their names and process IDs, as far as `/proc` shows them."
        did "The programs got SIGKILL. The message is logged if the `LogLevel` of the module is `info` or lower (`LogLevel wsgi:info`)."
        cure "Let the application end these programs, or wait for them. To start a program that outlives the process, give it a new session: `subprocess.Popen(..., start_new_session=True)`. Run a permanent program as a system service instead.";
    1360 DAEMON_ENDED Error "a process was stopped at a time limit while it served the request"
        cause "The process had to exit because it was being replaced, because httpd was stopped, or because it had to be abandoned. The request was still running when the time for finishing requests was over. The message names the option that sets this time."
        did "The request got 502, or its response was aborted so that the client can detect the truncation. The request was not repeated, because the application had begun to process it."
        cure "Raise the option that the message names if such requests are expected to finish, or find out what delays them. Another message in the log says why the process had to exit.";
    1361 STOPPED_WAITING Info "httpd was stopped while the request waited for a process"
        cause "httpd is stopping, or restarting without `graceful`. A request of an old child process was waiting for a process of its group, and no new one will be started."
        did "The request got 503 at once, so that it does not delay the stop. It did not reach the application."
        cure "Nothing. Use `apachectl graceful` to restart without losing requests.";
    1370 TOO_MANY_SCRIPTS Warning "a daemon process has loaded more scripts than can be passed to its replacement"
        cause "The process has loaded more than 1,024 scripts, where each counts once per application group, or their names are too long in total."
        did "A replacement process loads the first scripts of the list before it serves. The others are loaded by the first request for each. The first scripts are checked for changes every second, the others when a request uses them."
        cure "Distribute the scripts over several process groups. If the application does not have so many scripts, search for code that creates application groups (`WSGIApplicationGroup` with `%{ENV:...}`), or that writes to descriptors that it did not open.";
    1371 STARTS_SLOWED Warning "the processes of a group are replaced too often"
        cause "The processes of the group keep exiting, requesting their replacement, or failing as soon as they serve."
        did "New processes of the group are started at the rate that the message names. Other groups are not affected."
        cure "Look in the log for the reason why they exit or are replaced. Raise `maximum-requests`, `restart-interval` or `inactivity-timeout` if one of them is the reason.";
    1390 PIPES_LOCKED Error "processes of a group block the pipes to the supervisor"
        cause "Processes of the group's user write to their output, or to the supervisor, from memory whose contents never arrive (a file of a FUSE file system that does not respond, or userfaultfd). While such a write is pending, the kernel keeps the pipe locked, and the supervisor cannot read from it."
        did "No new process of the group is started until these processes have exited. The supervisor tries again every 30 seconds. No other group is affected."
        cure "Stop all processes of that user, including those that have left the process group: `cat /proc/PID/stack` shows `pipe_write` for a blocked one. Stop the FUSE file system that does not respond.";
    1401 REQUEST_OVERDUE Warning "a request has run longer than request-timeout"
        cause "The application did not finish the request within `request-timeout`. The following lines show the stack of its thread, innermost call last."
        did "With `interrupt-timeout`, `mod_wsgi.RequestTimeout` is raised in the request, the client gets 504 (or an aborted response), and the thread continues to serve. Without it, or if the request does not end within it, the process is replaced."
        cure "Look at the last lines of the stack: they show where the time was spent. Make that code faster, give it a time limit of its own, or raise `request-timeout`.";
    1402 DEADLOCK Error "could not acquire the GIL"
        cause "One thread held the GIL for `deadlock-timeout`, so that no other Python code could run. Usually a C extension waits or computes without releasing the GIL, or two threads each wait for a lock that the other one holds."
        did "The process exited, and another one was started. The requests that it was serving, which the message lists, got 502."
        cure "Find the extension that the listed requests have in common, and update it. Set `WSGIApplicationGroup %{GLOBAL}`. Raise `deadlock-timeout` only if such long computations are intended.";
    1403 STARTUP_OVERDUE Error "could not load any script in time"
        cause "The group loads its scripts at the first request, and that took longer than `startup-timeout`."
        did "The process was replaced. The requests that it was serving got 502 when its `shutdown-timeout` was over."
        cure "Find out what the application waits for during import (a database, a lock, a host name), or raise `startup-timeout`.";
    1420 VIRTUALENV_OF_ANOTHER_PYTHON Warning "a virtual environment was created for another Python"
        cause "The Python that the virtual environment was created from has been replaced by another version. The packages are installed in a directory with the old version in its name."
        did "The interpreter was used. It does not find the packages."
        cure "Create the virtual environment again and reinstall its packages.";
    1421 SOCKET_OUT_OF_REACH Warning "Apache's user cannot reach the sockets of the process groups"
        cause "httpd's child processes connect to the sockets as Apache's user, who may not search a directory on the path. The message names it."
        did "The configuration was accepted. Requests for process groups get 503."
        cure "Follow the advice in the message, or name another directory in `WSGISocketPrefix`.";
    1422 LOCALE_UNKNOWN Warning "a locale is not installed"
        cause "`lang=` or `locale=` of `WSGIDaemonProcess` names a locale that `locale -a` does not list."
        did "The environment variable is set, and the processes use the locale C."
        cure "Name an installed locale, for example `locale=C.UTF-8`, or install the missing one.";
    1423 JAIL_INCOMPLETE Warning "files are missing in the directory of chroot="
        cause "The processes of the group see only files below the directory. The interpreter, the libraries, Python's modules and the engine must therefore exist there. If a user other than root can change a component of the path, nothing was checked."
        did "The configuration was accepted. If files are missing, the group cannot start, and its requests get 503."
        cure "Copy the missing files that the message names. Let the directory, and the directories above it, belong to root.";
    1424 AUTHORIZATION_NOT_PASSED Warning "the application did not get an Authorization header"
        cause "The client sent `Authorization`, httpd does not authenticate this location, and `WSGIPassAuthorization` is off. The application therefore sees no credentials, and may report that none were sent."
        did "The application ran without the header. Each httpd child process logs this once."
        cure "Set `WSGIPassAuthorization On` for applications that check credentials themselves. Set `WSGIPassAuthorization Off` for the location to confirm that the header is to be withheld: this also ends the message.";
    1425 EVENT_CALLBACK_FAILED Error "an event callback raised an exception"
        cause "A function that was registered with `mod_wsgi.subscribe_events` or `mod_wsgi.subscribe_signals` raised an exception. Its traceback follows the message."
        did "The exception was ignored, and the other callbacks were called."
        cure "Read the traceback: it names the file and line of the application.";
    1426 SIGNALS_NOT_TOLD Warning "subscribe_signals() has no effect"
        cause "Signals are reported only in daemon processes that serve requests. In an httpd child process, signals belong to httpd. A service can install handlers with `signal.signal()`."
        did "The callback was not registered."
        cure "Call it in a process where `mod_wsgi.process_group` is the name of the group. In a service, use the module `signal`.";
    1460 FORK_RETURNED Warning "a forked process returned from the request"
        cause "The application called `os.fork()`, and the forked process returned from the request or from loading the script, or left it by an exception or `sys.exit()`. Only the original process may do so."
        did "The forked process was ended without calling the functions registered with `atexit`. The original process continued with the request and sent the response."
        cure "End the forked process with `os._exit()`, or execute another program in it. `subprocess` and `multiprocessing` do this themselves.";
    1500 LOCALE_REFUSED Warning "a process runs without the locale of its group"
        cause "The C library does not have the locale that `locale=` of `WSGIDaemonProcess` names."
        did "The process runs in the locale C."
        cure "Name an installed locale, for example `locale=C.UTF-8`, or install the missing one. `locale -a` lists the installed locales.";
    1510 DIRECTORY_NOT_USABLE Warning "a directory in an option of a process group cannot be used"
        cause "A directory of `python-path=` does not exist or is not accessible to the user of the group, or the user cannot write to the directory of `python-eggs=`. The message names the obstacle. A relative path is resolved against `ServerRoot`."
        did "The group runs. Python ignores directories that it cannot read, so imports from there will fail. Eggs cannot be unpacked."
        cure "Follow the advice in the message: correct the path, create the directory, or give the user of the group access to it.";
    1511 THREADS_MISSING Error "a daemon process has fewer worker threads than configured"
        cause "The kernel refused to create a thread. Either `memory-limit`, `virtual-memory-limit` or the machine leaves no memory for its stack, or a limit of processes is reached (`LimitNPROC`, `TasksMax`)."
        did "The process serves with the threads that it has. A process without any worker thread exits, and is started again after a growing pause. Until then, requests for the group get 503."
        cure "Lower `threads=` or `stack-size=`, or raise the limit that the message names.";
    1530 SCRIPT_OUT_OF_REACH Warning "the user of the processes cannot read a WSGI script"
        cause "The file that `WSGIScriptAlias` or `WSGIImportScript` names does not exist, or the user of the group's processes (in embedded mode Apache's `User`) may not read it or search a directory above it. The message names the cause and the user. That root can read the file is not sufficient."
        did "The configuration was accepted. Requests for the script get 404 if it does not exist, otherwise 500."
        cure "Follow the advice in the message: correct the path, or give that user permission to read the script. `namei -l PATH` lists the owner and mode of each component of the path.";
    1550 SCOREBOARD_NOT_SHARED Warning "server metrics are not available in daemon processes"
        cause "A process group has `server-metrics=On`, and the shared memory file for the metrics could not be created or opened. The message contains the error, which is usually a limit of open files or memory."
        did "The groups run. `mod_wsgi.server_metrics()` returns None in them."
        cure "Correct the cause that the message names: usually, raise the limit.";
    1590 THREADS_BUSY Warning "stacks of the busy worker threads of a daemon process"
        cause "A request found the queue of the group full (WSGI1325), waited longer than `queue-timeout` (WSGI1331), or got no data within `socket-timeout` (WSGI1330). Each message names the requests that are at the same location of the application. The following lines show that location, innermost call last."
        did "The requests continue. A process logs these stacks at most once a minute."
        cure "Look at the last lines of the stacks. Where most of the threads are, they wait for something (a database, another server, a lock, a slow client) or compute. Set a time limit there, or end such requests with `request-timeout=`. If the locations are all different and the requests have just begun, there are too many requests for the group: raise `processes=` or `threads=`.";
}
