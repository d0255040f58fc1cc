from pathlib import Path

import pytest

from lab.engines.mongod_log import end_of_log

INFO = '{"s":"I","c":"CONTROL","msg":"Now exiting"}'
ERROR = '{"s":"E","c":"STORAGE","msg":"WiredTiger error","attr":{"error":28,"message":"No space left on device"}}'
FATAL = '{"s":"F","c":"-","msg":"Fatal assertion"}'


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            [INFO, ERROR, INFO, FATAL, *[INFO] * 50],
            'error: WiredTiger error {"error":28,"message":"No space left on device"}\nfatal: Fatal assertion',
        ),
        (
            ["Error parsing command line: unrecognised option '--x'"],
            "Error parsing command line: unrecognised option '--x'",
        ),
        ([*["1"] * 3, '{"no": "severity"}'], '1\n1\n1\n{"no": "severity"}'),
        ([INFO] * 20, "\n".join([INFO] * 8)),
        ([], "(its log is empty)"),
    ],
)
def test_the_reasons_stand_out_of_the_noise(tmp_path: Path, lines: list[str], expected: str) -> None:
    log = tmp_path / "mongo.log"
    log.write_text("\n".join(lines))
    assert end_of_log(log) == expected
