"""A page of a list costs the same wherever it is: PostgreSQL walks the index and sorts nothing."""

import json
import uuid

import psycopg
import pytest
from support.system import ROOT

INDEX = "gold_label_run_id_created_at_id_idx"
LABELS = 20_000
LIMIT = 100
SQL = ROOT / "ingress" / "sql"
TYPES = "uuid, text, uuid, text, int, int, int"  # of $1 to $7
FILL = """
INSERT INTO gold_label (id, account_id, run_id, output_resource_name, text_value, created_at)
SELECT gen_random_uuid(), %s, %s, 'summary', n::text, timestamptz '2026-01-01' + (n / 7) * interval '1 second'
  FROM generate_series(1, %s) AS n
"""


def nodes(plan):
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


@pytest.fixture
def explain(system):
    """Runs the ingress's own statement for a page behind a label; its plan, with what was done."""
    with psycopg.connect(system.env["DATABASE_URL"], autocommit=True) as connection:
        text = (SQL / "set_up_reads.sql").read_text().replace("$1", "'30000'")
        connection.execute(text)
        statement = (SQL / "list_labels.sql").read_text() + (SQL / "answer.sql").read_text()
        connection.execute(f"PREPARE page ({TYPES}) AS {statement}")

        def page(run, after):
            behind = f"'{after}'" if after else "NULL"
            values = f"'{run}', '{system.env['ACCOUNT_ID']}', {behind}, '', 65536, {LIMIT}, 1048576"
            [(plan,)] = connection.execute(
                f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE page ({values})"
            ).fetchall()
            return (plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]

        yield page


@pytest.fixture
def long_run(system):
    """A run with many labels between runs with some; its ids in order."""
    others = [system.new_run() for _ in range(20)]
    run = system.new_run()
    for one, count in ((run, LABELS), *((other, 200) for other in others)):
        system.query(FILL, system.env["ACCOUNT_ID"], one, count)
    system.query("VACUUM ANALYZE gold_label")
    rows = system.query("SELECT id FROM gold_label WHERE run_id = %s ORDER BY created_at, id", uuid.UUID(run))
    return run, [row[0] for row in rows]


def buffers(plan):
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def test_a_page_is_walked_along_the_index_and_late_ones_cost_what_the_first_one_does(long_run, explain):
    run, ids = long_run
    explain(run, None)  # the first of a connection reads the catalogue, too
    pages = {
        after: explain(run, ids[after] if after else None) for after in (0, LABELS // 2, LABELS - 2 * LIMIT)
    }
    for plan in pages.values():
        [picked] = [node for node in nodes(plan) if node.get("Subplan Name") == "CTE picked"]
        steps = [node for node in nodes(picked) if node.get("Relation Name") == "gold_label"]
        assert [(step["Node Type"], step.get("Index Name")) for step in steps] == [("Index Scan", INDEX)]
        assert steps[0]["Actual Loops"] == LIMIT + 1  # one label each, and whether there is more
        assert steps[0]["Actual Rows"] == 1
        assert not [node for node in nodes(picked) if "Sort" in node["Node Type"]]
        whole = [node for node in nodes(plan) if node.get("Relation Name") == "gold_label"]
        assert "Seq Scan" not in {node["Node Type"] for node in whole}
    first, *late = (buffers(plan) for plan in pages.values())
    print(f"buffers of the first page {first}, of late ones {late}")
    assert all(count < 1.3 * first for count in late)
