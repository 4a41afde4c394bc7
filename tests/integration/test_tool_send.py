"""gold-label send: every line is accounted for, whatever happens on the way.

TOOL_LINES makes the big file bigger: 1000000 for a real one."""

import gzip
import json
import os
import subprocess
import time
import uuid

import pytest
from support.events import COMMANDS, RESULTS, Reader
from support.kafka_proxy import METADATA, TOPIC_AUTHORIZATION_FAILED
from support.tool import TEXT, Tool, account_of, good, is_sanitized, json_lines, lines, write_lines
from support.waiting import wait_until

LINES = int(os.environ.get("TOOL_LINES", "20000"))
BAD_EVERY = 200  # 0.5 %
MEMORY = 64 << 20


@pytest.fixture
def tool(system, tokens):
    return Tool(system, tokens.worker())


# What becomes of a line that was rejected with the code.
MENDED = {
    "malformed_json": lambda line: json.loads(line.rstrip().removesuffix(b",") + b', "text_value": ""}'),
    "name_blank": lambda line: json.loads(line) | {"output_resource_name": "named"},
    "unknown_member": lambda line: {k: v for k, v in json.loads(line).items() if k != "comment"},
    "run_not_found": lambda line: {k: v for k, v in json.loads(line).items() if k != "run_id"},
}


def bad(n):
    """By turns: no JSON, a broken rule, an unknown member, refused by the worker alone."""
    kinds = [
        b'{"output_resource_name": "a", \r\n',
        lines(TEXT | {"output_resource_name": " "}),
        lines(good(n) | {"comment": "top secret"}),
        lines(good(n) | {"run_id": str(uuid.uuid4())}),
    ]
    return kinds[n // BAD_EVERY % len(kinds)]


def mend(rejects, codes, mended):
    """What somebody makes of the rejects, who goes by their reasons."""
    with mended.open("wb") as file:
        for line, code in zip(rejects.read_bytes().splitlines(), codes, strict=True):
            file.write(lines(MENDED[code](line)))
    return mended


def test_a_file_with_half_a_percent_of_bad_lines_is_stored_in_the_end(tool, run, system, tmp_path):
    file = write_lines(tmp_path / "labels.ndjson", LINES, lambda n: bad(n) if n % BAD_EVERY == 7 else good(n))
    numbers = [n + 1 for n in range(LINES) if n % BAD_EVERY == 7]
    rejects, results = tmp_path / "rejects.ndjson", tmp_path / "results.ndjson"
    peak = 0
    options = ("send", "--run", run, "--rejects", rejects, "--results", results, file)
    with tool.running(tmp_path, *options) as first:

        def has_ended():
            nonlocal peak
            peak = max(peak, first.peak_memory())
            return first.process.poll() is not None

        wait_until(has_ended, 60 + LINES / 1000)
        assert first.wait() == 1
        assert account_of(first) == {"stored": LINES - len(numbers), "rejected": len(numbers)}
    assert is_sanitized() or 0 < peak < MEMORY
    assert system.count(run) == LINES - len(numbers)

    original = file.read_bytes().splitlines(keepends=True)
    assert rejects.read_bytes() == b"".join(original[n - 1] for n in numbers)
    reasons = json_lines(tmp_path / "rejects.ndjson.reasons")
    assert [reason["line"] for reason in reasons] == numbers
    assert {reason["code"] for reason in reasons} == {
        "malformed_json",
        "name_blank",
        "unknown_member",
        "run_not_found",
    }
    assert b"top secret" not in (tmp_path / "rejects.ndjson.reasons").read_bytes()
    said = json_lines(results)
    assert [one["line"] for one in said] == list(range(1, LINES + 1))
    assert [one["line"] for one in said if one["outcome"] == "rejected"] == numbers

    mended = mend(rejects, [reason["code"] for reason in reasons], tmp_path / "mended.ndjson")
    second = tool("send", "--run", run, mended)
    assert (second.returncode, account_of(second)) == (0, {"stored": len(numbers)})
    assert system.count(run) == LINES

    again = tool("send", "--run", run, file, timeout=60 + LINES / 1000)
    assert account_of(again) == {"replayed": LINES - len(numbers), "rejected": len(numbers)}
    assert system.count(run) == LINES
    assert not (tmp_path / "labels.ndjson.checkpoint").exists()


def test_ctrl_c_finishes_what_is_in_flight_and_leaves_a_checkpoint(tool, run, system, tmp_path):
    count = 6000
    file = write_lines(tmp_path / "labels.ndjson", count)
    options = ("send", "--run", run, "--results", tmp_path / "results.ndjson", file)
    with tool.running(tmp_path, *options, "--rate", "3000") as load:
        wait_until(lambda: system.count(run) >= 200, 60)
        load.interrupt()
        assert load.wait() == 130
        done = account_of(load)
        assert set(done) <= {"stored", "not_sent"} and done.get("not_sent", 0) <= 1
        assert json.loads(load.stdout)["end"] == "interrupted"
    assert system.count(run) == done["stored"]
    assert (tmp_path / "labels.ndjson.checkpoint").exists()
    resumed = tool(*options, "--resume")
    assert (resumed.returncode, account_of(resumed)) == (0, {"stored": count})
    assert json.loads(resumed.stdout)["resumed"] == done["stored"]
    assert system.count(run) == count
    assert [one["line"] for one in json_lines(tmp_path / "results.ndjson")] == list(range(1, count + 1))


def test_a_dry_run_of_a_silent_pipe_is_interrupted_at_once(tool, run, tmp_path):
    ours, theirs = os.pipe()
    try:
        with tool.running(tmp_path, "send", "--dry-run", "--run", run, stdin=ours) as check:
            os.write(theirs, b"?\n")
            wait_until(lambda: "stdin:1:" in check.stderr)
            before = check.naps()
            wait_until(lambda: check.naps() > before + 2)
            check.interrupt()
            assert check.wait(10) == 130
            assert json.loads(check.stdout)["end"] == "interrupted"
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_dry_run_of_a_pipe_that_gave_one_byte_is_interrupted_at_once(tool, run, tmp_path):
    ours, theirs = os.pipe()
    try:
        with tool.running(tmp_path, "send", "--dry-run", "--run", run, stdin=ours) as check:
            os.write(theirs, b"\n")
            wait_until(check.is_asleep)
            before = check.naps()
            wait_until(lambda: check.naps() > before + 2)
            check.interrupt()
            assert check.wait(10) == 130
    finally:
        os.close(ours)
        os.close(theirs)


def test_an_interrupted_load_is_one_also_when_it_gives_up_waiting(tool, run, system, held_table, tmp_path):
    file = write_lines(tmp_path / "labels.ndjson", 100)
    with tool.running(tmp_path, "send", "--run", run, "--timeout", "10s", file) as load:
        wait_until(system.worker_waits_for_lock)
        load.interrupt()
        assert load.wait(60) == 130
        assert account_of(load) == {"unknown": 100}
        assert json.loads(load.stdout)["end"] == "interrupted"
    held_table.rollback()


def test_a_broker_that_does_not_tell_of_a_topic_is_asked_now_and_then(tool, run, kafka_proxy):
    """Not as fast as it answers."""
    kafka_proxy.errors[COMMANDS] = kafka_proxy.errors[RESULTS] = TOPIC_AUTHORIZATION_FAILED
    for verb in (("send", "--run", run, "--timeout", "2s"), ("status",)):
        before = kafka_proxy.asked[METADATA]
        done = tool(*verb, stdin=lines(TEXT), **kafka_proxy.environment)
        assert done.returncode == 3, done.stderr
        assert b"authorization failed" in done.stderr
        assert 2 < kafka_proxy.asked[METADATA] - before < 300


def test_a_second_ctrl_c_ends_at_once(tool, run, system, held_table, tmp_path):
    file = write_lines(tmp_path / "labels.ndjson", 100)
    with tool.running(tmp_path, "send", "--run", run, file) as load:
        wait_until(system.worker_waits_for_lock)
        load.interrupt()
        wait_until(lambda: "interrupted" in load.stderr)
        load.interrupt()
        assert load.wait(20) == 130
        assert account_of(load) == {"unknown": 100}
    held_table.rollback()
    again = tool("send", "--run", run, file, "--resume")
    assert (again.returncode, account_of(again)) == (0, {"replayed": 100})
    assert system.count(run) == 100


def test_a_packed_file_has_the_ids_of_the_plain_one(tool, run, system, tmp_path):
    text = lines(*[good(n) for n in range(300)])
    plain, packed = tmp_path / "labels.ndjson", tmp_path / "labels.ndjson.gz"
    plain.write_bytes(text)
    packed.write_bytes(gzip.compress(text[:20000]) + gzip.compress(text[20000:]))
    assert account_of(tool("send", "--run", run, plain)) == {"stored": 300}
    assert account_of(tool("send", "--run", run, packed)) == {"replayed": 300}
    assert account_of(tool("send", "--run", run, stdin=packed.read_bytes())) == {"stored": 300}
    packed.write_bytes(packed.read_bytes()[:-30])
    broken = tool("send", "--run", run, packed)
    assert broken.returncode == 3 and b"broken gzip" in broken.stderr


def test_a_file_as_standard_input_has_the_ids_of_the_file(tool, run, tmp_path):
    file = write_lines(tmp_path / "labels.ndjson", 5)
    assert account_of(tool("send", "--run", run, file)) == {"stored": 5}
    with file.open("rb") as opened:
        command, variables = tool.command(("send", "--run", run), {})
        done = subprocess.run(command, stdin=opened, env=variables, capture_output=True, timeout=60)
    assert account_of(done) == {"replayed": 5}


def test_a_pipe_gives_lines_without_a_key_new_ids_and_says_so(tool, run, system):
    text = lines(TEXT, TEXT, TEXT | {"key": "k"})
    first, second = (tool("send", "--run", run, stdin=text) for _ in range(2))
    assert account_of(first) == {"stored": 3}
    assert account_of(second) == {"stored": 2, "replayed": 1}
    assert first.stderr.count(b"this input cannot be read twice") == 1
    refused = tool("send", "--run", run, "--resume", stdin=text)
    assert refused.returncode == 2 and b"not a pipe" in refused.stderr


def test_the_same_file_for_another_run_is_another_set_of_labels(tool, run, system, tmp_path):
    file = write_lines(tmp_path / "labels.ndjson", 3)
    assert account_of(tool("send", "--run", run, file)) == {"stored": 3}
    assert account_of(tool("send", "--run", system.new_run(), file)) == {"stored": 3}


# A line, where its fault begins, and what is said of it.
FAULTS = [
    (lines(TEXT | {"output_resource_name": "ä", "key": "a\tb"}), r'"a\tb"', "key: invalid_key"),
    (
        '{"output_resource_name": "ä", "text_value": ?, "secret"}\n'.encode(),
        "?",
        "text_value: malformed_json",
    ),
    (b'{"text_value": "secret"}\n', None, "output_resource_name: name_required"),
    (b'{"text_value": "secret", "output_resource_name": " "}\n', '" "', "output_resource_name: name_blank"),
    (b'{"output_resource_name": "a", "text_value": 7}\n', "7", "text_value: wrong_type"),
    (b'{"output_resource_name": "a", "text_valu": "secret"}\n', '"text_valu"', "unknown_member"),
    (
        b'{"output_resource_name": "a", "object_value": {"b": 1, "b": 2}}\n',
        ": 2",
        "object_value: duplicate_member",
    ),
    (b'{"output_resource_name": "\xff"}\n', "\N{REPLACEMENT CHARACTER}", "not_utf8"),
    (b'{"output_resource_name": "a", "text_value": "' + b"x" * (800 << 10) + b'"}\n', None, "too_large"),
    (lines(TEXT | {"id": "7"}), '"7"', "id: invalid_command_id"),
]


def test_a_dry_run_names_line_column_member_and_rule(tool, tmp_path):
    file, rejects = tmp_path / "labels.ndjson", tmp_path / "rejects"
    file.write_bytes(lines(TEXT, b"\n", *[line for line, _, _ in FAULTS]))
    options = ("--run", str(uuid.uuid4()), "--rejects", rejects, file)
    done = tool("send", "--dry-run", *options, GOLD_LABEL_TOKEN="", GOLD_LABEL_KAFKA_BROKERS="")
    assert done.returncode == 1
    summary = json.loads(done.stdout)
    assert (summary["read"], summary["valid"], summary["rejected"]) == (len(FAULTS) + 1, 1, len(FAULTS))
    said = done.stderr.decode().splitlines()
    for number, (line, begin, fault) in enumerate(FAULTS, 3):
        column = f"{line.decode(errors='replace').index(begin) + 1}:" if begin else ""
        assert said[number - 3].startswith(f"{file}:{number}:{column} {fault}: "), said[number - 3]
    assert len(said) == len(FAULTS) and "secret" not in "".join(said)
    assert rejects.read_bytes() == b"".join(line for line, _, _ in FAULTS)
    assert json_lines(tmp_path / "rejects.reasons")[0]["member"] == "key"


@pytest.mark.parametrize(
    ("limit", "bad_of_2000", "status"), [("3", 4, 3), ("4", 4, 1), ("0.5%", 11, 3), ("1%", 11, 1)]
)
def test_too_many_errors_end_a_load(tool, run, tmp_path, limit, bad_of_2000, status):
    file = write_lines(tmp_path / "labels.ndjson", 2000, lambda n: b"?\n" if n < bad_of_2000 else good(n))
    done = tool("send", "--run", run, "--wait", "accepted", "--max-errors", limit, file)
    assert done.returncode == status
    summary = json.loads(done.stdout)
    assert summary["read"] == summary["accepted"] + summary["rejected"] + summary["not_sent"]
    assert summary["end"] == ("stopped" if status == 3 else "complete")
    assert (tmp_path / "labels.ndjson.checkpoint").exists() == (status == 3)


def test_a_rate_is_kept(tool, run):
    done = tool("send", "--run", run, "--rate", "1000/s", stdin=lines(*[TEXT] * 500))
    assert account_of(done) == {"stored": 500}
    assert json.loads(done.stdout)["seconds"] > 0.4


def test_a_token_that_has_expired_is_read_again_from_its_file(tool, run, tokens, tmp_path):
    file = write_lines(tmp_path / "labels.ndjson", 10)
    token = tmp_path / "token"
    token.write_text(tokens.worker(exp=1))
    with tool.running(tmp_path, "send", "--run", run, "--token-file", token, file) as load:
        wait_until(lambda: "waiting for a new one" in load.stderr)
        token.write_text("no token at all")
        wait_until(lambda: "the old token stays" in load.stderr)
        token.write_text(tokens.worker(account="another"))
        wait_until(lambda: "another account" in load.stderr)
        token.write_text(tokens.worker())
        assert load.wait(60) == 0
        assert account_of(load) == {"stored": 10}
    expired = tool("send", "--run", run, file, GOLD_LABEL_TOKEN=tokens.worker(exp=1))
    assert expired.returncode == 3 and json.loads(expired.stdout)["read"] == 0


def test_a_token_that_expires_while_input_is_waited_for_leaves_the_whole_timeout(
    tool, run, system, tokens, tmp_path
):
    timeout_s = 5
    ours, theirs = os.pipe()
    token = tmp_path / "token"
    token.write_text(tokens.worker(exp=int(time.time()) + timeout_s + 3))
    options = ("send", "--run", run, "--token-file", token, "--timeout", f"{timeout_s}s")
    try:
        with tool.running(tmp_path, *options, stdin=ours) as load:
            wait_until(lambda: "waiting for a new one" in load.stderr)
            (tmp_path / "next").write_text(tokens.worker())
            (tmp_path / "next").rename(token)
            wait_until(lambda: "a new token was read" in load.stderr or load.process.poll() is not None)
            os.write(theirs, lines(TEXT))
            wait_until(lambda: system.count(run) == 1 or load.process.poll() is not None)
            os.close(theirs)
            theirs = -1
            assert load.wait(60) == 0, load.stderr
            assert account_of(load) == {"stored": 1}
    finally:
        os.close(ours)
        if theirs >= 0:
            os.close(theirs)


def test_a_token_that_is_replaced_in_mid_load_is_renewed_before_it_expires(
    tool, run, system, tokens, tmp_path
):
    count, lifetime_s = 6000, 4
    file = write_lines(tmp_path / "labels.ndjson", count)
    topic = Reader(system.env["KAFKA_BROKERS"], COMMANDS)
    token, fresh = tmp_path / "token", tokens.worker(exp=int(time.time()) + 600, jti="fresh")
    token.write_text(old := tokens.worker(exp=int(time.time()) + lifetime_s))
    with tool.running(
        tmp_path, "send", "--run", run, "--token-file", token, "--rate", "1000/s", file
    ) as load:
        wait_until(lambda: system.count(run) >= 200)
        (tmp_path / "next").write_text(fresh)
        (tmp_path / "next").rename(token)
        assert load.wait(60) == 0, load.stderr
        assert account_of(load) == {"stored": count}
        assert "a new token was read" in load.stderr
    assert json.loads(load.stdout)["seconds"] > lifetime_s
    ours = [event for event in topic.read_all() if event.key == run.encode()]
    topic.close()
    sent = [event.headers["authorization"].decode().removeprefix("Bearer ") for event in ours]
    assert sent == [old] * sent.count(old) + [fresh] * sent.count(fresh)
    assert sent.count(old) >= 200 and sent.count(fresh) > 0 and len(sent) == count


def test_a_checkpoint_is_for_its_input_and_its_load_only(tool, run, system, tmp_path):
    file = write_lines(tmp_path / "labels.ndjson", 2000, lambda n: b"?\n" if n == 1500 else good(n))
    assert tool("send", "--run", run, "--max-errors", "0", file).returncode == 3
    other_run = tool("send", "--run", system.new_run(), "--resume", file)
    assert other_run.returncode == 2 and b"another load" in other_run.stderr
    file.write_bytes(file.read_bytes() + b"\n")
    other_input = tool("send", "--run", run, "--resume", file)
    assert other_input.returncode == 2 and b"another input" in other_input.stderr
    (tmp_path / "labels.ndjson.checkpoint").write_text("{}")
    broken = tool("send", "--run", run, "--resume", file)
    assert broken.returncode == 2 and b"is no checkpoint" in broken.stderr


def test_an_output_that_is_the_input_is_refused_and_the_input_stays(tool, run, tmp_path):
    file = write_lines(tmp_path / "labels.ndjson", 3)
    before = file.read_bytes()
    for option in ("--rejects", "--results"):
        for more in ((), ("--dry-run",)):
            done = tool("send", "--run", run, option, file, *more, file)
            assert done.returncode == 2 and b"is the input" in done.stderr
    assert file.read_bytes() == before


def test_outputs_that_are_one_file_are_refused_and_what_is_there_stays(tool, run, tmp_path):
    file, out, link = write_lines(tmp_path / "labels.ndjson", 3), tmp_path / "out", tmp_path / "link"
    before = file.read_bytes()
    out.write_bytes(b"precious")
    link.symlink_to(out)
    cases = [
        (("--results", out, "--rejects", out), b"--rejects"),
        (("--results", out, "--rejects", link), b"--rejects"),
        (("--results", tmp_path / "r.reasons", "--rejects", tmp_path / "r"), b"reasons"),
        (("--results", out, "--checkpoint", out), b"--checkpoint"),
        (("--rejects", out, "--checkpoint", out), b"--checkpoint"),
        (("--checkpoint", file), b"--checkpoint"),
    ]
    for options, name in cases:
        done = tool("send", "--run", run, *options, file)
        assert (done.returncode, done.stdout) == (2, b""), options
        assert name in done.stderr, options
    assert tool("send", "--dry-run", "--run", run, *cases[0][0], file).returncode == 2
    assert (out.read_bytes(), file.read_bytes()) == (b"precious", before)
    both = ("--results", "/dev/null", "--rejects", "/dev/null")
    assert account_of(tool("send", "--run", run, *both, file)) == {"stored": 3}
