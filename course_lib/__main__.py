"""python -m course_lib: the command line of the course."""

import sys

try:
    from course_lib.cli import app
except ImportError as error:
    sys.exit(
        f"{error}: the course is not fully installed. Run `make lab`, or: pip install -c constraints.txt -e '.[lab]'"
    )

app(prog_name="python -m course_lib")
