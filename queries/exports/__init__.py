"""Exports: selecting rows, building files, streaming downloads."""
