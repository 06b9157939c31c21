from hello import app as application  # noqa: F401
