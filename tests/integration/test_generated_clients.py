"""Generators of clients know less of JSON Schema than validators: openapi.yaml keeps to what they know."""

import yaml
from support.system import ROOT

OPENAPI = yaml.safe_load((ROOT / "schemas" / "openapi.yaml").read_text())


def test_the_request_is_one_type():
    assert {"oneOf", "anyOf", "allOf"}.isdisjoint(OPENAPI["components"]["schemas"]["CreateGoldLabel"])
