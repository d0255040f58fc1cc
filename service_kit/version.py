"""Which version of the project a service is."""

from importlib import metadata


def project_version() -> str:
    """The installed version, "unknown" where the project is run without being installed."""
    try:
        return metadata.version("perf-profiling-lab")
    except metadata.PackageNotFoundError:
        return "unknown"
