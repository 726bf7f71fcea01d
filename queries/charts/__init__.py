"""Charts: data to server-drawn SVG. Knows no request and no template."""
