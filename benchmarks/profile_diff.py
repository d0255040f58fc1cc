"""How often a comparison of two profiles is right: a small shop, profiled again and again, sealing as before or longer.

Every two profiles of the same shop are compared, where each function that is named is a false alarm, and every one
of it with every one of a shop that seals three times as long, where `seal` and what it calls should be named, and
nothing else but what calls it. That is done as the lab does it, with what CPU per order varies by (here: between the
profiles of the same shop), and without that; with each sample taken for one of its own, also those
of a thread that waits for a CPU; and with 1 / rate for a sample instead of what the kernel counted. Run it with
`chrt -i 0` to see what a busy machine does.

    python benchmarks/profile_diff.py [--same 5] [--longer 3] [--seconds 10] [--hz 50]
"""

import argparse
import itertools
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lab import processes
from lab.analysis.clumping import waiting_ratio
from lab.analysis.hot_code import active_samples
from lab.analysis.profile_files import read_stacks
from lab.analysis.stack_diff import Sampled, difference, sampled
from lab.model import Profile, Stack, Subject
from lab.profilers.pyspy import PySpy

_SHOP = """
import hashlib
import json
import sys


def parse(text):
    return [json.loads(text) for _ in range(40)]


def price(orders):
    return sum(sum(item["n"] * 1.19 for item in order["items"]) for order in orders for _ in range(12))


def seal(total, rounds):
    digest = b""
    for _ in range(rounds):
        digest = hashlib.sha256(digest + str(total).encode() * 4000).digest()
    return digest


def handle(text, rounds):
    return seal(price(parse(text)), rounds)


def serve(rounds):
    text = json.dumps({"items": [{"n": n, "name": "x" * 20} for n in range(50)]})
    done = 0
    while True:
        handle(text, rounds)
        done += 1
        print(done, flush=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
"""
_SEAL = ("orders.seal", "hash", "sha256", "SHA256", "evp", "EVP", "libcrypto")
"""What names of `seal` and of all that it calls have in them."""

_CALLERS = ("orders.handle", "orders.serve", "runpy.", "the top level of")
"""What names of those that call `seal` have in them: they take longer too."""


@dataclass(frozen=True)
class Way:
    """A way to compare: what a sample stands for, if those of one wait count for one, and if the machine varies."""

    name: str
    of_kernel: bool
    of_waits: bool
    of_variation: bool = False


_WAYS = (
    Way("as the lab does", of_kernel=True, of_waits=True, of_variation=True),
    Way("machine steady", of_kernel=True, of_waits=True),
    Way("each sample for one", of_kernel=True, of_waits=False),
    Way("each sample for 1 / rate", of_kernel=False, of_waits=False),
)


@dataclass(frozen=True)
class Taken:
    """One profile: its stacks, what it says of itself, and how many orders were handled meanwhile."""

    profile: Profile
    stacks: Sequence[Stack]
    orders: int

    def counted(self, *, of_kernel: bool) -> Sampled:
        """Give the counts, with what a sample stands for: what the kernel counted over the samples, or 1 / rate."""
        seconds = self.profile.cpu_s / active_samples(self.stacks) if of_kernel else 1 / self.profile.rate_hz
        return sampled(self.stacks, seconds_per_sample=seconds, requests=self.orders)


def take(folder: Path, name: str, rounds: int, *, seconds: float, hz: int) -> Taken:
    """Start the shop, look at it, and end it."""
    (folder / "shop").mkdir(exist_ok=True)
    (folder / "shop" / "orders.py").write_text(_SHOP)
    log = folder / f"{name}.log"
    with log.open("wb") as told:
        shop = subprocess.Popen([sys.executable, "-m", "shop.orders", str(rounds)], cwd=folder, stdout=told)
        try:
            if not processes.wait_until(lambda: _orders(log) > 0, timeout_s=60, interval_s=0.1):
                raise SystemExit("the shop did not begin within a minute: this machine is too busy to measure anything")
            before = _orders(log)
            subject = Subject(service="shop", pid=shop.pid, folder=folder, stem=name)
            profile = PySpy(rate_hz=hz).take(subject, seconds=seconds, is_ended=lambda: False)
            orders = _orders(log) - before
        finally:
            shop.kill()
            shop.wait()
    return Taken(profile=profile, stacks=read_stacks(profile, folder), orders=orders)


def _orders(log: Path) -> int:
    whole_lines = log.read_text().split("\n")[:-1]
    return int(whole_lines[-1]) if whole_lines else 0


def named(before: Taken, after: Taken, way: Way, variation: float) -> set[str]:
    """Give the functions that a comparison names."""
    waits = [max(1.0, waiting_ratio(each.profile, each.stacks)) for each in (before, after)]
    counted = [each.counted(of_kernel=way.of_kernel) for each in (before, after)]
    clumping = max(waits) if way.of_waits else 1.0
    found = difference(*counted, clumping=clumping, variation=variation if way.of_variation else 0.0)
    return {change.words for change in found.changed}


def rows(same: Sequence[Taken], longer: Sequence[Taken]) -> Iterator[tuple[str, ...]]:
    """Give a row per kind of pair and way to compare."""
    kinds = (
        ("nothing changed", list(itertools.combinations(same, 2))),
        ("seal is longer", list(itertools.product(same, longer))),
    )
    per_order = [each.profile.cpu_s / each.orders for each in same]
    variation = statistics.stdev(per_order) / statistics.mean(per_order)
    for (what, pairs), way in itertools.product(kinds, _WAYS):
        seen = [named(*pair, way, variation) for pair in pairs]
        of_seal = sum(any(_has(words, _SEAL) for words in names) for names in seen)
        others = sum(any(not _has(words, (*_SEAL, *_CALLERS)) for words in names) for names in seen)
        yield what, way.name, str(len(pairs)), str(of_seal), str(others)


def _has(words: str, parts: Sequence[str]) -> bool:
    return any(part in words for part in parts)


def main() -> None:
    """Take the profiles in turns, and print how often which functions are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--same", type=int, default=5)
    parser.add_argument("--longer", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--hz", type=int, default=50)
    asked = parser.parse_args()
    kinds = [pair[place] for pair in itertools.zip_longest([10] * asked.same, [30] * asked.longer) for place in (0, 1)]
    taken: dict[int, list[Taken]] = {10: [], 30: []}
    with tempfile.TemporaryDirectory() as folder:
        for place, rounds in enumerate(rounds for rounds in kinds if rounds is not None):
            taken[rounds].append(take(Path(folder), f"p{place}", rounds, seconds=asked.seconds, hz=asked.hz))
    table = Table("what", "compared", "pairs", "that name seal", "that name others")
    for row in rows(taken[10], taken[30]):
        table.add_row(*row)
    console = Console()
    console.print(table)
    for rounds, profiles in taken.items():
        per_order = ", ".join(f"{each.profile.cpu_s / each.orders * 1000:.2f}" for each in profiles)
        waits = ", ".join(f"{waiting_ratio(each.profile, each.stacks):.1f}" for each in profiles)
        console.print(f"{rounds} rounds: {per_order} ms CPU per order; seen active {waits} times as often as on a CPU")


if __name__ == "__main__":
    main()
