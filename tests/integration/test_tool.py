"""gold-label, the producer tool: its accounting, its exit status, what it prints."""

import json
import uuid

import jwt
import pytest
from support.tool import TEXT, Tool, account_of, lines


@pytest.fixture
def tool(system, tokens):
    return Tool(system, tokens.worker())


def test_send_accounts_for_every_line(tool, run, system, tmp_path):
    file = tmp_path / "labels.ndjson"
    twice = TEXT | {"id": str(uuid.uuid4())}
    keyed = TEXT | {"key": "one", "text_value": "keyed"}
    file.write_bytes(
        lines(
            TEXT,
            twice,
            TEXT | {"text_value": ""},
            {"output_resource_name": "o", "object_value": {"a": 1}},
            keyed,
            TEXT | {"run_id": str(uuid.uuid4())},
            TEXT | {"comment": "unknown member"},
            b"{ no json\n",
            b"\n",
        )
    )
    first = tool("send", "--run", run, file)
    assert first.returncode == 1
    assert account_of(first) == {"stored": 5, "rejected": 3}
    assert system.count(run) == 5

    file.write_bytes(lines(twice, keyed))
    again = tool("send", "--run", run, file)
    assert (again.returncode, account_of(again)) == (0, {"replayed": 2})
    assert system.count(run) == 5


def test_send_names_the_lines_that_were_refused_and_not_their_values(tool, run):
    done = tool("send", "--run", run, stdin=lines(TEXT, TEXT | {"oops": "top secret"}, TEXT))
    said = done.stderr.decode()
    assert "line=2" in said and "top secret" not in said


def test_send_reads_standard_input_and_ends_with_0_when_all_is_stored(tool, run, system):
    done = tool("send", "--run", run, "-", stdin=lines(*[TEXT] * 500))
    assert (done.returncode, account_of(done)) == (0, {"stored": 500})
    assert system.count(run) == 500


def test_send_without_waiting_for_rows_counts_what_kafka_has(tool, run):
    done = tool("send", "--run", run, "--wait", "accepted", stdin=lines(TEXT, TEXT))
    summary = json.loads(done.stdout)
    assert (done.returncode, summary["read"], summary["accepted"]) == (0, 2, 2)


def test_send_of_a_token_that_the_worker_refuses_is_rejected(tool, run, tokens):
    done = tool("send", "--run", run, stdin=lines(TEXT), GOLD_LABEL_TOKEN=tokens.user())
    assert (done.returncode, account_of(done)) == (1, {"rejected": 1})
    assert tokens.user() not in done.stderr.decode()


def test_send_without_a_broker_ends_in_time_with_nothing_sent(tool, run):
    done = tool(
        "send", "--run", run, "--timeout", "1s", stdin=lines(TEXT), GOLD_LABEL_KAFKA_BROKERS="127.0.0.1:1"
    )
    assert done.returncode == 3
    assert set(account_of(done)) <= {"not_sent"}


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("sned",),
        ("send", "--run", "no-uuid"),
        ("send", "--wait", "x"),
        ("send", "a", "b"),
        ("send", "/missing"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_ends_with_2(tool, arguments):
    done = tool(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr


@pytest.mark.parametrize("verb", ["send", "send --dry-run", "results", "dlq show", "dlq replay", "token"])
def test_a_token_behind_a_mistyped_option_is_not_shown(tool, verb):
    done = tool(*verb.split(), "--tokn", "eyJhbGciOi.c.d")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--tokn" in done.stderr and b"eyJ" not in done.stderr


def test_an_input_that_cannot_be_opened_is_named(tool, run, tmp_path):
    for path, reason in ((tmp_path / "lables.ndjson", "No such file"), (tmp_path, "is a folder")):
        done = tool("send", "--run", run, path)
        assert done.returncode == 2
        assert f"gold-label send: {path} " in done.stderr.decode() and reason in done.stderr.decode()


def test_results_are_json_lines(tool, run):
    ids = [str(uuid.uuid4()) for _ in range(3)]
    tool("send", "--run", run, stdin=lines(*[TEXT | {"id": one} for one in ids]))
    done = tool("results", "--from", "oldest", "--run", run, "--count", "3", "--timeout", "20s")
    assert done.returncode == 0
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert {result["command_id"] for result in results} == set(ids)
    assert {(result["outcome"], result["run_id"]) for result in results} == {("CREATED", run)}
    assert all(result["label"]["text_value"] == "good" for result in results)


def test_results_that_do_not_come_end_with_3(tool, run):
    assert tool("results", "--run", run, "--count", "1", "--timeout", "1s").returncode == 3


def test_a_token_of_the_tool_is_taken_by_the_worker_and_by_pyjwt(tool, run, system, tokens):
    env = system.env
    done = tool(
        *(
            "token",
            "--key-file",
            env["JWT_KEY_FILE"],
            "--kid",
            env["JWT_KEY_ID"],
            "--issuer",
            env["JWT_ISSUER"],
        ),
        *(
            "--audience",
            env["WORKER_AUDIENCE"],
            "--account",
            env["ACCOUNT_ID"],
            "--subject",
            "tess",
            "--ttl",
            "5m",
        ),
    )
    token = done.stdout.decode().removesuffix("\n")
    claims = jwt.decode(
        token, tokens.key, ["HS256"], audience=env["WORKER_AUDIENCE"], issuer=env["JWT_ISSUER"]
    )
    assert (claims["account_id"], claims["sub"], claims["exp"] - claims["iat"]) == (
        env["ACCOUNT_ID"],
        "tess",
        300,
    )
    sent = tool("send", "--run", run, stdin=lines(TEXT), GOLD_LABEL_TOKEN=token)
    assert account_of(sent) == {"stored": 1}
    assert system.query("SELECT created_by FROM gold_label WHERE run_id = %s", run) == [("tess",)]


def test_faults_of_a_configuration_name_its_file(tool, tmp_path):
    file = tmp_path / "tool.ini"
    file.write_text("[kafka]\ncommands_topic = a b\n[log]\nlevel = loud\n")
    done = tool("status", "--config", file)
    assert done.returncode == 2
    faults = done.stderr.decode().splitlines()[:-1]
    assert [fault.split(": ")[:2] for fault in faults] == [["gold-label status", str(file)]] * 2
