"""Accounts: users, their settings, and teams."""
