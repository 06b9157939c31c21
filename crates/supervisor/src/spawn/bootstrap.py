def start():
    import sys
    found = "`%s` is Python %s" % (sys.executable, sys.version.split()[0])
    if sys.version_info < (3, 9):
        sys.exit("WSGI1053: %s, which is too old (hint: use Python 3.9 or later: make the virtualenv with another Python, as `/usr/bin/python3 -m venv DIRECTORY`)" % found)
    if "t" in sys.abiflags:
        sys.exit("WSGI1053: %s without the GIL, for which there is no engine (hint: make the virtualenv with the ordinary build)" % found)
    from importlib.machinery import ExtensionFileLoader
    from importlib.util import module_from_spec, spec_from_file_location
    name, path = "mod_wsgi_rs_engine", sys.argv[1]
    if sys.path and sys.path[0] == "":
        del sys.path[0]
    sys.argv = ["mod_wsgi"]
    spec = spec_from_file_location(name, path, loader=ExtensionFileLoader(name, path))
    engine = module_from_spec(spec)
    spec.loader.exec_module(engine)
    from os import environ
    if "WSGI_PRIVATE_ENVIRONMENT" in environ:
        engine.hide_environment()
        del environ["WSGI_PRIVATE_ENVIRONMENT"]
    return engine.serve
serve = start()
del start
serve(4, 3, 5, 6, 7, 8, 9)
