"""A page that is open in a browser, and what it has asked for and complained of."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DRAWN = "html[data-drawn-ms]"
"""What is there once every chart has been drawn."""


@dataclass
class Opened:
    """A page that is open, and what it has asked for and complained of."""

    page: Any
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def screenshot(self, name: str, folder: Path) -> bytes:
        """Give a picture of the whole page; kept where LAB_SCREENSHOTS names a folder."""
        kept = Path(os.environ.get("LAB_SCREENSHOTS", folder))
        return bytes(self.page.screenshot(path=kept / f"{name}.png", full_page=True))


Open = Callable[..., Opened]
