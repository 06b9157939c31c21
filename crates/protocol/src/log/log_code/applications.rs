/*! Messages of the engine: 1200 to 1249 about applications and their scripts, 1250 to 1299 about interpreters and processes. */

log_codes! {
    1200 APPLICATION_EXCEPTION Error "the application raised an exception"
        cause "The application, or the iterable that it returned, raised an exception. Its traceback follows the message."
        did "If no part of the response had been sent, the client got 500. Otherwise the response was aborted so that the client can detect the truncation."
        cure "Read the traceback: it names the file and line of the application.";
    1201 APPLICATION_EXIT Error "the application raised SystemExit"
        cause "The application called `sys.exit()` or raised `SystemExit` during a request."
        did "The exception was ignored, because the process also serves other requests. If no part of the response had been sent, the client got 500."
        cure "Return a response instead. Use the commands of httpd to stop or restart a process.";
    1202 SCRIPT_NOT_LOADED Error "could not load a WSGI script"
        cause "Executing the script as a module raised an exception, such as a missing package or a syntax error. The traceback follows the message."
        did "The request got 500. The next request tries to load the script again."
        cure "Read the traceback and the hint below it. The hint names the Python that was used, the directories that it searched, and the directive to set.";
    1203 CALLABLE_MISSING Error "the script does not define the WSGI callable"
        cause "The script does not define a callable with the name that `WSGICallableObject` gives (default: `application`)."
        did "The request got 500."
        cure "Define the callable, or set `WSGICallableObject` to the name that the script uses.";
    1204 SCRIPT_UNREADABLE Error "could not read a WSGI script"
        cause "The user of the process (`user=` of the process group, otherwise Apache's user) may not read the file, may not search a directory above it, or the file does not exist. The message names the cause and the user."
        did "The request got 500. The next request tries again."
        cure "Correct the path, or give the named user permission to read the script. `namei -l PATH` lists the owner and mode of each component of the path.";
    1205 RELOAD_CHECK_FAILED Error "reload_required() of a script raised an exception"
        cause "The script defines `reload_required(path)`, and calling it raised an exception."
        did "The script was not reloaded. The request was served with the loaded code."
        cure "Correct the function, or remove it.";
    1206 CLOSE_FAILED Error "close() of a response raised an exception"
        cause "The iterable that the application returned has a `close()` method. It raised an exception after the response had been sent."
        did "The client got the complete response."
        cure "Read the traceback: it names the file and line of the application.";
    1207 APPLICATION_IS_ASGI Error "the application is an ASGI application"
        cause "The callable is a coroutine function, or takes `scope`, `receive` and `send`. A WSGI server calls it with `environ` and `start_response`."
        did "The request got 500."
        cure "Use the WSGI application of the framework (Django: `get_wsgi_application()`), or wrap the callable, for example in `a2wsgi.ASGIMiddleware`. Alternatively, run an ASGI server behind `ProxyPass`.";
    1250 PYTHON_NOT_STARTED Error "could not start Python in an httpd child process"
        cause "Python's own initialization failed. The message contains Python's reason."
        did "Requests for embedded applications get 503. httpd serves everything else."
        cure "Check that `WSGIPythonHome` names a complete installation or virtual environment that Apache's user can read.";
    1251 INTERPRETER_FAILED Error "could not create a sub-interpreter"
        cause "Python refused to create another interpreter, or setting it up failed. The message contains the reason."
        did "The request got 503."
        cure "Set `WSGIApplicationGroup %{GLOBAL}`, or remove the part of the Python installation that fails.";
    1252 TOO_MANY_INTERPRETERS Error "requests asked for too many interpreters"
        cause "`%{HOST}` and `%{ENV:name}` create one interpreter for each distinct value, and clients have sent too many values."
        did "The request got 503. Interpreters are never removed, and each one uses memory."
        cure "Give the application group a fixed name, or accept only known host names (`ServerAlias`, `UseCanonicalName`).";
    1253 SHUTDOWN_OVERDUE Warning "shutdown callbacks did not finish in time"
        cause "An `atexit` function, a shutdown callback or a non-daemon thread was still running when the process had to exit."
        did "The process exited without waiting any longer."
        cure "Make the callback faster, or make the thread a daemon thread. In a process group, `shutdown-timeout=` sets the time that they have.";
    1254 SHUTDOWN_FAILED Error "a shutdown callback raised an exception"
        cause "A shutdown callback or an `atexit` function raised an exception. Its traceback follows the message."
        did "The remaining functions were called."
        cure "Read the traceback: it names the file and line of the application.";
    1255 PYTHON_PATH_MISSING Warning "a directory of WSGIPythonPath does not exist"
        cause "The directory is misspelled or was removed, or Apache's user may not search a directory above it."
        did "The directory was added to `sys.path`, as Python itself does."
        cure "Correct the path or its permissions.";
    1260 PROCESS_NOT_STARTED Error "a daemon process could not initialize"
        cause "The process was started, but its initialization failed. The message contains the reason."
        did "The process exited. The supervisor tries again after a pause that grows with each attempt."
        cure "Correct the reason that the message gives. The supervisor's own messages name the process group.";
    1261 PEER_REFUSED Warning "an unauthorized client connected to the socket of a daemon process"
        cause "The client does not run as Apache's user, does not know the secret of the process group, or comes from another build of the module."
        did "The connection was closed before anything was read from it."
        cure "Ignore a single message after an upgrade: it concerns requests that were in progress. Otherwise find out which users can reach the directory of the socket.";
    1262 DAEMON_REQUEST_TIMEOUT Error "a request ran longer than request-timeout"
        cause "The application did not finish the request within `request-timeout` of its `WSGIDaemonProcess`."
        did "The client got 504, or its response was aborted. The process is replaced. With `interrupt-timeout`, the request was interrupted first and did not end."
        cure "Look up the stack in the message WSGI1401 and find out what the request waits for there, or raise `request-timeout`.";
}
