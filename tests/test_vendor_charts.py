"""The chart library in the repository is the one whose version and sum are written down."""

import shutil
import subprocess
import sys
from pathlib import Path

from lab.report.html.files import text_of

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = Path("scripts") / "vendor_charts.py"
LIBRARY = Path("lab") / "report" / "html" / "vendor" / "echarts.min.js"


def check(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(root / SCRIPT), "--check"], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_library_is_the_pinned_one_with_its_licence_beside_it() -> None:
    assert check(ROOT).returncode == 0
    assert "Licensed to the Apache Software Foundation" in text_of("vendor/echarts.min.js")[:400]
    assert {"echarts.LICENSE", "echarts.NOTICE"} <= {path.name for path in (ROOT / LIBRARY).parent.iterdir()}


def test_a_library_that_was_changed_is_told_from_it(tmp_path: Path) -> None:
    for path in (SCRIPT, LIBRARY):
        (tmp_path / path).parent.mkdir(parents=True)
        shutil.copy(ROOT / path, tmp_path / path)
    (tmp_path / LIBRARY).write_text("alert(1)", encoding="utf-8")
    ended = check(tmp_path)
    assert ended.returncode == 1
    assert "nothing was changed" in ended.stderr
