"""Forms: user input, validated before any HTTP call."""
