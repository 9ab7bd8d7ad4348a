"""Verified implementations behind a hands-on course on attention."""
