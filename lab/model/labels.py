"""The labels of a series as one text, `k=v,k=v` sorted by key: what readings carry and Parquet files hold."""

import re
from collections.abc import Mapping

_PARTS = re.compile(r"((?:[^,\\]|\\.)+)")
_MEANING_MORE = re.compile(r"[\\,]")
_WITH_BACKSLASH = r"\\\g<0>"
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def label_text(labels: Mapping[str, str]) -> str:
    r"""Give the text; a comma or a backslash in a value has a backslash before it."""
    return ",".join(f"{key}={_MEANING_MORE.sub(_WITH_BACKSLASH, value)}" for key, value in sorted(labels.items()))


def labels_of(text: str) -> dict[str, str]:
    """Read such a text."""
    if "\\" not in text:
        return dict(pair.split("=", 1) for pair in text.split(",") if "=" in pair)
    pairs = (part.split("=", 1) for part in _PARTS.findall(text) if "=" in part)
    return {key: _ESCAPED.sub(r"\1", value) for key, value in pairs}


def series_name(collector: str, metric: str) -> str:
    """Give the name under which a server keeps a metric of a collector.

    Services tell their own `process_*` too; what the lab sees of the same processes from outside is named apart.
    """
    return f"lab_{metric}" if collector == "processes" else metric
