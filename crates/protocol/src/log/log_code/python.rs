/*! Messages about finding and starting Python: numbers 1050 to 1099. */

log_codes! {
    1050 PYTHON_NOT_FOUND Error "no Python was found"
        cause "`WSGIPythonHome` is not set, or contains no Python, and the usual directories contain none either."
        did "Applications in embedded mode get 503. httpd serves everything else. At configtest, this is a warning."
        cure "Install Python, or set `WSGIPythonHome` to a virtual environment or to the prefix of an installation.";
    1051 PYTHON_HOME_BROKEN Error "the Python home cannot be used"
        cause "The directory of `WSGIPythonHome`, or the installation that it was created from, does not exist, is not accessible to Apache's user, or contains no Python. The message names the component of the path that is the obstacle."
        did "Applications in embedded mode get 503. httpd serves everything else. At configtest, this is a warning."
        cure "Follow the advice in the message. Do not open a home directory to Apache's user: create the virtual environment elsewhere, for example below `/srv`, with `/usr/bin/python3 -m venv`.";
    1052 PYTHON_NOT_ASKED Error "the interpreter did not report its version"
        cause "The selected Python was run with `-I -S` to query its version. It failed, or did not answer within 10 seconds. The message contains the last line of its output."
        did "Applications in embedded mode get 503. httpd serves everything else. At configtest, this is a warning."
        cure "Run the interpreter as Apache's user to see the error. If the virtual environment is broken, create it again.";
    1053 PYTHON_UNSUPPORTED Error "this Python is not supported"
        cause "The Python is older than 3.9, or is a free-threaded build."
        did "Applications in embedded mode get 503. httpd serves everything else. At configtest, this is a warning."
        cure "Create the virtual environment with another Python.";
    1054 LIBPYTHON_MISSING Error "the shared library of Python is missing"
        cause "Embedded mode loads libpython. This Python has none: its package is not installed, or Python was built without `--enable-shared`."
        did "Applications in embedded mode get 503. httpd serves everything else. At configtest, this is a warning."
        cure "Install the package that the message names, or build that Python with `--enable-shared`.";
    1055 LIBPYTHON_NOT_LOADED Error "could not load the shared library of Python"
        cause "The dynamic loader refused libpython, and the message contains its error. Or `LoadFile`, `LD_PRELOAD` or another module has already loaded a different libpython into httpd, and the message names it."
        did "Applications in embedded mode get 503. httpd serves everything else."
        cure "Reinstall the libraries of that Python. If SELinux is enforcing, run `restorecon` on the file. Remove the directive that loads a different libpython, or set `WSGIPythonHome` to the Python that the library belongs to.";
    1056 ENGINE_NOT_LOADED Error "could not load the engine"
        cause "`mod_wsgi_rs_engine.so` is missing, unreadable, or of another version than the module."
        did "Applications in embedded mode get 503. httpd serves everything else. At configtest, this is a warning."
        cure "Install it in the directory of the module: run `make install`.";
    1057 PYTHON_AS_ROOT Error "Python was not run, because the process is root"
        cause "The httpd child process runs as root. mod_wsgi_rs runs no Python as root."
        did "Applications in embedded mode get 503. httpd serves everything else. At configtest, this is a warning."
        cure "Set `User` and `Group` to an unprivileged user and group.";
    1058 PYTHON_NOT_CHECKED Notice "configtest did not run Python"
        cause "Only root can run Python as Apache's user."
        did "The files were checked. No Python was run."
        cure "Run configtest as root (`sudo apachectl configtest`).";
    1059 EMBEDDED_NOT_STARTED Error "an httpd child process runs without Python"
        cause "Python could not be started in this child process. Earlier messages give the reason."
        did "Applications in embedded mode get 503. httpd serves everything else."
        cure "Fix the cause that those messages name, then restart httpd.";
    1060 PYTHON_DIED_AT_START Error "Python terminated an httpd child process while starting"
        cause "Starting Python terminated the child process, which happens for example if the standard library is missing."
        did "Python is not started again until httpd is restarted. Applications in embedded mode get 503, and httpd serves everything else."
        cure "Read Python's own output in the log before this message, repair that Python, then restart httpd.";
    1061 BUILT_FOR_NEWER_APACHE Warning "the module was built for a newer httpd"
        cause "The running httpd is older than the headers that the module was built with."
        did "httpd continued to start."
        cure "Build the module for the installed httpd (`make build`, then `make install`).";
    1062 FILES_NOT_CHECKED Warning "configtest could not check the files of a user"
        cause "Configtest starts a probe: a process that changes to the user, checks the files and runs the interpreter. It could not be started, or did not answer within 10 seconds. Possible reasons are limits of the user, a file system that does not respond, or an interpreter that terminates its parent process."
        did "The configuration was accepted. No file of that user was checked."
        cure "Check the files of the named directive or process group as that user. Run `httpd -t` again to see whether the machine was only slow.";
    1063 LIBPYTHON_OF_ANOTHER_PYTHON Error "the dynamic loader found the shared library of another Python"
        cause "An interpreter built with `--enable-shared` needs its own libpython. The dynamic loader found a different one, because the run path of the interpreter is not accessible to the user, or was not adjusted when the installation was copied. The version or build then differs from that of the standard library. The message names the library that was loaded."
        did "The interpreter was used. Extension modules may fail to load (`undefined symbol`), and packages may not be found. At configtest, this is a warning."
        cure "Set the run path of the interpreter to its own library, as the message describes, or use a Python that this user can read, such as `/usr/bin/python3`.";
}
