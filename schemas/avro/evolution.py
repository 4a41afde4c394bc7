#!/usr/bin/env python3
"""Whether the schemas of a folder have evolved as they must: evolution.py FOLDER

FULL_TRANSITIVE: each version of a record can read, and be read by, every other one. And no version that was
ever in force is lost: FOLDER/fingerprints lists them all, so that a schema is never changed without a copy of
what it was. (It also lists the specimen that was made for the tests, create-gold-label.v0.)

Needs the package avro, whose compatibility checker is the judge.
"""

import sys
from itertools import groupby, permutations
from operator import attrgetter
from pathlib import Path

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.errors import AvroException
from embed import Schema, SchemaError, check_together, read_schema

LEDGER = "fingerprints"


def incompatibilities(reader: Schema, writer: Schema) -> list[str]:
    """What a reader with the one schema cannot take from a writer with the other."""
    parsed = (avro.schema.parse(schema.text) for schema in (reader, writer))
    verdict = ReaderWriterCompatibilityChecker().get_compatibility(*parsed)
    if verdict.compatibility is SchemaCompatibilityType.compatible:
        return []
    kinds = ", ".join(sorted({kind.value for kind in verdict.incompatibilities}))
    where = ", ".join(sorted(verdict.locations - {"/"})) or "/"
    what = "; ".join(sorted(verdict.messages))
    return [f"{reader.path} cannot read what {writer.path} writes: {kinds} at {where}: {what}"]


def listed(ledger: Path) -> dict[str, str]:
    """Record name by fingerprint, as the ledger has them."""
    rows = {}
    for number, line in enumerate(ledger.read_text(encoding="utf-8").splitlines(), 1):
        words = line.partition("#")[0].split()
        if len(words) not in (0, 2):
            raise SchemaError(f"{ledger}:{number}: not a fingerprint and the name of a record")
        if words:
            rows[words[0]] = words[1]
    return rows


def lost_and_unlisted(schemas: list[Schema], ledger: Path) -> list[str]:
    rows = listed(ledger)
    there = {f"{schema.fingerprint:016x}": schema for schema in schemas}
    lost = [
        f"{ledger}: no file has {fingerprint}, a version of {name}: a schema that changes is first copied to "
        f"NAME.vN.avsc, and what was once written is read for ever"
        for fingerprint, name in rows.items()
        if fingerprint not in there
    ]
    unlisted = [
        f"{ledger}: a line is missing: {fingerprint} {schema.name} ({schema.path})"
        for fingerprint, schema in there.items()
        if rows.get(fingerprint) != schema.name
    ]
    return lost + unlisted


def faults_of(folder: Path) -> list[str]:
    by_name = attrgetter("name")
    schemas = sorted((read_schema(path) for path in sorted(folder.glob("*.avsc"))), key=by_name)
    check_together(schemas)
    faults = lost_and_unlisted(schemas, folder / LEDGER)
    for _, versions in groupby(schemas, by_name):
        for reader, writer in permutations(versions, 2):
            faults += incompatibilities(reader, writer)
    return faults


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: evolution.py FOLDER", file=sys.stderr)
        return 2
    try:
        faults = faults_of(Path(arguments[0]))
    except (OSError, SchemaError, AvroException) as error:
        faults = [str(error)]
    for fault in faults:
        print(fault, file=sys.stderr)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
