"""Views translate: HTTP in, one verb, HTTP out."""
