"""Analyses that were made already."""

import hashlib
from collections import OrderedDict

from ai_core_stub.jobs import Done, Job

Key = tuple[bytes, str, str, int, int]


class Cache:
    """The `size` results that were asked for last; with a size of 0 it remembers nothing."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._done: OrderedDict[Key, Done] = OrderedDict()

    def get(self, job: Job) -> Done | None:
        """What this very job gave, if it is remembered."""
        if not self._size:
            return None
        key = _key(job)
        if key in self._done:
            self._done.move_to_end(key)
        return self._done.get(key)

    def put(self, job: Job, done: Done) -> None:
        """Remember what a job gave."""
        if self._size:
            self._done[_key(job)] = done
            while len(self._done) > self._size:
                self._done.popitem(last=False)


def _key(job: Job) -> Key:
    return hashlib.sha256(job.csv.encode()).digest(), job.target, job.explainer, job.samples, job.recipe.seed
