"""Triggers of the platform on gold_label: what is answered as stored is stored, and as it was sent."""

import re
from collections import Counter

import pytest
from support.events import command
from support.waiting import wait_until

MARKED = "marked"  # the name of labels that the trigger does something to


@pytest.fixture
def with_trigger(system):
    """A function: from now on the trigger does this to marked labels."""

    def use(body):
        system.query(
            "CREATE FUNCTION meddles() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF NEW.output_resource_name = '{MARKED}' THEN {body} END IF; RETURN NEW; END $$"
        )
        system.query(
            "CREATE TRIGGER meddles BEFORE INSERT ON gold_label FOR EACH ROW EXECUTE FUNCTION meddles()"
        )

    yield use
    system.query("DROP TRIGGER IF EXISTS meddles ON gold_label")
    system.query("DROP FUNCTION IF EXISTS meddles()")


@pytest.fixture
def worker(workers, topics):
    return workers.start(**topics.environment).wait_until_ready()


@pytest.fixture
def ask(topics, worker):
    """Sends commands in one batch; a function that waits for their results, by command id."""

    def send(commands):
        sender = topics.sender()
        for one in commands:
            sender.queue(one)
        sender.flush()
        ids = {one["command_id"] for one in commands}
        seen = topics.results.read_until(lambda events: ids <= {e.result["command_id"] for e in events})
        return {e.result["command_id"]: e.result for e in seen if e.result["command_id"] in ids}

    return send


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("NEW.text_value := 'another';", "changes it"),
        ("NEW.text_value := NULL; NEW.object_value := '{}';", "changes it"),
        ("NEW.created_by := 'somebody';", "changes it"),
        ("NEW.id := gen_random_uuid();", "changes it"),
        ("RETURN NULL;", "leaves it out"),
    ],
    ids=["text", "kind of value", "user", "id", "row"],
)
def test_a_label_that_a_trigger_does_not_store_as_it_was_sent_is_rejected_alone(
    system, ask, run, with_trigger, body, message
):
    with_trigger(body)
    sent = [command(run) for _ in range(20)]
    sent[7] = command(run, output_resource_name=MARKED, text_value="top secret")
    answers = ask(sent)
    assert Counter(r["outcome"] for r in answers.values()) == {"CREATED": 19, "REJECTED": 1}
    rejected = answers[sent[7]["command_id"]]
    assert rejected["code"] == "invalid_value"
    assert rejected["message"].endswith(f"a trigger on gold_label {message}")
    assert system.count(run) == 19


def test_what_a_trigger_fills_in_is_answered(system, ask, run, with_trigger):
    with_trigger("NEW.updated_at := now(); NEW.updated_by := 'the trigger';")
    ours, others = command(run, output_resource_name=MARKED), command(run)
    answers = ask([ours, others])
    assert {(r["outcome"], r["replayed"]) for r in answers.values()} == {("CREATED", False)}
    label = answers[ours["command_id"]]["label"]
    assert (label["updated_by"], label["updated_at"]) == ("the trigger", label["created_at"])
    label = answers[others["command_id"]]["label"]
    assert (label["updated_by"], label["updated_at"]) == (None, None)
    assert system.count(run) == 2


def test_a_repetition_beside_a_label_that_a_trigger_fills_in_is_a_replay(topics, worker, run, with_trigger):
    with_trigger("NEW.updated_at := now();")
    sender = topics.sender()
    for ours in [command(run, output_resource_name=MARKED) for _ in range(10)]:
        sender.queue(ours)
        sender.queue(ours)
    sender.flush()
    seen = topics.results.read_until(lambda events: len(events) == 20)
    assert Counter(e.result["replayed"] for e in seen) == {False: 10, True: 10}
    assert all(e.result["label"]["updated_at"] for e in seen)


@pytest.mark.parametrize("body", ["NEW.text_value := 'another';", "NEW.id := gen_random_uuid();"])
@pytest.mark.parametrize("shape", ["partitioned", "view"])
def test_triggers_of_what_lies_under_gold_label_are_noticed_too(system, workers, topics, run, shape, body):
    system.query("ALTER TABLE gold_label RENAME TO whole")
    if shape == "view":
        system.query("CREATE VIEW gold_label AS SELECT * FROM whole")
        part = "whole"
    else:
        system.query(
            "CREATE TABLE gold_label (LIKE whole INCLUDING DEFAULTS, PRIMARY KEY (id)) PARTITION BY HASH (id)"
        )
        system.query("CREATE TABLE part PARTITION OF gold_label FOR VALUES WITH (MODULUS 1, REMAINDER 0)")
        part = "part"
    system.query("GRANT SELECT, INSERT ON gold_label TO gold_label_worker")
    try:
        system.query(
            "CREATE FUNCTION meddles() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" {body} RETURN NEW; END $$; CREATE TRIGGER meddles BEFORE INSERT ON {part}"
            " FOR EACH ROW EXECUTE FUNCTION meddles()"
        )
        workers.start(**topics.environment).wait_until_ready()
        answer = topics.ask(command(run)).result
        assert (answer["outcome"], answer["code"]) == ("REJECTED", "invalid_value")
        assert "a trigger on gold_label changes it" in answer["message"]
        assert system.count(run) == 0
    finally:
        system.query(f"DROP {'VIEW' if shape == 'view' else 'TABLE'} gold_label")
        system.query("ALTER TABLE whole RENAME TO gold_label")
        system.query("DROP FUNCTION IF EXISTS meddles() CASCADE")


@pytest.fixture
def short_texts(system):
    """The platform has given a column a type that cuts off trailing blanks."""
    system.query("ALTER TABLE gold_label RENAME TO whole")
    system.query("CREATE TABLE gold_label (LIKE whole INCLUDING DEFAULTS, PRIMARY KEY (id))")
    system.query("ALTER TABLE gold_label ALTER COLUMN text_value TYPE varchar(3)")
    system.query("GRANT SELECT, INSERT ON gold_label TO gold_label_worker")
    yield
    system.query("DROP TABLE gold_label")
    system.query("ALTER TABLE whole RENAME TO gold_label")


def test_a_label_that_the_type_of_a_column_changes_is_rejected(system, short_texts, ask, run):
    kept, cut = command(run, text_value="ab "), command(run, text_value="ab    ")
    answers = ask([kept, cut])
    assert answers[kept["command_id"]]["outcome"] == "CREATED"
    rejected = answers[cut["command_id"]]
    assert (rejected["outcome"], rejected["code"]) == ("REJECTED", "invalid_value")
    assert rejected["message"].endswith("the type of a column or a trigger on gold_label changes it")
    assert system.query("SELECT text_value FROM gold_label WHERE run_id = %s", run) == [("ab ",)]


def test_a_label_whose_id_a_policy_hides_is_waited_for_ever_more_slowly(system, topics, worker, ask, run):
    """Nothing is known of it: the label that has its id may be the same."""
    ours = command(run)
    assert ask([ours])[ours["command_id"]]["outcome"] == "CREATED"
    system.query("UPDATE gold_label SET updated_by = 'hidden' WHERE run_id = %s", run)
    system.query("ALTER TABLE gold_label ENABLE ROW LEVEL SECURITY")
    try:
        system.query("CREATE POLICY shown ON gold_label TO gold_label_worker USING (updated_by IS NULL)")
        topics.sender().send(ours)
        told = r"policy on gold_label hide it.* attempt=(\d+)"
        wait_until(lambda: [n for n in re.findall(told, worker.log) if int(n) > 3], what="it tries again")
        assert not worker.is_ready()
    finally:
        system.query("DROP POLICY IF EXISTS shown ON gold_label")
        system.query("ALTER TABLE gold_label DISABLE ROW LEVEL SECURITY")
    topics.results.read_until(lambda events: len(events) == 2)
    assert topics.results.seen[1].result["replayed"] is True
