"""Seconds after which something counts as hung: ten times what it takes on a quiet machine with two slow cores.

Limits only end hangs; they do not judge speed. The factor is ten, because with eight jobs on two cores each job takes
four times as long, and a slow disk or a first start can double that.
"""

FACTOR = 10
ANSWER = FACTOR * 6  # a page, a server or a process that runs already answers
START = FACTOR * 12  # a kernel, a JupyterLab or a browser starts
NOTEBOOK = FACTOR * 60  # a notebook, or one cell of it, runs
