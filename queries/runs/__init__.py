"""Runs: starting, cancelling, sharing and deleting them; the engine executes them."""
