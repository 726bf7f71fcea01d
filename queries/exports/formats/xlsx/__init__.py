"""XLSX: a streaming writer."""
