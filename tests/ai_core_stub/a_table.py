"""Tables to learn from."""

import random


def a_csv(rows: int = 60, features: int = 4, *, seed: int = 1, classes: int = 0, holes: int = 0) -> str:
    """Columns x0.. and y: their weighted sum, or with `classes` its class; in `holes` rows x0 is empty."""
    draw = random.Random(seed)
    lines = [",".join([*(f"x{i}" for i in range(features)), "y"])]
    for row in range(rows):
        cells = [draw.uniform(-3, 3) for _ in range(features)]
        y = sum(cell * (i + 1) for i, cell in enumerate(cells)) + cells[0] * cells[-1]
        shown = [f"{cell:.3f}" for cell in cells]
        if row < holes:
            shown[0] = ""
        lines.append(",".join([*shown, str(int(abs(y) * 7) % classes) if classes else f"{y:.3f}"]))
    return "\n".join(lines) + "\n"
