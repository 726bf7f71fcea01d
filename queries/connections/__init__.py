"""Connections: stored API keys, the catalogs behind them, and their rate limits."""
