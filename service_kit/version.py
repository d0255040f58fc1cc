"""Which version of the project a service is."""

import os
from importlib import metadata


def project_version() -> str:
    """The installed version; in an image, which has no installation, LAB_VERSION, else "unknown"."""
    try:
        return metadata.version("perf-profiling-lab")
    except metadata.PackageNotFoundError:
        return os.environ.get("LAB_VERSION") or "unknown"
