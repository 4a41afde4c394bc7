"""gold-label send: what it writes about the lines, where outputs are streams."""

import json
import subprocess

import pytest
from support.tool import Tool, write_lines


@pytest.fixture
def tool(system, tokens):
    return Tool(system, tokens.worker())


def test_an_output_that_is_the_file_of_a_stream_is_refused_and_what_is_there_stays(tool, run, tmp_path):
    """The summary and the log would be written over it. A pipe takes both, one behind the other."""
    file, out = write_lines(tmp_path / "labels.ndjson", 3), tmp_path / "out"
    cases = [
        ("--results /dev/stdout", ">>", "--results: /dev/stdout is the file of standard output"),
        ("--rejects /dev/stdout", ">>", "--rejects: /dev/stdout is the file of standard output"),
        (f"--checkpoint {out}", ">>", f"--checkpoint: {out} is the file of standard output"),
        ("--results /dev/stderr", "2>>", "--results: /dev/stderr is the file of standard error"),
    ]
    for options, onto, reason in cases:
        out.write_text("precious\n")
        command, environment = tool.command(("send", "--run", run, *options.split(), file), {})
        shell = ["bash", "-c", f'"$@" {onto} {out}', "bash", *command]
        done = subprocess.run(shell, env=environment, capture_output=True, timeout=60)
        assert (done.returncode, done.stdout) == (2, b""), options
        assert out.read_text().startswith("precious\n"), options
        assert reason in done.stderr.decode() + out.read_text(), options
    through = tool("send", "--run", run, "--results", "/dev/stdout", file)
    *results, summary = map(json.loads, through.stdout.splitlines())
    assert [one["line"] for one in results] == [1, 2, 3] and summary["stored"] == 3
