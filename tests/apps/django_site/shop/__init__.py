"""A Django project of the suites."""
