"""`python -m dashboards` writes every dashboard; tests/dashboards keeps the files in step."""

from pathlib import Path

from dashboards.boards import BOARDS

FOLDER = Path(__file__).resolve().parents[1] / "grafana" / "dashboards"

if __name__ == "__main__":
    for name, build in BOARDS.items():
        (FOLDER / f"{name}.json").write_text(build(), encoding="utf-8")
        print(f"wrote {name}.json")
