"""What must hold when everything has healed: commands, rows, results, dead letters and HTTP answers agree."""

import io
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import fastavro
import plans
from history import VERDICTS, Label, canonical, exact
from observer import text
from support.api import MEMBERS
from support.events import COMMAND, COMMAND_HEAD, DEAD_LETTERS

LOG_FAULTS = {
    "a sanitizer's finding": rb"ERROR: AddressSanitizer|WARNING: ThreadSanitizer|runtime error:",
    "a token": rb"eyJ[\w-]+\.eyJ[\w-]+",
    "a label's value": plans.MARK.encode(),
}

# Ids as text: those that are no UUIDs must be read, too.
AS_TEXT = {
    name: value
    if name != "fields"
    else [field | ({"type": "string"} if isinstance(field["type"], dict) else {}) for field in value]
    for name, value in COMMAND.items()
    if not name.startswith("__")
}


@dataclass
class Row:
    label: Label
    created_at: datetime
    members: dict  # of RunGoldLabel, comparable


def comparable(members):
    """The eleven members, with exact numbers and times that can be compared."""
    value = members["object_value"]
    moments = {name: members[name] for name in ("created_at", "updated_at")}
    return members | {
        "object_value": None if value is None else exact(value),
        **{name: None if at is None else at.astimezone(UTC) for name, at in moments.items()},
    }


def read_rows(system, history):
    """By id. A row is found by its id alone, so two of one id would hide each other."""
    names = ", ".join(
        f"{name}::text" if name in ("id", "run_id", "object_value") else name for name in MEMBERS
    )
    rows = {}
    for values in system.query(f"SELECT {names} FROM gold_label"):
        m = dict(zip(MEMBERS, values, strict=True))
        label = Label(
            m["account_id"],
            m["created_by"],
            m["run_id"],
            m["output_resource_name"],
            m["text_value"],
            m["object_value"],
            m["object_value_is_partial"],
        )
        if m["id"] in rows:
            history.violation("one-row", f"two rows have the id {m['id']}")
        rows[m["id"]] = Row(label, m["created_at"], comparable(m))
    return rows


class Checks:
    def __init__(self, history, observer, rows, exactly_once):
        self.history = history
        self.commands = observer.commands
        self.answers = observer.answers
        self.strays = observer.strays
        self.rows = rows
        self.exactly_once = exactly_once
        self.attempts = {one.trace: one for one in history.attempts}
        self.made = Counter()
        self.published = {}  # trace -> commands
        for command in self.commands.values():
            self.published.setdefault(command.trace, []).append(command)

    def wrong(self, check, text, **details):
        self.history.violation(check, text, **details)

    def run(self):
        for check in (
            self.every_command_was_sent,
            self.every_acknowledged_command_is_there,
            self.every_command_has_its_answer,
            self.every_answer_has_its_command,
            self.every_row_was_asked_for,
            self.every_http_answer_is_true,
        ):
            check()
        return self.made

    # ---- commands ----

    def every_command_was_sent(self):
        for command in self.commands.values():
            self.made["commands are what was sent"] += 1
            attempt = self.attempts.get(command.trace)
            asked = command.headers.get("reply-partition")
            asked = None if asked is None else int(asked)
            if not attempt:
                self.wrong("asked", "a command that nobody sent", command=command)
            elif attempt.via == "kafka" and (command.value, asked) != (
                attempt.value,
                attempt.reply_partition,
            ):
                self.wrong("asked", "a command is not what was sent", command=command, attempt=attempt)
            elif attempt.via == "http" and decode(command.value) != wanted_fields(attempt, command):
                self.wrong("asked", "a command is not what was requested", command=command, attempt=attempt)

    def every_acknowledged_command_is_there(self):
        for attempt in self.attempts.values():
            if attempt.via == "kafka" and attempt.where:
                self.made["acknowledged commands are on the topic"] += 1
                command = self.commands.get(attempt.where)
                if not command or command.trace != attempt.trace:
                    self.wrong("acknowledged", "a command that Kafka acknowledged is gone", attempt=attempt)

    # ---- answers ----

    def every_command_has_its_answer(self):
        first_stores = Counter()
        for place, command in self.commands.items():
            attempt = self.attempts.get(command.trace)
            if not attempt:
                continue
            answers = self.answers.get(place, [])
            self.made["commands have their answer"] += 1
            if not answers:
                self.wrong("answered", "a command has no answer", command=command, attempt=attempt)
            if self.exactly_once and len(answers) > 1:
                self.wrong("once", f"a command has {len(answers)} answers", command=command, answers=answers)
            for answer in answers:
                self.check_answer(command, attempt, answer)
            if any(
                one.result and one.result["outcome"] == "CREATED" and not one.result["replayed"]
                for one in answers
            ):
                first_stores[answers[0].result["command_id"]] += 1
        for label_id, times in first_stores.items():
            if times > 1:
                self.wrong("created-once", f"{times} commands are told that they stored the label {label_id}")

    def verdict(self, command, attempt):
        """What is to be said about a command: CREATED, a code of a rejection, or a dead letter."""
        fixed = VERDICTS[attempt.kind]
        if fixed:
            return fixed
        row = self.rows.get(decode(command.value)["command_id"])
        same = row and row.label.content == attempt.label.content
        return "CREATED" if same else "id_conflict" if row else "a row"

    def check_answer(self, command, attempt, answer):
        self.made["answers are right"] += 1
        verdict = self.verdict(command, attempt)
        details = {"command": command, "attempt": attempt, "answer": answer}
        if (answer.topic == DEAD_LETTERS) != (verdict == "dead-letter"):
            self.wrong("verdict", f"{verdict} was expected, and {answer.topic} has something else", **details)
        elif answer.topic == DEAD_LETTERS:
            self.check_dead_letter(command, answer, details)
        else:
            self.check_result(command, attempt, answer, verdict, details)

    def check_dead_letter(self, command, answer, details):
        ours = {name: value for name, value in answer.headers.items() if not name.startswith("dlq-")}
        if (answer.key, answer.value, ours) != (command.key, command.value, command.headers):
            self.wrong("dead-letter", "a dead letter is not what was sent", **details)

    def check_result(self, command, attempt, answer, verdict, details):
        result = answer.result
        said = "CREATED" if result["outcome"] == "CREATED" else result["code"]
        if said != verdict:
            self.wrong("verdict", f"{verdict} was expected, not {said}", **details)
            return
        fields = decode(command.value)
        if (result["command_id"], result["run_id"]) != (fields["command_id"], fields["run_id"]):
            self.wrong("verdict", "the result is of another command", **details)
        if answer.partition != self.wanted_partition(command):
            self.wrong("partition", "the result is not on the partition that it was to be on", **details)
        for name in ("traceparent", "correlation-id"):
            if answer.headers.get(name) != command.headers.get(name):
                self.wrong("echo", f"the {name} is not the command's", **details)
        if said == "CREATED":
            row = self.rows[fields["command_id"]]
            if comparable(result["label"]) != row.members:
                self.wrong("created", "the label of a CREATED is not its row", row=row, **details)

    def wanted_partition(self, command):
        """The one that was asked for, where it exists; else that of the key, which is the command's own."""
        asked = text(command.headers, "reply-partition")
        return int(asked) if asked.isdigit() and int(asked) < plans.PARTITIONS else command.partition

    def every_answer_has_its_command(self):
        for answer in self.strays:
            self.wrong("answered", "an answer to nothing", answer=answer)
        for place, answers in self.answers.items():
            self.made["answers have their command"] += 1
            if place not in self.commands:
                self.wrong("answered", "an answer to a command that is not there", answers=answers)

    # ---- rows ----

    def every_row_was_asked_for(self):
        asked = {}
        for command in self.commands.values():
            attempt = self.attempts.get(command.trace)
            if attempt and attempt.kind == "good":
                asked.setdefault(decode(command.value)["command_id"], []).append(attempt.label)
        for label_id, row in self.rows.items():
            self.made["rows were asked for"] += 1
            if not any(
                (label.content, label.subject) == (row.label.content, row.label.subject)
                for label in asked.get(label_id, [])
            ):
                self.wrong(
                    "asked", f"nobody asked for the row {label_id}", row=row, asked=asked.get(label_id)
                )
        for label_id in asked.keys() - self.rows.keys():
            self.wrong("stored", f"there is no row for the good command {label_id}", asked=asked[label_id])

    # ---- HTTP ----

    def every_http_answer_is_true(self):
        rules = {
            201: self.check_201,
            202: self.check_202,
            401: lambda one: one.kind == "bad-token",
            404: lambda one: one.kind == "missing-run",
            422: self.check_422,
            503: lambda one: True,
            504: lambda one: True,
            None: lambda one: True,
        }
        publishing = (201, 202)
        open_ended = (504, None)
        for attempt in self.attempts.values():
            if attempt.via != "http":
                continue
            self.made["HTTP answers are true"] += 1
            if attempt.status not in rules or not rules[attempt.status](attempt):
                self.wrong("http", f"the answer {attempt.status} is not true", attempt=attempt)
            published = self.published.get(attempt.trace, [])
            if attempt.status in publishing and not published:
                self.wrong("http", f"{attempt.status}, but nothing was published", attempt=attempt)
            never = attempt.status == 503 or attempt.kind in ("bad-token", "rule-breaker")
            if published and never and attempt.status not in open_ended:
                self.wrong(
                    "http", f"{attempt.status}, but it was published", attempt=attempt, commands=published
                )

    def check_201(self, attempt):
        row = self.rows.get(attempt.body["id"])
        body = dict(attempt.body)
        value = body["object_value"]
        body["object_value"] = None if value is None else canonical(value)
        shown = {name: moment(body[name]) for name in ("created_at", "updated_at")}
        return (
            attempt.kind == "good"
            and row is not None
            and row.label.content == attempt.label.content
            and body | shown == row.members
            and self.names_label(attempt)
        )

    def check_202(self, attempt):
        known = VERDICTS[attempt.kind] != "dead-letter" and attempt.kind not in ("bad-token", "rule-breaker")
        return known and attempt.body["status"] == "accepted" and self.names_label(attempt)

    def names_label(self, attempt):
        """Id and Location are of this request."""
        label_id = attempt.body["id"]
        published = {decode(one.value)["command_id"] for one in self.published.get(attempt.trace, [])}
        return (
            attempt.location == f"/v1/run/{attempt.label.run}/gold-label/{label_id}"
            and attempt.id in (None, label_id)
            and published <= {label_id}
        )

    def check_422(self, attempt):
        if attempt.kind in ("rule-breaker", "refused"):
            return True
        row = self.rows.get(attempt.id)
        is_conflict = attempt.body["code"] == "id_conflict"
        return is_conflict and row is not None and row.label.content != attempt.label.content


def moment(text):
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def decode(value):
    if not value or not value.startswith(COMMAND_HEAD):
        return {}
    return fastavro.schemaless_reader(io.BytesIO(value[len(COMMAND_HEAD) :]), AS_TEXT, None)


def wanted_fields(attempt, command):
    """The record that the ingress should have made of a request; an id that it chose is taken as it is."""
    label = attempt.label
    return {
        "command_id": attempt.id or decode(command.value).get("command_id"),
        "run_id": label.run,
        "output_resource_name": label.name,
        "text_value": label.text,
        "object_value": label.object,
        "object_value_is_partial": label.partial,
        "account_id": None,
        "created_by": None,
    }


def check_logs(history, programs):
    for program in programs:
        text = program.log.read_bytes() if program.log.exists() else b""
        for what, pattern in LOG_FAULTS.items():
            found = re.search(pattern, text)
            if found:
                line = text.count(b"\n", 0, found.start()) + 1
                history.violation("logs", f"{what} in {program.log}, line {line}")
