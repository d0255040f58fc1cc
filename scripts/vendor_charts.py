"""Renew the chart library that reports carry: fetch the pinned version with npm, check it, and put it in its place.

A new version: change VERSION and SHA256 here (without a matching sum this prints the one it found and changes nothing),
run it, and look at a report. Needs npm.

    python scripts/vendor_charts.py [--check]
"""

import argparse
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSION = "6.1.0"
SHA256 = "b66b25aeb4df84e33199dc21694014d336d222cbd9deb0e5a7c14bd6aa0d0fd0"
SCRIPT = "echarts.min.js"
_FILES = {
    SCRIPT: "package/dist/echarts.min.js",
    "echarts.LICENSE": "package/LICENSE",
    "echarts.NOTICE": "package/NOTICE",
    "echarts.LICENSE-d3": "package/licenses/LICENSE-d3",
}
VENDOR = Path(__file__).resolve().parents[1] / "lab" / "report" / "html" / "vendor"


def sum_of(content: bytes) -> str:
    """Give the SHA-256 of a file's content."""
    return hashlib.sha256(content).hexdigest()


def fetched() -> dict[str, bytes]:
    """Give the files of the pinned version, by their names here."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", f"echarts@{VERSION}"], cwd=folder, check=True, capture_output=True)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as package:
            return {name: _content(package, member) for name, member in _FILES.items()}


def _content(package: tarfile.TarFile, member: str) -> bytes:
    file = package.extractfile(member)
    assert file is not None, f"{member} is a file"
    return file.read()


def main() -> None:
    """Fetch and write, or only check what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only hold the file that is there against its sum")
    files = {} if (checking := parser.parse_args().check) else fetched()
    script = (VENDOR / SCRIPT).read_bytes() if checking else files[SCRIPT]
    if sum_of(script) != SHA256:
        sys.exit(f"{SCRIPT} {VERSION}: sha256 is {sum_of(script)}, and {SHA256} is expected; nothing was changed")
    for name, content in files.items():
        (VENDOR / name).write_bytes(content)
    print(f"{SCRIPT} {VERSION}: {len(script)} bytes, sha256 {SHA256}")


if __name__ == "__main__":
    main()
