"""The demo data: a small web shop's services, their daily rhythm and their bad days, as log lines."""
