"""Tests of the DataPrime core: queries are executed, SQL text is never compared."""
