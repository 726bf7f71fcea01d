"""Measurements beside our peers, in one run on one machine: `make bench`. Nothing here is a test."""
