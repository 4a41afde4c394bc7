"""The rules of the table itself, and what the worker does with a row that PostgreSQL refuses."""

import uuid

import psycopg
import pytest
from support.events import command
from support.waiting import wait_until

GOOD = {"account_id": "demo", "output_resource_name": "summary", "text_value": "good"}


def insert(system, **columns):
    columns = GOOD | {"id": str(uuid.uuid4())} | columns
    names = ", ".join(columns)
    places = ", ".join(["%s"] * len(columns))
    system.query(f"INSERT INTO gold_label ({names}) VALUES ({places})", *columns.values())


# ---- constraints ----


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"text_value": ""},
        {"text_value": "x" * 524288},
        {"text_value": None, "object_value": "{}", "object_value_is_partial": False},
        {"output_resource_name": "ü" * 255, "account_id": "ü" * 255, "created_by": "ü" * 255},
        {"output_resource_name": "\u2003x"},
    ],
)
def test_the_table_takes_what_the_rules_allow(system, run, columns):
    insert(system, run_id=run, **columns)
    assert system.count(run) == 1


OF_TABLE = "gold_label_"
REFUSED = [
    ({"account_id": ""}, "account_id_is_a_principal"),
    ({"account_id": "a\nb"}, "account_id_is_a_principal"),
    ({"account_id": "x" * 256}, "account_id_is_a_principal"),
    ({"created_by": "a\x7fb"}, "created_by_is_a_principal"),
    ({"created_by": ""}, "created_by_is_a_principal"),
    ({"output_resource_name": ""}, "output_resource_name_"),
    ({"output_resource_name": "ü" * 256}, "output_resource_name_has_1_to_255_characters"),
    ({"output_resource_name": " \t\u2003\u00a0\u3000"}, "output_resource_name_is_not_blank"),
    ({"text_value": None}, "has_one_value"),
    ({"object_value": "{}"}, "has_one_value"),
    ({"text_value": "ü" * 262145}, "text_value_has_at_most_524288_bytes"),
    ({"text_value": None, "object_value": "[]"}, "object_value_is_an_object"),
    ({"text_value": None, "object_value": "null"}, "object_value_is_an_object"),
    ({"object_value_is_partial": False}, "only_an_object_is_partial"),
    ({"run_id": str(uuid.UUID(int=0))}, "run_id_fkey"),
]


@pytest.mark.parametrize(("columns", "constraint"), REFUSED, ids=range(len(REFUSED)))
def test_the_table_refuses_what_breaks_a_rule(system, run, columns, constraint):
    with pytest.raises(psycopg.errors.IntegrityError) as refusal:
        insert(system, **({"run_id": run} | columns))
    assert refusal.value.diag.constraint_name.startswith(OF_TABLE + constraint)


def test_the_worker_may_neither_change_nor_delete_labels(system):
    of_tables = system.query(
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants"
        " WHERE grantee = 'gold_label_worker'"
    )
    assert of_tables == [("gold_label", "SELECT")]
    of_columns = system.query(
        "SELECT table_name, privilege_type, array_agg(column_name::text)"
        " FROM information_schema.role_column_grants WHERE grantee = 'gold_label_worker'"
        " AND (table_name, privilege_type) <> ('gold_label', 'SELECT') GROUP BY 1, 2"
    )
    filled = (
        "id account_id run_id output_resource_name text_value object_value object_value_is_partial created_by"
    )
    assert {(table, kind): set(columns) for table, kind, columns in of_columns} == {
        ("gold_label", "INSERT"): set(filled.split()),
        ("run", "SELECT"): {"id", "account_id"},
        ("schema_version", "SELECT"): {"version"},
    }


# ---- a refused row ----


@pytest.fixture
def refused_name(system):
    """A name that PostgreSQL refuses and that no rule of ours knows."""
    name = "refused"
    check = f"ADD CONSTRAINT refuses_one_name CHECK (output_resource_name <> '{name}') NOT VALID"
    system.query(f"ALTER TABLE gold_label {check}")
    yield name
    system.query("ALTER TABLE gold_label DROP CONSTRAINT refuses_one_name")


def test_a_row_that_postgresql_refuses_costs_only_itself(system, sender, results, run, refused_name):
    commands = [command(run) for _ in range(1001)]
    commands[500]["output_resource_name"] = refused_name
    ids = {one["command_id"] for one in commands}
    for one in commands:
        sender.queue(one, partition=2)
    sender.flush()
    seen = results.read_until(lambda events: ids <= {e.result["command_id"] for e in events})
    rejected = [e.result for e in seen if e.result["outcome"] == "REJECTED" and e.result["command_id"] in ids]
    assert [(r["command_id"], r["code"]) for r in rejected] == [
        (commands[500]["command_id"], "invalid_value")
    ]
    wait_until(lambda: system.count(run) == 1000, what="all others")


@pytest.fixture
def generated_column(system):
    """The platform computes a column, and for one name there is nothing to compute it from."""
    rule = "GENERATED ALWAYS AS (nullif(output_resource_name, 'no team')) STORED NOT NULL"
    system.query(f"ALTER TABLE gold_label ADD COLUMN team text {rule}")
    yield "team"
    system.query("ALTER TABLE gold_label DROP COLUMN team")


def test_a_label_that_leaves_a_generated_column_null_costs_only_itself(api, run, generated_column):
    refused = api.post(run, {"output_resource_name": "no team", "text_value": "top secret"})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_value")
    assert refused.json()["error"] == "the database refused the label: column team, SQLSTATE 23502"
    assert api.post(run, {"output_resource_name": "a", "text_value": "b"}).status_code == 201


def test_a_refusal_over_http_does_not_show_the_value(api, run, refused_name):
    answer = api.post(run, {"output_resource_name": refused_name, "text_value": "top secret"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_value")
    assert "top secret" not in answer.text
