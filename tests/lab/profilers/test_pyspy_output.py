from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.profilers.pyspy_output import folded, read_told

FRAMES = [
    "<module> (<string>:1)",
    "main (pkg/app.py:12)",
    "np::sort<a, b (c)> (numpy/_core/_umath.so)",
    "0x7fce1 (libc.so.6)",
]


def no_name(_pid: int, _command: str) -> str:
    return ""


def test_command_lines_and_thread_names_do_not_break_stacks() -> None:
    raw = (
        'process 1:"python a.py";thread (1): MainThread;<module> (a.py:1) 3\n'
        'process 1:"python a.py";process 2:"python -c import x; run(1)\nwait()";thread (0x2): pool; 1;f (a.py:2) 4\n'
        'process 1:"python a.py";thread (3);0x7f12ab (libc.so.6);g (a.py:3) 5\n'
    )
    assert folded(raw, lambda pid, command: f"{pid}: {command.split()[0]}") == {
        "process 1 (1: python);thread 1 (MainThread);<module> (a.py:1)": 3,
        "process 1 (1: python);process 2 (2: python);thread 2 (pool: 1);f (a.py:2)": 4,
        "process 1 (1: python);thread 3;0x0 (libc.so.6);g (a.py:3)": 5,
    }


def test_addresses_of_code_without_a_name_are_one_frame_of_their_library() -> None:
    raw = 'process 1:"p";thread (1): M;0x7f1 (libc.so.6) 2\nprocess 1:"p";thread (1): M;0x7f2 (libc.so.6) 3\n'
    assert folded(raw, no_name) == {"process 1;thread 1 (M);0x0 (libc.so.6)": 5}


words = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters='"()'), max_size=20)


@given(
    st.lists(
        st.tuples(
            words, words.filter(lambda name: name.strip()), st.lists(st.sampled_from(FRAMES), min_size=1, max_size=5)
        ),
        min_size=1,
        max_size=8,
    )
)
def test_every_sample_is_kept_in_frames_that_are_one_line_each(records: list[tuple[str, str, list[str]]]) -> None:
    raw = "".join(
        f'process 1:"python {command}";thread ({number + 1}): {thread};{";".join(frames)} {number + 1}\n'
        for number, (command, thread, frames) in enumerate(records)
    )
    stacks = folded(raw, no_name)
    expected: Counter[str] = Counter()
    for number, (_, _, frames) in enumerate(records):
        expected[";".join(frames).replace("0x7fce1", "0x0")] += number + 1
    found: Counter[str] = Counter()
    for stack, count in stacks.items():
        process, thread, code = stack.split(";", 2)
        assert process == "process 1"
        assert thread.startswith("thread ")
        found[code] += count
    assert found == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (False, None, 0, 0.0, "")),
        ("py-spy> Sampling process 100 times a second. Press Control-C to exit.\n", (True, None, 0, 0.0, "")),
        (
            "\x1b[1mpy-spy\x1b[0m> Sampling process 9\n1.29s behind in sampling\n350ms behind in sampling\n"  # noqa: ISC004
            "py-spy> Wrote raw flamegraph data to 'x'. Samples: 297 Errors: 14\n",
            (True, 297, 14, 1.29, ""),
        ),
        ("Error: Failed to open\nReason: not here\n", (False, None, 0, 0.0, "Failed to open; not here")),
    ],
)
def test_what_it_prints_is_read(text: str, expected: tuple[bool, int | None, int, float, str]) -> None:
    told = read_told(text)
    assert (told.has_begun, told.samples, told.errors, told.behind_s, told.error) == expected
