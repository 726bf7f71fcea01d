"""Forms: what people fill in, checked before any call is made."""
