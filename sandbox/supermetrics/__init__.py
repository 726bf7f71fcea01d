"""Supermetrics' wire protocol, over a small marketing world that is the same on every day it is asked about."""
