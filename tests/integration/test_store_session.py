"""What the worker sets for its session, whatever the defaults of the database and of its role are."""

import psycopg
import pytest
from support.events import command
from support.system import ROOT

SQL = ROOT / "worker" / "sql"
TYPES = "uuid[], uuid[], text[], text[], text[], jsonb[], boolean[], text[]"  # of $1 to $8
STATEMENTS = ("insert_labels", "lookup_labels")
ROLE = "gold_label_worker"
TRIGGER = """
CREATE TABLE session_seen (run_id uuid, name text, value text);
CREATE FUNCTION see_session() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO session_seen SELECT NEW.run_id, name, current_setting(name) FROM unnest(TG_ARGV) AS name;
    RETURN NEW;
END $$;
CREATE TRIGGER see_session BEFORE INSERT ON gold_label
    FOR EACH ROW EXECUTE FUNCTION
    see_session('synchronous_commit', 'plan_cache_mode', 'statement_timeout', 'enable_seqscan', 'jit',
                'idle_session_timeout');
"""
NO_TRIGGER = """
DROP TRIGGER see_session ON gold_label;
DROP FUNCTION see_session();
DROP TABLE session_seen;
"""


@pytest.fixture
def with_role_set(system):
    """Sets defaults of the worker's role, for connections from now on."""

    def use(**settings):
        with system.superuser() as connection:
            for name, value in settings.items():
                connection.execute(f"ALTER ROLE {ROLE} SET {name} = '{value}'")

    system.query(TRIGGER)
    yield use
    system.query(NO_TRIGGER)
    with system.superuser() as connection:
        connection.execute(f"ALTER ROLE {ROLE} RESET ALL")


@pytest.mark.parametrize(
    ("of_role", "in_session"),
    [
        (
            {
                "synchronous_commit": "off",
                "plan_cache_mode": "force_custom_plan",
                "statement_timeout": "1d",
                "jit": "on",
                "idle_session_timeout": "1d",
            },
            {"synchronous_commit": "on"},
        ),
        ({"synchronous_commit": "remote_apply"}, {"synchronous_commit": "remote_apply"}),
        ({"synchronous_commit": "local"}, {"synchronous_commit": "local"}),
    ],
    ids=["weaker", "stronger", "as strong without standby"],
)
def test_a_commit_is_on_disk_and_the_statement_planned_once(
    system, topics, workers, run, with_role_set, of_role, in_session
):
    with_role_set(**of_role)
    worker = workers.start(**topics.environment, GOLD_LABEL_POSTGRES_STATEMENT_TIMEOUT_MS="7000")
    worker.wait_until_ready()
    assert ("synchronous_commit is off in the database" in worker.log) == (
        of_role["synchronous_commit"] == "off"
    )
    assert topics.ask(command(run)).result["outcome"] == "CREATED"
    seen = dict(system.query("SELECT name, value FROM session_seen WHERE run_id = %s", run))
    expected = {
        "plan_cache_mode": "force_generic_plan",
        "enable_seqscan": "off",
        "jit": "off",
        "idle_session_timeout": "0",
        "statement_timeout": "7s",
    }
    assert seen == expected | in_session


# ---- plans ----


@pytest.fixture
def small_tables(system):
    """A connection set up as the worker's. It has tables of its own: one run, no label, and that is known."""
    with psycopg.connect(system.env["DATABASE_URL"], autocommit=True) as connection:
        for table in ("run", "gold_label"):
            connection.execute(f"CREATE TEMP TABLE {table} (LIKE {table} INCLUDING ALL)")
        connection.execute("INSERT INTO run (id, account_id) VALUES (gen_random_uuid(), 'demo')")
        connection.execute("VACUUM ANALYZE run, gold_label")
        connection.execute((SQL / "set_up_session.sql").read_text().replace("$1", "'30000'"))
        for name in STATEMENTS:
            connection.execute(f"PREPARE {name} ({TYPES}) AS {(SQL / name).with_suffix('.sql').read_text()}")
        yield connection


def plan_of(connection, name):
    nothing = ", ".join(["'{}'"] * 8)
    return "\n".join(row[0] for row in connection.execute(f"EXPLAIN EXECUTE {name} ({nothing})"))


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_plan_for_small_tables_reads_none_of_them_as_a_whole(small_tables, name):
    assert "Seq Scan" not in plan_of(small_tables, name)


@pytest.mark.parametrize("name", STATEMENTS)
def test_plans_made_anew_find_labels_by_their_key(small_tables, name):
    plan_of(small_tables, name)
    small_tables.execute(
        "INSERT INTO gold_label (id, account_id, run_id, output_resource_name, text_value)"
        " SELECT gen_random_uuid(), 'demo', id, 'summary', n::text FROM run, generate_series(1, 1000) AS n"
    )
    small_tables.execute("DISCARD PLANS")  # as the worker does
    plan = plan_of(small_tables, name)
    assert "using gold_label_pkey on gold_label" in plan
    assert "gold_label_run_id_created_at_id_idx" not in plan
