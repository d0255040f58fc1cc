"""What of a machine must not leave it with a run: where things are on it, and what it is called.

A place is replaced by a name that says the same (`~`, `LAB_HOME`), in texts and in the log lines' index.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lab.assets import CHECKOUT
from lab.config.settings import Settings
from lab.rundir import RunDir

_SHORTEST = 3  # a shorter path is `/`, or next to it, and says nothing


class Places:
    """Places of this machine, and the name that stands for each; the longest place is looked for first."""

    def __init__(self, places: Iterable[tuple[Path | str, str]], *, host: str = "") -> None:
        named = {str(place).rstrip("/").encode(): name.encode() for place, name in places}
        self._names = {place: named[place] for place in sorted(named, key=len, reverse=True) if len(place) >= _SHORTEST}
        either = b"|".join(map(re.escape, self._names))
        self._places = re.compile(rb"(?<![\w.~-])(?:" + either + rb")(?![\w.-])") if either else None
        # as mongod names it; a bare word may be anything, the name of a service too
        self._host = (
            re.compile(rb'("host(?:name)?"\s*:\s*")' + re.escape(host.encode()) + rb'(?=[":])') if host else None
        )

    def cleaned(self, text: bytes) -> bytes:
        """Give a text in which no place is left."""
        if self._places is not None:
            text = self._places.sub(lambda found: self._names[found[0]], text)
        return text if self._host is None else self._host.sub(rb"\g<1>***", text)

    def cleaned_index(self, path: Path) -> bytes | None:
        """Give the index of log lines with what they complain of cleaned; None where there is nothing to be cleaned."""
        index = pq.read_table(path)
        told = index["complaint"].to_pylist()
        cleaned = [None if text is None else self.cleaned(text.encode()).decode() for text in told]
        if cleaned == told:
            return None
        column = index.schema.get_field_index("complaint")
        sink = pa.BufferOutputStream()
        pq.write_table(index.set_column(column, "complaint", pa.array(cleaned, pa.string())), sink, compression="zstd")
        content: bytes = sink.getvalue().to_pybytes()
        return content


def places_of(settings: Settings, run: RunDir, *, user_home: Path, host: str) -> Places:
    """Give the places of this machine: the run's, the lab's, the checkout's, and the user's own folder."""
    named = {
        "RUN": run.path,
        "LAB_ARTIFACTS": settings.artifacts,
        "LAB_HOME": settings.home,
        "CHECKOUT": CHECKOUT,
        "~": user_home,
    }
    # by either name where a link leads there
    return Places([(path, name) for name, place in named.items() for path in (place, place.resolve())], host=host)
