def start():
    import sys
    from importlib.machinery import ExtensionFileLoader
    from importlib.util import module_from_spec, spec_from_file_location
    name, path = "mod_wsgi_rs_engine", sys.argv[1]
    if sys.path and sys.path[0] == "":
        del sys.path[0]
    sys.argv = ["mod_wsgi"]
    spec = spec_from_file_location(name, path, loader=ExtensionFileLoader(name, path))
    engine = module_from_spec(spec)
    spec.loader.exec_module(engine)
    return engine.serve
serve = start()
del start
serve(4, 3, 5, 6, 7, 8, 9)
