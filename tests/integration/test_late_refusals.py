"""A command whose label is stored is CREATED again, whatever would refuse it today: its sender may have
heard nothing yet."""

import pytest
from support.events import command


@pytest.fixture
def closed(system):
    """A function: from now on a trigger of the platform lets nothing into this run."""

    def close(run):
        system.query(
            "CREATE FUNCTION closed() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN IF NEW.run_id = '{run}' THEN RAISE EXCEPTION 'closed'; END IF; RETURN NEW; END $$"
        )
        system.query(
            "CREATE TRIGGER closed BEFORE INSERT ON gold_label FOR EACH ROW EXECUTE FUNCTION closed()"
        )

    yield close
    system.query("DROP TRIGGER IF EXISTS closed ON gold_label")
    system.query("DROP FUNCTION IF EXISTS closed()")


@pytest.fixture
def ask(sender, results):
    """Sends commands; a function that waits for as many new results, by command id."""

    def send(*commands):
        before = len(results.read_all())
        for one in commands:
            sender.queue(one, partition=2)
        sender.flush()
        ids = {one["command_id"] for one in commands}
        seen = results.read_until(lambda events: ids <= {e.result["command_id"] for e in events[before:]})
        return {e.result["command_id"]: e.result for e in seen[before:] if e.result["command_id"] in ids}

    return send


def test_what_was_stored_before_its_run_was_closed_is_replayed(ask, system, run, closed):
    old, new = command(run), command(run)
    assert ask(old)[old["command_id"]]["outcome"] == "CREATED"
    closed(run)
    other = old | {"text_value": "another"}
    assert ask(other)[old["command_id"]]["code"] == "invalid_value"
    found = ask(old, new)
    assert (found[old["command_id"]]["outcome"], found[old["command_id"]]["replayed"]) == ("CREATED", True)
    assert (found[new["command_id"]]["outcome"], found[new["command_id"]]["code"]) == (
        "REJECTED",
        "invalid_value",
    )
    assert system.count(run) == 1


def test_what_was_stored_before_its_run_went_to_another_account_is_replayed(ask, system, run):
    old, new = command(run), command(run)
    assert ask(old)[old["command_id"]]["outcome"] == "CREATED"
    system.query("UPDATE run SET account_id = 'another' WHERE id = %s", run)
    found = ask(old, new)
    assert (found[old["command_id"]]["outcome"], found[old["command_id"]]["replayed"]) == ("CREATED", True)
    assert found[new["command_id"]]["code"] == "run_not_found"
    assert ask(old | {"text_value": "another"})[old["command_id"]]["code"] == "run_not_found"
    assert system.count(run) == 1


def test_a_post_that_is_repeated_after_its_run_was_closed_gets_its_201(api, run, closed):
    body = {"output_resource_name": "a", "text_value": "b"}
    first = api.post(run, body, Idempotency_Key='"late"')
    closed(run)
    again = api.post(run, body, Idempotency_Key='"late"')
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json()["id"] == first.json()["id"]
    assert api.post(run, body).status_code == 422
