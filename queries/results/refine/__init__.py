"""Run a query on stored rows in a child process."""
