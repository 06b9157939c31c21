"""As a module of a package that refuses sub-interpreters would fail."""

raise ImportError("module some_extension does not support loading in subinterpreters")
