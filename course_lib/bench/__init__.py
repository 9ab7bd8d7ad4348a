"""Measurements that a reader can repeat: `python -m course_lib bench NAME`, a table to read and JSON to keep."""
