"""A run that is handed on as one file: what the file holds, and what of the run it does not."""

from dataclasses import dataclass

from lab.model.measured import RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedFile:
    """One file of a pack: its path inside the run directory, parts joined by `/`, and the digest of its bytes."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """What a pack holds. `format` is the version of its layout, `lab` that of the lab which wrote it.

    `files` are in the order of their names. `left_out` names files of the run that are not in it, `shortened` logs of
    which only some lines are, and `cleaned` files in which places of the machine are replaced by names.
    """

    format: int
    lab: str
    run_id: str
    state: RunState
    files: tuple[PackedFile, ...]
    left_out: tuple[str, ...] = ()
    shortened: tuple[str, ...] = ()
    cleaned: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        """The bytes of all files together, as they are once unpacked."""
        return sum(file.size_bytes for file in self.files)
