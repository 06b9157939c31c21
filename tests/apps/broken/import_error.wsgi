"""Imports what is not there."""

import a_module_that_nobody_has

application = a_module_that_nobody_has.application
