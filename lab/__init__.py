"""A reproducible load, stress and performance-profiling lab."""

__version__ = "0.1.0"
