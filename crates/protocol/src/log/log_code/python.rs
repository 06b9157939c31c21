/*! What stands in the way of starting Python: numbers 1050 to 1099. */

log_codes! {
    1050 PYTHON_NOT_FOUND Error "no Python was found"
        cause "Neither `WSGIPythonHome` nor the usual places have a Python."
        did "Apache serves everything but WSGI applications in embedded mode, which are answered with 503. At configtest: a warning."
        cure "Install Python, or name a virtualenv or a prefix with `WSGIPythonHome`.";
    1051 PYTHON_HOME_BROKEN Error "the Python home cannot be used"
        cause "The directory of `WSGIPythonHome`, or the installation that it was made from, is missing, closed to Apache's user, or no Python home. The line names the path component."
        did "Apache serves everything but WSGI applications in embedded mode, which are answered with 503. At configtest: a warning."
        cure "Do what the line says. A home directory is better not opened: make the virtualenv in another place, such as `/srv`, with `/usr/bin/python3 -m venv`.";
    1052 PYTHON_NOT_ASKED Error "the interpreter did not say what it is"
        cause "The chosen Python was run with `-I -S` to say its version, and failed or took longer than 10 seconds. The line shows the last it said."
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
        cause "The dynamic loader refused libpython, and the line has its words; or Apache holds another libpython already, which a `LoadFile`, `LD_PRELOAD` or another module has brought, and the line names it."
        did "Apache serves everything but WSGI applications in embedded mode, which are answered with 503."
        cure "Install that Python's libraries anew; with SELinux enforcing run `restorecon` on the file. Take out what brings another libpython, or name its Python with `WSGIPythonHome`.";
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
    1062 FILES_NOT_CHECKED Warning "the files of a user were not looked at"
        cause "Configtest asks a helper, which becomes the user, to look at the files and to run the interpreter. It could not, or gave no answer within 10 seconds: the user's limits, a file system that does not answer, or an interpreter that ends its parent."
        did "The configuration is used as it is; nothing of that user's was checked."
        cure "Look at the files that the named directive or group uses, as that user; `httpd -t` again shows whether it was only slow.";
    1063 LIBPYTHON_OF_ANOTHER_PYTHON Error "the loader took the shared library of another Python"
        cause "An interpreter that was built with `--enable-shared` is little more than a call of its libpython, and the program loader found another one than that which it was built with: its run path is closed to the user, or was left behind when the installation was copied. Another version than the standard library's runs then, or another build of it. The line names the library that was taken."
        did "The interpreter is used as it is: extension modules may not load (`undefined symbol`), and packages may not be found. At configtest: a warning."
        cure "Set the run path of the interpreter to its own library, as the line says, or use a Python that this user can read, such as `/usr/bin/python3`.";
}
