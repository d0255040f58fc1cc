"""The fixtures of the scripts' tests."""

from tests.k6.fixtures import backend, closed_url

__all__ = ["backend", "closed_url"]
