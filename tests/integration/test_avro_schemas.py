"""schemas/avro/: the embedded fingerprints and the codec's golden bytes are those of another implementation.

Needs no server. fastavro is that other implementation; what embed.py must refuse is given to it as files of a
temporary folder.
"""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import fastavro
import pytest
from fastavro.schema import fingerprint, to_parsing_canonical_form

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas/avro"
FILES = sorted(SCHEMAS.glob("*.avsc"))
COMMAND = SCHEMAS / "create-gold-label.avsc"
RESULT = SCHEMAS / "gold-label-result.avsc"

COMMAND_ID = "0190f7a0-1111-7000-8000-00000000abcd"
RUN_ID = "0190f7a0-2222-7000-8000-00000000abcd"

# The messages of tests/unit/avro_golden.h.
GOLDEN = {
    "COMMAND_FULL": (
        COMMAND,
        {
            "command_id": COMMAND_ID,
            "run_id": RUN_ID.upper(),
            "output_resource_name": "summary",
            "object_value": '{"a":1.10}',
            "object_value_is_partial": True,
            "account_id": "acc-1",
            "created_by": "émile",
        },
    ),
    "COMMAND_SMALL": (
        COMMAND,
        {"command_id": COMMAND_ID, "run_id": RUN_ID.upper(), "output_resource_name": "ü", "text_value": ""},
    ),
    "RESULT_CREATED": (
        RESULT,
        {
            "command_id": COMMAND_ID,
            "run_id": RUN_ID,
            "outcome": "CREATED",
            "replayed": True,
            "label": {
                "id": COMMAND_ID,
                "account_id": "acc-1",
                "run_id": RUN_ID,
                "output_resource_name": "summary",
                "object_value": '{"a": 1.10}',
                "object_value_is_partial": False,
                "created_by": "émile",
                "created_at": 1700000000123456,
                "updated_by": "zoë",
                "updated_at": -1,
            },
        },
    ),
    "RESULT_REJECTED": (
        RESULT,
        {
            "command_id": "no uuid",
            "run_id": "",
            "outcome": "REJECTED",
            "code": "run_not_found",
            "message": "the run does not exist",
        },
    ),
}


def crc64_avro(schema: dict) -> bytes:
    """Little endian, as in the frame of a message."""
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


def embed(*files: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, SCHEMAS / "embed.py", *files]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def rows(source: str) -> list[dict]:
    """The rows of the C table, their text put together again."""
    found = []
    for row in re.findall(r"^\{\n(.*?)^\},$", source, re.MULTILINE | re.DOTALL):
        members = dict(re.findall(r"^    \.(file|name|fingerprint|newest) = (.*),$", row, re.MULTILINE))
        lines = re.findall(r'^        (".*")', row, re.MULTILINE)
        members["json"] = "".join(json.loads(line) for line in lines)
        found.append(members)
    return found


def record(name: str, *types: object) -> dict:
    fields = [{"name": f"f{i}", "type": kind} for i, kind in enumerate(types)]
    return {"type": "record", "name": name, "fields": fields}


def is_newest(path: Path) -> bool:
    return not re.search(r"\.v\d+\.", path.name)


def every_record(schema: object):
    if isinstance(schema, list):
        for branch in schema:
            yield from every_record(branch)
    elif isinstance(schema, dict) and schema["type"] == "record":
        yield schema
        for field in schema["fields"]:
            yield from every_record(field["type"])


# ---- the schemas ----


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_field_is_documented_and_a_nullable_one_in_force_has_null_as_its_default(path):
    schema = json.loads(path.read_text())
    for found in every_record(schema):
        assert found["doc"], found["name"]
        for field in found["fields"]:
            assert field["doc"], field["name"]
            if is_newest(path):
                # The programs read a field that is not there as null or false.
                assert field.get("default") in (None, False), field["name"]
                assert not isinstance(field["type"], list) or field["type"][0] == "null", field["name"]
                assert not isinstance(field["type"], list) or "default" in field, field["name"]


# ---- what is built in ----


def test_the_embedded_fingerprints_are_those_of_fastavro():
    done = embed(*FILES)
    assert done.returncode == 0, done.stderr
    embedded = rows(done.stdout)
    assert [row["file"] for row in embedded] == [f'"{path.name}"' for path in FILES]
    for path, row in zip(FILES, embedded, strict=True):
        schema = json.loads(path.read_text())
        assert row["name"] == f'"{schema["namespace"]}.{schema["name"]}"'
        assert json.loads(row["json"]) == schema
        number = int(re.fullmatch(r"UINT64_C\((0x[0-9a-f]{16})\)", row["fingerprint"])[1], 16)
        assert number.to_bytes(8, "little") == crc64_avro(schema)
        assert row["newest"] == ("true" if is_newest(path) else "false")


CANONICAL = [
    record("R", "string"),
    {**record("a.b.R", {"type": "string", "logicalType": "uuid"}), "doc": "x"},
    {**record("R", ["null", record("S", "int")], {**record("x.T", "long")}), "namespace": "n.s"},
    {
        **record("R", {"type": "enum", "name": "E", "symbols": ["A", "B"], "default": "A"}, "boolean"),
        "namespace": "n",
    },
    {
        **record("n.R", ["string", {"type": "long", "logicalType": "timestamp-micros"}]),
        "namespace": "ignored",
    },
    {**record("R", {**record("S", record("T", "null")), "namespace": "inner"}), "namespace": "outer"},
    {**record("R", {**record("S", "null"), "namespace": ""}), "namespace": "outer"},
]


@pytest.mark.parametrize("schema", CANONICAL, ids=range(len(CANONICAL)))
def test_the_canonical_form_follows_the_specification(tmp_path, schema):
    path = tmp_path / "schema.avsc"
    path.write_text(json.dumps(schema, indent=1))
    done = embed(path)
    assert done.returncode == 0, done.stderr
    number = int(re.search(r"UINT64_C\((0x[0-9a-f]{16})\)", done.stdout)[1], 16)
    assert number.to_bytes(8, "little") == crc64_avro(schema)


def test_a_file_with_a_version_is_an_older_schema(tmp_path):
    current, older = tmp_path / "x.avsc", tmp_path / "x.v0.avsc"
    current.write_text(json.dumps(record("R", "string")))
    older.write_text(json.dumps(record("R", "int")))
    done = embed(current, older)
    assert done.returncode == 0, done.stderr
    assert {row["file"]: row["newest"] for row in rows(done.stdout)} == {
        '"x.avsc"': "true",
        '"x.v0.avsc"': "false",
    }


REFUSED = [
    ({"x": record("R", {"type": "array", "items": "null"})}, "array: only null, boolean"),
    ({"x": record("R", {"type": "map", "values": "null"})}, "map: only"),
    ({"x": record("R", {"type": "fixed", "name": "F", "size": 2})}, "fixed: only"),
    ({"x": record("R", ["null", "bytes"])}, "R.f0 has type bytes: only"),
    ({"x": record("R", "double")}, "double: only"),
    ({"x": record("R", ["null", "R"])}, "recursive"),
    ({"x": record("n.R", record("S", ["null", "n.R"]))}, "recursive"),
    ({"x": record("R", record("S", "int"), "S")}, "R.f1 refers to S"),
    ({"x": record("R", record("S", "int"), record("S", "int"))}, "a second time"),
    ({"x": record("R", [["null"]])}, "union within a union"),
    ({"x": record("R", ["null", "null"])}, "one branch twice"),
    ({"x": record("R", [])}, "without branches"),
    ({"x": record("R")}, "no fields"),
    ({"x": record("R", 7)}, "is not a type"),
    (
        {"x": record("R", "int") | {"fields": [{"name": "f", "type": "int", "aliases": ["g"]}]}},
        "R.f has aliases",
    ),
    ({"x": record("R", "int") | {"aliases": ["Q"]}}, "R has aliases"),
    ({"x": record("R", {"type": "enum", "name": "E", "symbols": ["A"], "aliases": ["D"]})}, "E has aliases"),
    ({"x": record("R-S", "int")}, "not an Avro name"),
    ({"x": record("R", {"type": "enum", "name": "E", "symbols": ["A", "A"]})}, "one twice"),
    ({"x": record("R", {"type": "enum", "name": "E", "symbols": ["a-b"]})}, "not an Avro name"),
    ({"x": {"type": "enum", "name": "E", "symbols": ["A"]}}, "a message is a record"),
    ({"x": "string"}, "a message is a record"),
    ({"x": record("R", "int"), "y.v1": {**record("R", "int"), "doc": "y"}}, "the same fingerprint"),
    ({"x": record("R", "int"), "y": record("R", "long")}, "both the current schema of R"),
    ({"x.v1": record("R", "int")}, "no current schema"),
]


@pytest.mark.parametrize(("schemas", "why"), REFUSED, ids=[why for _, why in REFUSED])
def test_a_schema_that_the_walk_cannot_check_is_refused(tmp_path, schemas, why):
    files = [tmp_path / f"{name}.avsc" for name in schemas]
    for file, schema in zip(files, schemas.values(), strict=True):
        file.write_text(json.dumps(schema))
    done = embed(*files)
    assert (done.returncode, done.stdout) == (1, "")
    assert why in done.stderr and done.stderr.count("\n") == 1


TWICE = '{"type": "record", "name": "R", "doc": "a", "doc": "b", "fields": [{"name": "f", "type": "int"}]}'


@pytest.mark.parametrize("text", ["", "{", TWICE, "\ufeff{}", "[]"])
def test_a_file_that_is_no_schema_is_refused(tmp_path, text):
    path = tmp_path / "x.avsc"
    path.write_text(text)
    done = embed(path)
    assert (done.returncode, done.stdout) == (1, "")
    assert str(path) in done.stderr and "Traceback" not in done.stderr
    assert embed(tmp_path / "missing.avsc").returncode == 1


# ---- the C codec's bytes ----


def golden_bytes() -> dict[str, bytes]:
    source = (ROOT / "tests/unit/avro_golden.h").read_text()
    defines = re.findall(r"^#define GOLDEN_(\w+)((?:\s*\\\n\s*\"[0-9a-f]+\")+)", source, re.MULTILINE)
    return {name: bytes.fromhex("".join(re.findall(r'"([0-9a-f]+)"', text))) for name, text in defines}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_golden_bytes_of_the_codec_are_those_of_fastavro(name):
    path, message = GOLDEN[name]
    schema = json.loads(path.read_text())
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, message)
    assert golden_bytes()[name] == b"\xc3\x01" + crc64_avro(schema) + out.getvalue()
    assert set(golden_bytes()) == set(GOLDEN)
