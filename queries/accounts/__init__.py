"""Accounts: people, their settings, and teams."""
