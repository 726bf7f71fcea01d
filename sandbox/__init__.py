"""The embedded upstream: a local HTTP server that speaks a provider's wire protocol and executes queries over real rows."""
