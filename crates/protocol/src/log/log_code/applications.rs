/*! What the engine says: 1200 to 1249 applications and their scripts, 1250 to 1299 interpreters and processes. */

log_codes! {
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
        cause "The user of the process (`user=` of the group, else Apache's) may not read the file or search a directory above it, or the file is gone. The line says which, and names the user."
        did "The request got 500. The next request tries again."
        cure "Correct the path, or let the user that the line names read the script. `namei -l` with the path lists owner and mode of each part of it.";
    1205 RELOAD_CHECK_FAILED Error "reload_required() of a script raised an exception"
        cause "The script defines `reload_required(path)`, and it failed."
        did "The script was not reloaded; the request went on."
        cure "Correct the function, or remove it.";
    1206 CLOSE_FAILED Error "close() of a response raised an exception"
        cause "The object that the application returned has a close() method, and it failed after the response was sent."
        did "Nothing more: the response was complete."
        cure "Read the traceback: it names the application's file and line.";
    1207 APPLICATION_IS_ASGI Error "the application is an ASGI application"
        cause "The callable is asynchronous, or takes `scope`, `receive` and `send`. WSGI calls it with `environ` and `start_response`."
        did "The request got 500."
        cure "Use the WSGI application of the framework (Django: `get_wsgi_application()`), or wrap the callable, as with `a2wsgi.ASGIMiddleware`. A server for ASGI can also run behind `ProxyPass`.";
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
}
