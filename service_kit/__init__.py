"""What every service of the system under test has: settings, JSON logs, request ids, metrics, limits and a server."""
