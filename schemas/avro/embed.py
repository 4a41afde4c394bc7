#!/usr/bin/env python3
"""Turns Avro schemas into the rows of a C table: embed.py FILE… > avro_schemas.inc

A row holds the record's full name, the schema's text, the CRC-64-AVRO fingerprint of its Parsing Canonical
Form (Avro 1.11) and whether it is the current schema of its record: create-gold-label.avsc is, and
create-gold-label.v0.avsc is an older one that is still read.

What the walk of common/avro_walk.c cannot check is refused here, so that it never reaches a build.
"""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

# In step with the operations of common/avro_walk.h. Arrays and maps let eight bytes claim gigabytes.
PRIMITIVES = ("null", "boolean", "int", "long", "string")
SUPPORTED = (*PRIMITIVES, "enum", "union", "record")

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
FULL_NAME = re.compile(rf"{NAME.pattern}(\.{NAME.pattern})*")
OLDER_VERSION = re.compile(r"\.v\d+\.avsc$")

EMPTY_FINGERPRINT = 0xC15D213AA4D7A795


class SchemaError(Exception):
    """A sentence that says what is wrong with a schema."""


@dataclass(frozen=True)
class Schema:
    path: Path
    text: str
    name: str
    fingerprint: int

    @property
    def newest(self) -> bool:
        return not OLDER_VERSION.search(self.path.name)


class Canonical:
    """Writes the Parsing Canonical Form of one schema, and refuses what is not supported."""

    def __init__(self) -> None:
        self.defined: set[str] = set()
        self.open: set[str] = set()

    def of(self, schema: object, namespace: str = "", where: str = "the schema") -> str:
        if isinstance(schema, list):
            return "[" + ",".join(self._branches(schema, namespace, where)) + "]"
        if isinstance(schema, str):
            return self._named(schema, namespace, where)
        if not isinstance(schema, dict) or "type" not in schema:
            raise SchemaError(f"{where} is not a type")

        kind = schema["type"]
        if kind == "record":
            return self._record(schema, namespace, where)
        if kind == "enum":
            return self._enum(schema, namespace, where)
        if not isinstance(kind, str):
            raise SchemaError(f"{where} has a type that is not a name")
        return self._named(kind, namespace, where)

    def _named(self, name: str, namespace: str, where: str) -> str:
        if name in PRIMITIVES:
            return quoted(name)
        full = full_name(name, namespace)
        if full in self.open:
            raise SchemaError(f"{where} is {full} within itself: recursive types are not supported")
        if full in self.defined:
            raise SchemaError(f"{where} refers to {full}: a type is defined where it is used, once")
        raise SchemaError(f"{where} has type {name}: only {', '.join(SUPPORTED)} are supported")

    def _branches(self, union: list, namespace: str, where: str) -> list[str]:
        if not union:
            raise SchemaError(f"{where} is a union without branches")
        for branch in union:
            if isinstance(branch, list):
                raise SchemaError(f"{where} is a union within a union")
        branches = [self.of(branch, namespace, where) for branch in union]
        if len(set(branches)) < len(branches):
            raise SchemaError(f"{where} is a union with one branch twice")
        return branches

    def _define(self, schema: dict, namespace: str, where: str) -> tuple[str, str]:
        """The full name of a new type, and the namespace that its content lives in."""
        name, namespace = schema.get("name"), schema.get("namespace", namespace)
        if not isinstance(name, str) or not isinstance(namespace, str):
            raise SchemaError(f"{where} has no name")
        full = full_name(name, namespace)
        if not FULL_NAME.fullmatch(full):
            raise SchemaError(f"{where} has the name {full!r}, which is not an Avro name")
        if full in self.defined or full in PRIMITIVES:
            raise SchemaError(f"{where} defines {full} a second time")
        if "aliases" in schema:
            raise SchemaError(f"{full} has aliases: the programs know each type by its one name")
        self.defined.add(full)
        return full, full.rpartition(".")[0]

    def _record(self, schema: dict, namespace: str, where: str) -> str:
        full, inner = self._define(schema, namespace, where)
        fields = schema.get("fields")
        if not isinstance(fields, list) or not fields:
            raise SchemaError(f"{full} has no fields")

        self.open.add(full)
        written = []
        seen = set()
        for field in fields:
            name = field.get("name") if isinstance(field, dict) else None
            if not isinstance(name, str) or not NAME.fullmatch(name) or "type" not in field:
                raise SchemaError(f"{full} has a field without a name or a type")
            if name in seen:
                raise SchemaError(f"{full}.{name} is there twice")
            if "aliases" in field:
                raise SchemaError(f"{full}.{name} has aliases: the programs take fields by their one name")
            seen.add(name)
            kind = self.of(field["type"], inner, f"{full}.{name}")
            written.append(f'{{"name":{quoted(name)},"type":{kind}}}')
        self.open.remove(full)
        return f'{{"name":{quoted(full)},"type":"record","fields":[{",".join(written)}]}}'

    def _enum(self, schema: dict, namespace: str, where: str) -> str:
        full, _ = self._define(schema, namespace, where)
        symbols = schema.get("symbols")
        if not isinstance(symbols, list) or not symbols or len(set(map(str, symbols))) < len(symbols):
            raise SchemaError(f"{full} has no symbols, or one twice")
        for symbol in symbols:
            if not isinstance(symbol, str) or not NAME.fullmatch(symbol):
                raise SchemaError(f"{full} has a symbol that is not an Avro name")
        listed = ",".join(map(quoted, symbols))
        return f'{{"name":{quoted(full)},"type":"enum","symbols":[{listed}]}}'


def quoted(text: str) -> str:
    return f'"{text}"'  # names only: nothing to escape


def full_name(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"


def crc64_avro(data: bytes) -> int:
    crc = EMPTY_FINGERPRINT
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (EMPTY_FINGERPRINT if crc & 1 else 0)
    return crc


def unique_members(pairs: list[tuple[str, object]]) -> dict:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise SchemaError("a member name is there twice in one object")
    return members


def read_schema(path: Path) -> Schema:
    try:
        text = path.read_text(encoding="utf-8")
        schema = json.loads(text, object_pairs_hook=unique_members)
        canonical = Canonical()
        form = canonical.of(schema)
    except (OSError, ValueError, SchemaError) as error:
        raise SchemaError(f"{path}: {error}") from error
    if not isinstance(schema, dict) or schema["type"] != "record":
        raise SchemaError(f"{path}: a message is a record, this is none")
    name = full_name(schema["name"], schema.get("namespace", ""))
    return Schema(path, text, name, crc64_avro(form.encode("ascii")))


def check_together(schemas: list[Schema]) -> None:
    by_fingerprint: dict[int, Schema] = {}
    current: dict[str, Schema] = {}
    for schema in schemas:
        twin = by_fingerprint.setdefault(schema.fingerprint, schema)
        if twin is not schema:
            raise SchemaError(f"{twin.path} and {schema.path} have the same fingerprint: they are one schema")
        if schema.newest and current.setdefault(schema.name, schema) is not schema:
            other = current[schema.name].path
            raise SchemaError(f"{other} and {schema.path} are both the current schema of {schema.name}")
    for schema in schemas:
        if schema.name not in current:
            raise SchemaError(f"{schema.path}: {schema.name} has no current schema (a file without .vN)")


def c_string(line: str) -> str:
    escaped = line.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
    return f'"{escaped}\\n"'


def c_row(schema: Schema) -> str:
    text = "\n".join(f"        {c_string(line)}" for line in schema.text.splitlines())
    return (
        f"{{\n"
        f'    .file = "{schema.path.name}",\n'
        f'    .name = "{schema.name}",\n'
        f"    .fingerprint = UINT64_C(0x{schema.fingerprint:016x}),\n"
        f"    .newest = {'true' if schema.newest else 'false'},\n"
        f"    .json =\n{text},\n"
        f"}},"
    )


def main(arguments: list[str]) -> int:
    if not arguments:
        print("usage: embed.py FILE…", file=sys.stderr)
        return 2
    try:
        schemas = [read_schema(Path(argument)) for argument in sorted(arguments)]
        check_together(schemas)
    except SchemaError as error:
        print(f"embed.py: {error}", file=sys.stderr)
        return 1
    print("/* Made by schemas/avro/embed.py: rows of struct avro_builtin. */")
    for schema in schemas:
        print(c_row(schema))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
