"""Frames of folded stacks in words: `TreeExplainer.shap_values (shap/explainers/_tree.py:9)` is shap's, by any path.

py-spy writes `function (file:line)`, the file shortened to its package or whole, and for native code
`symbol (library)`, a bare address where there is no symbol; V8 writes the same with URLs, and `(idle)`, `(program)`
and `(garbage collector)`; perf marks the kernel's by `_[k]`.
"""

import functools
import re
from collections.abc import Sequence

from lab.model import WAITS, Frame, FrameKind, innermost_named

_PLACED = re.compile(r"^(?P<name>.*) \((?P<file>.*?)(?::(?P<line>\d+))?\)$", re.DOTALL)
_ADDRESS = re.compile(r"^(0x[0-9a-fA-F]+|\[unnamed\]|\?\?)$")
_PYTHON_ROOTS = re.compile(r"^.*/(?:site-packages|dist-packages|python3\.\d+)/|^.*\.zip/")
_EXTENSION = re.compile(r"(\.cpython-[\w-]+|\.abi3)?\.(so|pyd)(\.[\d.]+)?$")
_WHEEL_HASH = re.compile(r"-[0-9a-f]{8}(?=\.so|\.|$)")
_SCRIPTS = (".js", ".mjs", ".cjs", ".ts")
_SOURCES = (".pyx", ".pxd", ".c", ".cc", ".cpp", ".cxx", ".h", ".hpp", ".rs", ".f", ".f90", ".S")
_OWN_OF_V8 = {
    "(idle)": "waiting",
    "(program)": "native code of Node",
    "(garbage collector)": "collecting garbage",
}

UNNAMED = "code without a name in "
"""How the words of a frame begin of which the profiler knows the library alone."""


@functools.lru_cache(maxsize=100_000)
def parse_frame(text: str) -> Frame:
    """Read one frame of a folded stack."""
    found = _PLACED.match(text)
    if not found:
        return _bare(text)
    name, file, line = found["name"], found["file"], int(found["line"] or 0)
    kind = _kind(name, file, line)
    return Frame(_words(name, file, line, kind), kind, file, line)


def is_waiting(texts: Sequence[str]) -> bool:
    """Whether a stack ends in a call that waits, so that its samples are no CPU."""
    text = innermost_named(texts)
    return text == "(idle)" or (text.split(" (", 1)[0] in WAITS and parse_frame(text).kind is FrameKind.NATIVE)


def _bare(text: str) -> Frame:
    if text in _OWN_OF_V8:
        return Frame(_OWN_OF_V8[text], FrameKind.OTHER if text == "(idle)" else FrameKind.NATIVE)
    if text.endswith("_[k]"):
        return Frame(f"{text.removesuffix('_[k]')} in the kernel", FrameKind.KERNEL)
    return Frame(f"{UNNAMED}no file" if _ADDRESS.match(text) else text, FrameKind.OTHER)


def _kind(name: str, file: str, line: int) -> FrameKind:
    if file in ("[kernel]", "kernel") or name.endswith("_[k]"):
        return FrameKind.KERNEL
    if file.endswith(_SCRIPTS) or file.startswith(("node:", "http:", "https:", "wasm:")):
        return FrameKind.JAVASCRIPT
    if file.endswith(".py") or file.startswith("<"):
        return FrameKind.PYTHON
    if file.endswith(_SOURCES) or ".so" in file or not line:
        return FrameKind.NATIVE
    return FrameKind.PYTHON  # a script may have any name, and only Python's frames have lines then


def _words(name: str, file: str, line: int, kind: FrameKind) -> str:
    if kind is FrameKind.KERNEL:
        return f"{name.removesuffix('_[k]')} in the kernel"
    if kind is FrameKind.NATIVE:
        library = _library(file)
        return f"{UNNAMED}{library}" if _ADDRESS.match(name) else f"{name} in {library}"
    if kind is FrameKind.JAVASCRIPT:
        return f"{name} in {_short(file)}"
    module = module_name(file)
    if name == "<module>":
        return f"the top level of {module or file}"
    if "<" in name and name.endswith(">"):
        # two lambdas of a function have one name, and only their lines tell them apart
        return f"{_qualified(module, name)} at line {line}"
    return _qualified(module, name)


def _qualified(module: str, name: str) -> str:
    return f"{module}.{name}" if module else name


def module_name(file: str) -> str:
    """The module of a Python file, without private parts: `site-packages/shap/explainers/_tree.py` is shap.explainers.

    Of a path in no package that is known only the last two names are taken. "" for what is no file, such as <string>.
    """
    if file.startswith("<frozen "):
        return file.removeprefix("<frozen ").removesuffix(">").strip("_")
    if not file or file.startswith("<"):
        return ""
    inner = _PYTHON_ROOTS.sub("", file)
    parts = inner.removesuffix(".py").split("/")
    if inner.startswith("/"):
        parts = [part for part in parts if part][-2:]
    public = [part for part in parts if part and not part.startswith("_")]
    return ".".join(public or [part.strip("_") for part in parts[-1:]])


def _library(file: str) -> str:
    """Give a library's name without path, version and a wheel's hash; an extension module's with its package."""
    bare = _WHEEL_HASH.sub("", _PYTHON_ROOTS.sub("", file))
    if bare.startswith("/") or "/" not in bare:
        return _EXTENSION.sub("", bare.rsplit("/", 1)[-1]) or file
    folder, name = bare.rsplit("/", 1)
    stem = name if name.endswith(_SOURCES) else _EXTENSION.sub("", name)
    return ".".join(part for part in (*folder.split("/"), stem) if not part.startswith("_")) or stem


def short_file(file: str) -> str:
    """Give a file by its package: `/v/lib/python3.11/site-packages/shap/_tree.py` is shap/_tree.py.

    Of a path in no package that is known only the last two names are taken.
    """
    inner = _short(_PYTHON_ROOTS.sub("", file))
    return "/".join(inner.split("/")[-2:]) if file.startswith("/") and inner == file else inner


def _short(file: str) -> str:
    inner = file.rsplit("/node_modules/", 1)[-1]
    return "/".join(inner.split("/")[-2:]) if inner.startswith("/") else inner
