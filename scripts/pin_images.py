#!/usr/bin/env python3
"""Add to every image of compose.yaml and of the Dockerfiles the digest that its tag has now: `scripts/pin_images.py`.

Needs a Docker engine with buildx, and a registry that answers. To take a newer version, change the tag and run it
again. `--check` changes nothing, and ends with 1 where a digest is missing or is another one by now.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILES = ("compose.yaml", "sut/Dockerfile", "ai_core_stub/Dockerfile")
IMAGE = re.compile(
    r"^(?P<before> +image: |ARG PYTHON_IMAGE=)(?P<tag>[^\s@$]+:[^\s@$]+)(?P<digest>@sha256:[0-9a-f]{64})?$",
    re.MULTILINE,
)


def digest_of(tag: str) -> str:
    """Ask the registry which content a tag has. Raises SystemExit with what to do."""
    command = ["docker", "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", tag]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SystemExit(f"error: {' '.join(command[:3])} cannot be asked: {error}") from error
    digest = answer.stdout.strip()
    if answer.returncode != 0 or not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        said = (answer.stderr or answer.stdout).strip()[-300:] or "it said nothing"
        raise SystemExit(
            f"error: no registry says what {tag} is: {said}\nnothing was changed; run it where a registry is reached"
        )
    return digest


def main() -> int:
    """Pin, or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing")
    check = parser.parse_args().check
    texts = {path: path.read_text(encoding="utf-8") for path in (ROOT / name for name in FILES)}
    tags = {match["tag"] for text in texts.values() for match in IMAGE.finditer(text)}
    digests = {tag: digest_of(tag) for tag in sorted(tags)}
    pinned = {
        path: IMAGE.sub(lambda match: f"{match['before']}{match['tag']}@{digests[match['tag']]}", text)
        for path, text in texts.items()
    }
    changed = [path for path, text in pinned.items() if text != texts[path]]
    for tag, digest in digests.items():
        print(f"{tag}@{digest}")
    for path in changed:
        print(f"{'is not up to date' if check else 'pinned'}: {path.relative_to(ROOT)}")
        if not check:
            path.write_text(pinned[path], encoding="utf-8")
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
