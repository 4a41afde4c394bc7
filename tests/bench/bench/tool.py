"""tool: how fast `gold-label send` puts lines on Kafka."""

import json

from bench.http_load import BODY
from bench.programs import BIN, output
from bench.system import RUNS

TOPIC = "bench.tool"


def measure(bench) -> None:
    lines = bench.system.state / "labels.ndjson"
    token = bench.system.state / "tool.token"
    token.write_text(bench.system.token(bench.system.env["ACCOUNT_ID"], "developer"))
    with lines.open("w") as file:
        for i in range(bench.at["BENCH_TOOL_COMMANDS"]):
            file.write(f'{{"run_id": "00000000-0000-4000-8000-{i % RUNS:012d}", {BODY[1:]}\n')
    bench.topics.make_commands(TOPIC)
    sent = json.loads(
        output(
            *(BIN / "gold-label", "send", "--token-file", token, "--wait", "accepted", lines),
            GOLD_LABEL_KAFKA_BROKERS=bench.system.env["KAFKA_BROKERS"],
            GOLD_LABEL_KAFKA_COMMANDS_TOPIC=TOPIC,
        )
    )
    bench.topics.delete(TOPIC)
    lines.unlink()
    bench.report.title(
        f"Producer tool, --wait accepted, {sent['read']:,} lines: {sent['rate']:,.0f} commands/s"
    )
    bench.report.numbers["tool"] = sent
