"""Where the files that the lab ships are."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
CHECKOUT = _PACKAGE.parent
IS_CHECKOUT = (CHECKOUT / "plans").is_dir()

ASSETS = CHECKOUT if IS_CHECKOUT else _PACKAGE / "_assets"
"""Where `plans/`, `targets/`, `k6/`, `prometheus/` and `grafana/` are: the checkout, or the installed package."""
