"""The one app: connections, saved queries, runs, results, exports."""
