"""Backlogs: commands that lie on a topic before a worker is started, put there once, drained many times."""

import json
from dataclasses import dataclass

from bench.programs import TOOLS, output
from bench.system import System
from bench.topics import Topics


@dataclass(frozen=True)
class Backlog:
    topic: str
    commands: int
    kinds: dict[str, int]  # how many must have which outcome
    seconds: float  # that it took to put them there


class Backlogs:
    def __init__(self, system: System, topics: Topics) -> None:
        self.system = system
        self.topics = topics
        self.made: dict[str, Backlog] = {}

    def get(self, commands: int, *, messy: bool = False) -> Backlog:
        topic = f"bench.{'messy' if messy else 'clean'}.{commands}"
        if topic not in self.made:
            self.topics.make_commands(topic)
            self.made[topic] = self.load(topic, commands, messy)
        return self.made[topic]

    def load(self, topic: str, commands: int, messy: bool) -> Backlog:
        settings = self.system.stream(
            KAFKA_COMMANDS_TOPIC=topic, BENCH_COMMANDS=commands, BENCH_MESSY="yes" if messy else "no"
        )
        sent = json.loads(output(TOOLS / "preload", **settings))
        kinds = {"created": sent["good"]} | {
            k: sent[k] for k in ("invalid_value", "run_not_found", "dead_letter")
        }
        return Backlog(topic, commands, kinds, sent["seconds"])

    def drop(self, backlog: Backlog) -> None:
        self.topics.delete(backlog.topic)
        del self.made[backlog.topic]
