"""The files of this package that a page is made of, and the policy that keeps anything else out of it."""

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from functools import cache
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined

SCRIPTS = (
    "vendor/echarts.min.js",
    *(
        f"js/{name}.js"
        for name in (
            "text",
            "theme",
            "tables",
            "look",
            "timeline",
            "latency",
            "ramp",
            "stress",
            "soak",
            "usl",
            "charts",
            "flames",
        )
    ),
)
COMPARISON_SCRIPTS = (
    "vendor/echarts.min.js",
    *(f"js/{name}.js" for name in ("text", "theme", "tables", "look", "forest", "charts", "comparison")),
)
INDEX_SCRIPTS = ("js/text.js", "js/theme.js", "js/tables.js", "js/index.js")
HISTORY_SCRIPTS = (
    "vendor/echarts.min.js",
    *(f"js/{name}.js" for name in ("text", "theme", "tables", "look", "history", "charts")),
)


@cache
def text_of(name: str) -> str:
    """Give a file of this package."""
    return resources.files("lab.report.html").joinpath(name).read_text(encoding="utf-8")


def templates() -> Environment:
    """Give the templates. What is filled in is escaped, whoever wrote it; a misspelt name is an error."""
    return Environment(
        loader=FunctionLoader(text_of),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def policy(scripts: Iterable[str]) -> str:
    """Give the content security policy of a page: these scripts alone may run, and nothing is fetched from anywhere."""
    allowed = " ".join(f"'sha256-{b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; "
        "base-uri 'none'; form-action 'none'"
    )
