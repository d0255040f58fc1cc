"""Files that profilers leave: whole, or not there at all."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from lab.errors import ProfileError


@contextmanager
def draft(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write to, which takes its name only when the block has ended well; nothing is left otherwise.

    Raises ProfileError where it cannot be written, such as on a full disk.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    except OSError as error:
        why = error.strerror or str(error)
        raise ProfileError(f"{path} cannot be written: {why}; make room or name another folder") from error
    finally:
        part.unlink(missing_ok=True)


def write_all(folder: Path, files: Sequence[tuple[str, str, bytes]]) -> tuple[tuple[str, str], ...]:
    """Write files (kind, name, content), all of them or none, and give kind and name of each.

    Raises ProfileError as `draft` does.
    """
    with ExitStack() as stack:
        for _, name, content in files:
            file = stack.enter_context(draft(folder / name))
            file.write(content)
            file.flush()  # a full disk is told of here, before any of them has taken its name
    return tuple((kind, name) for kind, name, _ in files)
