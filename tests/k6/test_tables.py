"""The datasets themselves, printed by a script of a few lines that uses the same module."""

import csv
import io
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from lab.load.k6 import find_k6
from tests.k6.by_hand import SCRIPTS

pytestmark = [pytest.mark.e2e, pytest.mark.needs("k6")]

PRINTER = """
import {{ largeTable, smallTable }} from '{scripts}/lib/tables.js';
export const options = {{ iterations: 1 }};
export default function () {{}}
export const handleSummary = () => ({{ '{out}/small': smallTable('s', 0), '{out}/large': largeTable(0) }});
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    script = folder / "print.js"
    script.write_text(PRINTER.format(scripts=SCRIPTS, out=folder))
    environment = {**os.environ, "K6_NO_USAGE_REPORT": "true"}
    command = [str(find_k6().path), "run", "--quiet", "--address", "", str(script)]
    subprocess.run(command, check=True, capture_output=True, timeout=60, env=environment)
    return folder


@pytest.mark.parametrize(("name", "rows", "columns"), [("small", 200, 9), ("large", 1000, 13)])
def test_a_table_is_numeric_csv_whose_last_column_follows_from_the_others(
    printed: Path, name: str, rows: int, columns: int
) -> None:
    text = (printed / name).read_text()
    header, *records = csv.reader(io.StringIO(text))
    assert header == [*(f"x{i}" for i in range(columns - 1)), "y"]
    table = np.array(records, dtype=float)
    assert table.shape == (rows, columns)
    # as tables.js makes it: every third feature squared, the others weighted by their place, and noise
    features = table[:, :-1]
    is_squared = np.arange(columns - 1) % 3 == 2
    terms = np.where(is_squared, features**2, features)
    fit, residual, _, _ = np.linalg.lstsq(np.c_[terms, np.ones(rows)], table[:, -1], rcond=None)
    explained = 1 - residual[0] / ((table[:, -1] - table[:, -1].mean()) ** 2).sum()
    assert 0.9 < explained < 1
    assert len(np.unique(fit.round(3))) > 3


def test_no_row_of_a_table_comes_twice(printed: Path) -> None:
    for name in ("small", "large"):
        rows = (printed / name).read_text().splitlines()
        assert len(set(rows)) == len(rows)
