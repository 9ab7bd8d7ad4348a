"""python -m course_lib: the command line of the course."""

import sys

from course_lib.packages import install_command

try:
    from course_lib.cli import app
except ImportError as error:
    sys.exit(f"{error}: the course is not fully installed. Run `{install_command()}` in its folder.")

app(prog_name="python -m course_lib")
