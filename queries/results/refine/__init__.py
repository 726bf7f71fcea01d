"""Refine: running a query on stored rows in a child process."""
