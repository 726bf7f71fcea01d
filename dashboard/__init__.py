"""The Django project: configuration only."""
