"""schemas/openapi.yaml and schemas/asyncapi.yaml are valid, examples fit, and they say what the code does.

Needs no server. What the code does is read from the sources: the limits of common/label.h, the code words of
the C files, the Avro schemas.
"""

import ast
import copy
import io
import json
import re
import warnings
from pathlib import Path

import fastavro
import jsonschema
import openapi_spec_validator
import pytest
import yaml
from referencing import Registry
from referencing.jsonschema import DRAFT7, DRAFT202012

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its models have a field that is called "schema"
    from asyncapi3 import AsyncAPI3

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"


def load(name):
    return yaml.safe_load((SCHEMAS / name).read_text())


OPENAPI = load("openapi.yaml")
ASYNCAPI = load("asyncapi.yaml")
POST = OPENAPI["paths"]["/v1/run/{id}/gold-labels"]["post"]


def operations():
    for path in OPENAPI["paths"].values():
        yield from (path[method] for method in ("get", "head", "post") if method in path)


# ---- reading documents ----


def nodes(document, at=()):
    """Every object of a document with its path."""
    if isinstance(document, dict):
        yield at, document
        for key, value in document.items():
            yield from nodes(value, (*at, key))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from nodes(value, (*at, index))


def pointer(path):
    return "#/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in path)


def resolve(document, reference):
    for part in reference.removeprefix("#/").split("/"):
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


def validator(document, path, draft):
    """A validator of the schema that stands at `path`, which may refer to the rest of its document."""
    kind = jsonschema.Draft202012Validator if draft is DRAFT202012 else jsonschema.Draft7Validator
    registry = Registry().with_resource("urn:document", draft.create_resource(document))
    return kind(
        {"$ref": "urn:document" + pointer(path)}, registry=registry, format_checker=kind.FORMAT_CHECKER
    )


def openapi_examples():
    """Everything that has a schema and examples: bodies, parameters, headers."""
    for path, node in nodes(OPENAPI):
        if "schema" not in node:
            continue
        if "example" in node:
            yield pytest.param(path, node["example"], id=pointer(path))
        for name, example in node.get("examples", {}).items():
            yield pytest.param(path, example["value"], id=f"{pointer(path)} {name}")


def messages():
    return ASYNCAPI["components"]["messages"].items()


def message_examples():
    for name, message in messages():
        for example in message["examples"]:
            yield pytest.param(name, example, id=f"{name} {example['name']}")


def avro_schema(name):
    return json.loads((SCHEMAS / "avro" / name).read_text())


def field_type(record, name):
    return next(field["type"] for field in record["fields"] if field["name"] == name)


def not_null(union):
    return next(branch for branch in union if branch != "null")


RESULT = avro_schema("gold-label-result.avsc")


# ---- reading C ----


def source(*patterns):
    return "\n".join(path.read_text() for pattern in patterns for path in sorted(ROOT.glob(pattern)))


def constant(expression):
    """The value of an enum constant such as 512 * 1024."""
    tree = ast.parse(expression.strip(), mode="eval").body
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Mult):
        return ast.literal_eval(tree.left) * ast.literal_eval(tree.right)
    return ast.literal_eval(tree)


LIMITS = {
    name: constant(value)
    for name, value in re.findall(
        r"\b((?:LABEL|HTTP|PREFER|READ)_[A-Z_]+_MAX(?:_S)?) = ([^,]+),",
        source("common/label.h", "common/http_guard.h", "ingress/prefer.h", "ingress/read_query.h"),
    )
}


def words(pattern, text):
    """(first group, code word) of every match; a code word is snake_case, the sentence behind it is not."""
    for match in re.finditer(pattern, text, re.S):
        for literal in re.findall(r'"([^"]*)"', match[2]):
            if not re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", literal):
                break
            yield match[1], literal


def codes_of_the_ingress():
    """(status, code) of every error that the sources can answer."""
    guard = source("common/http_guard.c")
    statuses = dict(re.findall(r"\b([A-Z_]+) = ([45]\d\d)\b", guard))
    # What reading JSON and checking rules can say (ingress/labels.c); `others` need another sender.
    rules = {"STATUS_MALFORMED": "400", "STATUS_TOO_LARGE": "413", "STATUS_INVALID": "422"}
    others = {"not_an_array", "object_not_an_object", "invalid_command_id", "invalid_run_id"}
    checks = source("common/json_*.c", "common/label.c")

    yield from re.findall(r'\{(\d{3}), "(\w+)"', source("ingress/answer.c"))
    for status, code in words(r"\brefuse\(([A-Z_]+), f, ([^;]*);", guard):
        yield statuses[status], code
    for name, code in words(r"\bfault_set\([^;]*?\b(STATUS_[A-Z_]+),([^;]*);", checks):
        if name in rules and code not in others and (name, code) != ("STATUS_INVALID", "not_utf8"):
            yield rules[name], code
    replies = source("ingress/*.c", "common/http_server*.c").replace("MHD_HTTP_CONTENT_TOO_LARGE", "413")
    replies = replies.replace("MHD_HTTP_SERVICE_UNAVAILABLE", "503")
    yield from re.findall(r'\bhttp_reply_error\(r, (\d{3}), "(\w+)"', replies)
    yield from (("408", code) for code in re.findall(r'\\"code\\":\\"(\w+)\\"', replies))
    yield "422", re.search(r'\[LABEL_REJECTED_INVALID_VALUE\] = "(\w+)"', checks)[1]


# ---- both documents ----


def test_openapi_document_is_valid():
    openapi_spec_validator.validate(OPENAPI)


def test_asyncapi_document_is_valid():
    # The model refuses members it does not know and missing ones; it has no word on schemas and references.
    AsyncAPI3.model_validate(ASYNCAPI)
    for schema in ASYNCAPI["components"]["schemas"].values():
        jsonschema.Draft7Validator.check_schema(schema)


@pytest.mark.parametrize("document", [OPENAPI, ASYNCAPI], ids=["openapi", "asyncapi"])
def test_every_reference_leads_somewhere(document):
    for _, node in nodes(document):
        reference = node.get("$ref", "#/info")
        assert resolve(document, reference) if reference.startswith("#") else (SCHEMAS / reference).is_file()


def test_every_component_is_used():
    for document in (OPENAPI, ASYNCAPI):
        used = {node["$ref"] for _, node in nodes(document) if isinstance(node.get("$ref"), str)}
        for kind, components in document["components"].items():
            if kind != "securitySchemes":
                assert {f"#/components/{kind}/{name}" for name in components} <= used


def test_documents_have_the_version_of_the_programs():
    version = re.search(r"^VERSION := (.*)$", source("Makefile"), re.M)[1]
    assert OPENAPI["info"]["version"] == ASYNCAPI["info"]["version"] == version


# ---- openapi.yaml ----


@pytest.mark.parametrize(("path", "example"), list(openapi_examples()))
def test_openapi_example_fits_its_schema(path, example):
    validator(OPENAPI, (*path, "schema"), DRAFT202012).validate(example)


def test_every_body_has_an_example():
    bodies = [node for path, node in nodes(OPENAPI) if len(path) > 1 and path[-2] == "content"]
    assert bodies
    assert all("example" in body or body.get("examples") for body in bodies)


LABEL = {"output_resource_name": "summary", "text_value": "yes"}
OBJECT = {"output_resource_name": "summary", "object_value": {}}


@pytest.mark.parametrize(
    "body",
    [
        LABEL,
        OBJECT,
        LABEL | {"text_value": ""},
        LABEL | {"object_value": None, "object_value_is_partial": None},
        OBJECT | {"text_value": None, "object_value_is_partial": False},
        LABEL | {"output_resource_name": "\u00fc" * LIMITS["LABEL_NAME_MAX"]},
        LABEL | {"text_value": "x" * LIMITS["LABEL_VALUE_MAX"]},
    ],
)
def test_request_schema_takes_what_the_rules_allow(body):
    validator(OPENAPI, ("components", "schemas", "CreateGoldLabel"), DRAFT202012).validate(body)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"text_value": "yes"},
        LABEL | OBJECT,
        {"output_resource_name": "summary"},
        {"output_resource_name": "summary", "text_value": None, "object_value": None},
        LABEL | {"object_value_is_partial": False},
        LABEL | {"comment": None},
        LABEL | {"text_value": 1},
        LABEL | {"text_value": "a\0b"},
        LABEL | {"text_value": "x" * (LIMITS["LABEL_VALUE_MAX"] + 1)},
        OBJECT | {"object_value": []},
        OBJECT | {"object_value_is_partial": "true"},
        LABEL | {"output_resource_name": None},
        LABEL | {"output_resource_name": ""},
        LABEL | {"output_resource_name": " \t\u2003\u00a0"},
        LABEL | {"output_resource_name": "x" * (LIMITS["LABEL_NAME_MAX"] + 1)},
    ],
)
def test_request_schema_refuses_what_breaks_a_rule(body):
    assert not validator(OPENAPI, ("components", "schemas", "CreateGoldLabel"), DRAFT202012).is_valid(body)


@pytest.mark.parametrize(
    ("key", "good"),
    [
        ("8f14e45f-ceea-467f-a8b3-1b7c6cf5d0a1", True),
        ('"8f14e45f-ceea-467f-a8b3-1b7c6cf5d0a1"', True),
        ("k" * LIMITS["LABEL_KEY_MAX"], True),
        ("k" * (LIMITS["LABEL_KEY_MAX"] + 1), False),
        ("", False),
        ('""', False),
        ("two words", False),
        ("a,b", False),
        ("a;b", False),
        ('a"b', False),
        ('"a', False),
        ("\u00fc", False),
    ],
)
def test_idempotency_key_schema_is_the_rule(key, good):
    path = ("components", "parameters", "IdempotencyKey", "schema")
    assert validator(OPENAPI, path, DRAFT202012).is_valid(key) is good


def test_openapi_states_the_limits_of_the_code():
    request = OPENAPI["components"]["schemas"]["CreateGoldLabel"]
    members = request["properties"]
    assert members["output_resource_name"]["maxLength"] == LIMITS["LABEL_NAME_MAX"]
    assert members["text_value"]["maxLength"] == LIMITS["LABEL_VALUE_MAX"]
    for member in ("text_value", "object_value"):
        assert f"({LIMITS['LABEL_VALUE_MAX']:,} bytes" in members[member]["description"]
    assert f"at most {LIMITS['LABEL_OBJECT_DEPTH_MAX']} deep" in members["object_value"]["description"]
    assert f"at most {LIMITS['LABEL_NUMBER_DIGITS_MAX']:,} digits" in request["description"]
    assert f"within ±{LIMITS['LABEL_NUMBER_EXPONENT_MAX']}" in request["description"]
    assert f"at most {LIMITS['LABEL_BODY_MAX'] // 1024} KiB" in POST["requestBody"]["description"]
    general = re.sub(r"\s+", " ", OPENAPI["info"]["description"])
    limits = {
        "Body": "LABEL_BODY",
        "a value": "LABEL_VALUE",
        "a token": "LABEL_TOKEN",
        "header block": "HTTP_HEAD",
    }
    for what, limit in limits.items():
        assert f"{what} {LIMITS[f'{limit}_MAX'] // 1024} KiB" in general
    row = OPENAPI["components"]["schemas"]["RunGoldLabel"]["properties"]
    assert row["account_id"]["maxLength"] == LIMITS["LABEL_PRINCIPAL_MAX"]
    prefer = OPENAPI["components"]["parameters"]["Prefer"]["description"]
    assert f"(1 to {LIMITS['PREFER_WAIT_MAX_S']})" in prefer
    assert OPENAPI["components"]["parameters"]["Limit"]["schema"]["maximum"] == LIMITS["READ_LIMIT_MAX"]


def test_openapi_has_the_error_codes_of_the_code():
    documented = set()
    answers = [
        (status, answer) for operation in operations() for status, answer in operation["responses"].items()
    ]
    for status, reference in answers:
        if "$ref" not in reference:
            continue
        for body in resolve(OPENAPI, reference["$ref"]).get("content", {}).values():
            schema = body["schema"]
            if schema.get("$ref", "").endswith("/Error"):
                documented |= {(status, code) for code in schema["properties"]["code"]["enum"]}
    assert documented == set(codes_of_the_ingress())
    every_code = OPENAPI["components"]["schemas"]["ErrorCode"]["enum"]
    assert len(every_code) == len(set(every_code))
    assert set(every_code) == {code for _, code in documented}


def test_run_gold_label_has_the_columns_of_the_avro_record():
    columns = [field["name"] for field in not_null(field_type(RESULT, "label"))["fields"]]
    label = OPENAPI["components"]["schemas"]["RunGoldLabel"]
    assert len(columns) == 11
    assert sorted(label["properties"]) == sorted(label["required"]) == sorted(columns)


def test_only_the_promised_columns_are_nullable():
    label = validator(OPENAPI, ("components", "schemas", "RunGoldLabel"), DRAFT202012)
    example = OPENAPI["components"]["responses"]["Created"]["content"]["application/json"]["examples"]
    row = copy.deepcopy(next(iter(example.values()))["value"])
    never_null = {name for name in row if not label.is_valid(row | {name: None})}
    assert never_null == {"id", "account_id", "run_id", "output_resource_name", "created_at"}


# ---- asyncapi.yaml ----


def test_operations_use_messages_of_their_channel():
    for operation in ASYNCAPI["operations"].values():
        for part in (operation, operation.get("reply", {})):
            for message in part.get("messages", []):
                assert message["$ref"].startswith(part["channel"]["$ref"] + "/messages/")


@pytest.mark.parametrize(("name", "example"), list(message_examples()))
def test_asyncapi_example_fits_its_schemas(name, example):
    validator(ASYNCAPI, ("components", "messages", name, "headers"), DRAFT7).validate(example["headers"])
    payload = ASYNCAPI["components"]["messages"][name]["payload"]
    if "schemaFormat" in payload:
        schema = fastavro.parse_schema(json.loads((SCHEMAS / payload["schema"]["$ref"]).read_text()))
        binary = io.BytesIO()
        fastavro.schemaless_writer(binary, schema, example["payload"], strict=True)
        assert binary.tell() > 0


def test_every_avro_schema_in_force_is_a_payload():
    payloads = {message["payload"].get("schema", {}).get("$ref") for _, message in messages()} - {None}
    newest = {path for path in SCHEMAS.glob("avro/*.avsc") if not re.search(r"\.v\d+\.avsc$", path.name)}
    assert payloads == {str(path.relative_to(SCHEMAS)) for path in newest}


def test_asyncapi_states_the_limits_of_the_code():
    correlation_id = ASYNCAPI["components"]["schemas"]["correlationId"]
    assert correlation_id["maxLength"] == LIMITS["LABEL_CORRELATION_MAX"]


def test_dead_letter_codes_are_those_of_the_codec():
    headers = ASYNCAPI["components"]["schemas"]["deadLetterHeaders"]["properties"]
    codec = source("common/avro_*.c")
    written = set(re.findall(r'STATUS_MALFORMED,\s*"(\w+)"', codec))
    assert set(headers["dlq-code"]["enum"]) == written


def test_rejection_codes_are_the_same_in_avro_and_c():
    symbols = not_null(field_type(RESULT, "code"))["symbols"]
    texts = re.findall(r'\[LABEL_REJECTED_\w+\] = "(\w+)"', source("common/label.c"))
    assert symbols == texts


@pytest.mark.parametrize("schema", ["commandHeaders", "resultHeaders", "deadLetterHeaders"])
def test_documented_headers_are_known_to_the_worker(schema):
    for header in ASYNCAPI["components"]["schemas"][schema]["properties"]:
        assert f'"{header}"' in source("worker/*.c", "common/*.h", "worker/*.h"), header


def test_topics_have_the_default_names_of_the_programs():
    settings = source("ingress/*.[ch]", "worker/*.[ch]", "common/*.[ch]")
    for channel in filter(lambda channel: channel["address"], ASYNCAPI["channels"].values()):
        assert channel["bindings"]["kafka"]["topic"] == channel["address"]
        assert f'"{channel["address"]}"' in settings
