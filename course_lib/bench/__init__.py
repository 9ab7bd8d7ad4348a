"""Benchmarks that a reader can repeat: `python -m course_lib bench NAME` prints a table and writes JSON."""
