"""The example page under wsgiref's validator."""

import os
import runpy
from wsgiref.validate import validator

page = runpy.run_path(os.path.join(os.path.dirname(os.path.abspath(__file__)), "example.wsgi"))
application = validator(page["application"])
