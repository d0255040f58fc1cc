"""A folder for what services keep in temporary files, so that `down` removes those of killed ones too."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

from lab.errors import EngineError


def scratch_of(home_marker: str) -> Path:
    """Give the folder of a home: the same for each `up`, and short, since sockets lie in it.

    The path of a socket may have 107 bytes, and a home may be deep.
    """
    return Path(tempfile.gettempdir()) / home_marker


def make(folder: Path) -> None:
    """Make the folder, for this user alone. Raises EngineError where it cannot be, or is somebody else's."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise EngineError(f"{folder} cannot be made: {error.strerror}; set TMPDIR to a folder that can be") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise EngineError(f"{folder} is not this user's folder; remove it, or set TMPDIR to another one")


def remove(folder: Path) -> None:
    """Remove the folder with what is in it; what is not this user's stays."""
    shutil.rmtree(folder, ignore_errors=True)
