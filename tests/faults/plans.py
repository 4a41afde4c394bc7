"""What the writers send: random labels, and what is wrong in every way that has an answer of its own."""

import io
import json
import time
import uuid
from dataclasses import replace

import fastavro
from history import Label
from support.events import COMMAND, COMMAND_HEAD

# In every value: no log may hold it.
MARK = "zqvalue"
# A name that a constraint of the test's own refuses.
REFUSED_NAME = "refused"
KEY_NAMESPACE = uuid.UUID("96bbb1f3-2a4a-4cde-8b33-0b9c2a4a6a51")
ACCOUNTS = ("demo", "acme", "globex")
RUNS_PER_ACCOUNT = 4
PARTITIONS = 8  # of each topic
TOKEN_LIFE_S = 24 * 3600


class World:
    """Runs that exist, and the tokens of those who label them."""

    def __init__(self, system, tokens):
        self.tokens = tokens
        self.runs = {
            account: [system.new_run(account) for _ in range(RUNS_PER_ACCOUNT)] for account in ACCOUNTS
        }
        self.signed = {}

    def token(self, audience, label):
        """`audience`: user or worker."""
        who = audience, label.account, label.subject
        if who not in self.signed:
            sign = getattr(self.tokens, audience)
            self.signed[who] = sign(label.account, subject=label.subject, exp=int(time.time()) + TOKEN_LIFE_S)
        return self.signed[who]

    def bad_token(self, rng, audience, label):
        sign = getattr(self.tokens, audience)
        return rng.choice(
            [
                lambda: None,
                lambda: sign(label.account, subject=label.subject, exp=int(time.time()) - 3600),
                lambda: sign(label.account, subject=label.subject, key=b"another secret of 32 bytes......"),
                lambda: "no.token.at-all",
            ]
        )()


def new_uuid(rng):
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def new_trace(rng):
    return f"00-{rng.getrandbits(127) + 1:032x}-{rng.getrandbits(63) + 1:016x}-01"


def key_id(account, key):
    """The label's id that follows from an Idempotency-Key."""
    return str(uuid.uuid5(KEY_NAMESPACE, f"{account}\0{key}"))


def number(rng):
    return rng.choice(["1.10", "0.0", "-7", "100", f"{rng.getrandbits(90)}", f"0.{rng.getrandbits(80):030d}"])


def value(rng):
    """Members of a Label, never twice the same."""
    unique = f"{MARK}-{rng.getrandbits(64):016x}"
    if rng.random() < 0.6:
        filler = (
            rng.choice(["", "", " ünïcödé ✓", "x" * 400, "x" * 4000])
            if rng.random() < 0.997
            else "y" * 200_000
        )
        return {"text": unique + filler}
    members = {"is": json.dumps(unique), "n": number(rng), "list": f"[{number(rng)}, true, null]"}
    names = rng.sample(sorted(members), len(members))
    text = "{" + ", ".join(f'"{name}": {members[name]}' for name in names) + "}"
    return {"object": text, "partial": rng.choice([None, True, False])}


def new_label(rng, world, kind):
    """A label of an existing run, unless the kind says otherwise."""
    account = rng.choice(ACCOUNTS)
    run = rng.choice(world.runs[account])
    name = rng.choice(["summary", "answer.txt", "Größe"])
    if kind == "missing-run":
        others = [run for other in ACCOUNTS if other != account for run in world.runs[other]]
        run = rng.choice([new_uuid(rng), rng.choice(others)])
    elif kind == "refused":
        name = f"{REFUSED_NAME} {rng.randrange(9)}"
    label = Label(account, rng.choice(["ann", "bob"]), run, name, **value(rng))
    return break_rule(rng, label) if kind == "rule-breaker" else label


def break_rule(rng, label):
    return rng.choice(
        [
            lambda: replace(label, name=" \u2003"),
            lambda: replace(label, name="n" * 256),
            lambda: replace(label, text=None, object=None, partial=None),
            lambda: replace(label, text=MARK, object="{}", partial=None),
            lambda: replace(label, text=None, object='{"a": 1, "a": 2}', partial=None),
        ]
    )()


def reformatted(label):
    """The same content in another text."""
    if label.object is None:
        return label
    return replace(label, object=label.object.replace(", ", " ,\n"))


def body(label):
    """The JSON of an HTTP request; numbers as they are."""
    members = {"output_resource_name": json.dumps(label.name)}
    if label.text is not None:
        members["text_value"] = json.dumps(label.text)
    if label.object is not None:
        members["object_value"] = label.object
    if label.partial is not None:
        members["object_value_is_partial"] = json.dumps(label.partial)
    return ("{" + ", ".join(f'"{name}": {text}' for name, text in members.items()) + "}").encode()


def record(label, command_id):
    """The Avro value of a command."""
    out = io.BytesIO(COMMAND_HEAD)
    out.seek(0, io.SEEK_END)
    fields = {
        "command_id": command_id,
        "run_id": label.run,
        "output_resource_name": label.name,
        "text_value": label.text,
        "object_value": label.object,
        "object_value_is_partial": label.partial,
    }
    fastavro.schemaless_writer(out, COMMAND, fields)
    return out.getvalue()


def garbage(rng, good):
    """Bytes that are no command; None is a record without a value."""
    return rng.choice(
        [
            lambda: None,
            lambda: b"",
            lambda: rng.randbytes(rng.randrange(1, 300)),
            lambda: good[: rng.randrange(1, len(good))],
            lambda: good + b"\0",
            lambda: COMMAND_HEAD[:2] + rng.randbytes(8) + good[10:],
        ]
    )()
