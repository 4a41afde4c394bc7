"""schemas/avro/evolution.py, of `make check`: no change of a schema goes through that would break a reader.

Needs no server.
"""

import json
import shutil
import subprocess
import sys

import fastavro
import pytest
from support.system import ROOT

SCHEMAS = ROOT / "schemas" / "avro"


@pytest.fixture
def folder(tmp_path):
    """A copy of the schemas, to be changed."""
    return shutil.copytree(SCHEMAS, tmp_path / "avro", ignore=shutil.ignore_patterns("__pycache__"))


def judge(folder):
    checked = [sys.executable, "-B", SCHEMAS / "evolution.py", folder]
    return subprocess.run(checked, capture_output=True, text=True, check=False)


def change(folder, name, how, keep_as=None):
    """Changes a schema and adds its line to the list, as somebody would who keeps the old or forgets to."""
    path = folder / f"{name}.avsc"
    if keep_as:
        shutil.copy(path, folder / f"{name}.{keep_as}.avsc")
    text = json.loads(path.read_text())
    how(text)
    path.write_text(json.dumps(text))
    canonical = fastavro.schema.to_parsing_canonical_form(text)
    crc = bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))[::-1].hex()
    with (folder / "fingerprints").open("a") as ledger:
        ledger.write(f"{crc} goldlabel.v1.{text['name']}\n")


def field(name, kind, **more):
    return {"name": name, "type": kind, "doc": "new"} | more


def nullable(schema, name):
    """The type of a nullable field, without null."""
    return next(f["type"][1] for f in schema["fields"] if f["name"] == name)


RESULT_FILE, COMMAND_FILE = "gold-label-result", "create-gold-label"
GOOD = {
    "a field with a default": (
        COMMAND_FILE,
        lambda s: s["fields"].append(field("new", ["null", "int"], default=None)),
    ),
    "a field with a default is gone": (COMMAND_FILE, lambda s: s["fields"].pop()),
    "another order": (COMMAND_FILE, lambda s: s["fields"].reverse()),
    "a symbol where there is a default": (
        RESULT_FILE,
        lambda s: nullable(s, "code")["symbols"].append("too_late"),
    ),
}
BAD = {
    "a field without a default": (
        COMMAND_FILE,
        lambda s: s["fields"].insert(0, field("new", "string")),
        "new",
    ),
    "a field without a default is gone": (COMMAND_FILE, lambda s: s["fields"].pop(2), "output_resource_name"),
    "another type": (COMMAND_FILE, lambda s: s["fields"][2].update(type="long"), "type_mismatch"),
    "a wider type": (
        RESULT_FILE,
        lambda s: nullable(s, "label")["fields"][8].update(type="int"),
        "missing_union_branch",
    ),
    "null where there was none": (
        COMMAND_FILE,
        lambda s: s["fields"][2].update(type=["null", "string"]),
        "type_mismatch",
    ),
    "a symbol without a default": (
        RESULT_FILE,
        lambda s: s["fields"][2]["type"]["symbols"].append("DEFERRED"),
        "missing_enum_symbols",
    ),
    "another name of a type": (
        RESULT_FILE,
        lambda s: s["fields"][2]["type"].update(name="Outcome"),
        "name_mismatch",
    ),
}


def test_the_schemas_of_the_tree_are_as_they_must_be(folder):
    assert judge(folder).returncode == 0, judge(folder).stderr


@pytest.mark.parametrize("how", GOOD)
def test_a_compatible_change_is_let_through(folder, how):
    name, changed = GOOD[how]
    change(folder, name, changed, keep_as="v9")
    assert judge(folder).returncode == 0, judge(folder).stderr


@pytest.mark.parametrize("how", BAD)
def test_an_incompatible_change_is_refused(folder, how):
    name, changed, why = BAD[how]
    change(folder, name, changed, keep_as="v9")
    verdict = judge(folder)
    assert verdict.returncode == 1
    assert "cannot read what" in verdict.stderr and why in verdict.stderr
    assert "Traceback" not in verdict.stderr


def test_compatibility_with_the_last_version_alone_is_not_enough(folder):
    """A default may go if the version before has the field; not if there ever was one that had it not."""
    change(folder, COMMAND_FILE, lambda s: s["fields"][6].pop("default"))
    verdict = judge(folder)
    assert verdict.returncode == 1 and "create-gold-label.v0.avsc" in verdict.stderr


def test_a_change_without_a_copy_of_what_was_is_refused(folder):
    change(folder, *GOOD["a field with a default"])
    verdict = judge(folder)
    assert verdict.returncode == 1 and "no file has b6923e63e7a32aba" in verdict.stderr
    (folder / "create-gold-label.v0.avsc").unlink()
    assert "no file has b666ce075d14e076" in judge(folder).stderr


def test_a_version_that_the_list_does_not_have_is_refused(folder):
    (folder / "fingerprints").write_text("")
    verdict = judge(folder)
    assert verdict.returncode == 1
    assert verdict.stderr.count("a line is missing") == len(list(folder.glob("*.avsc")))
    (folder / "fingerprints").unlink()
    assert judge(folder).returncode == 1 and "Traceback" not in judge(folder).stderr
