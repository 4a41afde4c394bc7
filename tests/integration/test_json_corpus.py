"""RFC 8259, text by text: json_corpus/texts.ndjson has one text a line (one character is one byte), whole
bodies and values of a member of object_value, with the status that they lead to."""

import json
from pathlib import Path

import pytest

CORPUS = Path(__file__).parent / "json_corpus" / "texts.ndjson"
CASES = [json.loads(line) for line in CORPUS.read_text().splitlines()]


def body_of(case):
    text = case["text"].encode("latin-1")
    if case["as"] == "body":
        return text
    return b'{"output_resource_name":"n","object_value":{"a":' + text + b"}}"


@pytest.fixture(scope="module")
def corpus_run(system):
    return system.new_run()


@pytest.mark.parametrize("case", CASES, ids=[case["name"][:60] for case in CASES])
def test_a_text_has_its_verdict(case, api, corpus_run):
    answer = api.post(corpus_run, body_of(case), Prefer="respond-async")
    assert answer.status_code == case["status"], answer.text
    if case["status"] >= 400:
        assert answer.json().keys() == {"error", "code"}
