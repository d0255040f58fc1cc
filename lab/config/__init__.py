"""TOML, options and environment variables -> Plan, Target, Scenario and Settings; the only reader of configuration.

Everything is validated before anything starts, and every problem is reported at once (`ConfigError.problems`).
"""
