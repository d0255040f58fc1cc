"""Flame graphs as SVG: the root at the top, searched by text, zoomed by click or key, complete without a script.

The same boxes give the same bytes. Nothing is loaded from elsewhere; light or dark is what the reader's system says.
"""

from importlib import resources
from xml.sax.saxutils import escape, quoteattr

from lab.model import Flame, FlameBox, FrameKind

_WIDTH = 1200
_ROW = 18
_TOP = 78
_FOOT = 34
_LETTER = 6.6
"""Pixels of a letter of the monospaced 11 px font: names are cut to fit here, and by the script when it is resized."""

_KINDS = {
    FrameKind.PYTHON: "Python",
    FrameKind.NATIVE: "native",
    FrameKind.JAVASCRIPT: "JavaScript",
    FrameKind.KERNEL: "kernel",
    FrameKind.OTHER: "process, thread, other",
}
_SHADES = ((-4, "halved or more"), (-1, "shrank"), (0, "within chance"), (1, "grew"), (4, "doubled or more"))


def flamegraph(flame: Flame) -> str:
    """Give the SVG. Without boxes it says that there is nothing to show."""
    height = _TOP + _FOOT + _ROW * (max((box.depth for box in flame.boxes), default=0) + 1)
    parts = [
        _opening(flame, height),
        f"<title>{_text(flame.title)}</title>",
        f"<style>{_asset('flamegraph.css')}</style>",
        '<rect class="page" width="100%" height="100%"/>',
        f'<text class="title" x="10" y="22">{_text(flame.title)}</text>',
        f'<text class="quiet" x="10" y="40">{_text(flame.subtitle)}</text>',
        _legend(flame),
        '<text class="quiet" id="found" x="99%" y="58" text-anchor="end"/>',
        *_search(),
        '<g id="boxes">',
        *(_box(box, is_first=not number) for number, box in enumerate(flame.boxes)),
        "</g>",
        _nothing(flame),
        f'<text class="quiet" id="told" x="10" y="{height - 20}">{_HELP}</text>',
        f'<text class="quiet" x="10" y="{height - 6}">{_text(flame.hidden)}</text>',
        f"<script><![CDATA[{_asset('flamegraph.js')}]]></script>",
        "</svg>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


_HELP = "Click or Enter: zoom. Esc: all of it. Arrows: move. / or Ctrl-F: search."


def _opening(flame: Flame, height: int) -> str:
    kind = "difference" if flame.is_difference else "plain"
    label = quoteattr(_printable(flame.title))
    size = f'width="100%" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" class="{kind}" {size} role="group" aria-label={label}>'


def _text(words: str) -> str:
    return escape(_printable(words))


def _printable(words: str) -> str:
    # XML has no way at all to write most control characters, nor half a surrogate pair
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)


def _asset(name: str) -> str:
    return resources.files("lab.report").joinpath(name).read_text(encoding="utf-8").strip()


def _search() -> list[str]:
    asked = 'type="search" placeholder="search, or a /pattern/" aria-label="search functions"'
    return [
        '<foreignObject x="100%" y="10" width="250" height="30" class="search">',
        f'<input xmlns="http://www.w3.org/1999/xhtml" id="search" {asked}/>',
        "</foreignObject>",
    ]


def _legend(flame: Flame) -> str:
    if flame.is_difference:
        entries = [(f"d{shade}", text) for shade, text in _SHADES]
    else:
        seen = {box.kind for box in flame.boxes}
        entries = [(kind.value, text) for kind, text in _KINDS.items() if kind in seen]
    drawn, x = [], 10.0
    for name, text in entries:
        drawn.append(f'<rect class="{name}" x="{x:g}" y="49" width="12" height="12" rx="2"/>')
        drawn.append(f'<text class="quiet" x="{x + 16:g}" y="59">{text}</text>')
        x = round(x + 30 + len(text) * _LETTER, 1)
    return "".join(drawn)


def _box(box: FlameBox, *, is_first: bool) -> str:
    y = _TOP + box.depth * _ROW
    name = f"d{box.shade}" if box.shade else "d0"
    start, width = _percent(box.start), _percent(box.width)
    letters = int((box.width * _WIDTH - 6) / _LETTER)
    shown = box.words if letters >= len(box.words) else f"{box.words[: letters - 1]}…" if letters > 3 else ""
    told = f"{box.words}: {box.told}"
    return (
        f'<g class="{box.kind.value} {name}" tabindex="{0 if is_first else -1}" data-s="{start}" data-w="{width}" '
        f'data-d="{box.depth}" aria-label={quoteattr(_printable(told))} role="button">'
        f"<title>{_text(told)}</title>"
        f'<rect x="{start}%" y="{y}" width="{width}%" height="{_ROW - 1}"/>'
        f'<text x="{start}%" dx="3" y="{y + 12.5:g}">{_text(shown)}</text></g>'
    )


def _percent(share: float) -> str:
    return f"{share * 100:.4f}".rstrip("0").rstrip(".")


def _nothing(flame: Flame) -> str:
    if flame.boxes:
        return ""
    return f'<text class="quiet" x="10" y="{_TOP + 13}">No samples: nothing used the CPU while it was looked at.</text>'
