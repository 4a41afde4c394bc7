"""tool: how fast `gold-label send` puts lines on Kafka, beside librdkafka's own rate for the same messages,
and how fast it only checks them. The tool's rates are by the wall time of the whole process; librdkafka's
clock starts when all messages are in memory."""

import json
from statistics import mean, median

from bench.programs import TOOLS, output, say
from bench.sending import line, send, write_lines

RATE, OF_RAW, CHECKED = 150_000, 0.7, 300_000
PEAK_MIB = 64
SENT, RAW = "bench.tool.sent", "bench.tool.raw"


def measure_raw(bench, commands: int, number: int) -> dict:
    """The messages of the `number`th send, sent again from memory by librdkafka alone."""
    sent, again = f"{SENT}.{number}", f"{RAW}.{number}"
    bench.topics.make_commands(again)
    named = {"FROM": sent, "TO": again, "COMMANDS": commands}
    settings = {f"GOLD_LABEL_BENCH_{name}": value for name, value in named.items()}
    raw = json.loads(
        output(TOOLS / "raw", GOLD_LABEL_KAFKA_BROKERS=bench.system.env["KAFKA_BROKERS"], **settings)
    )
    bench.topics.delete(sent, again)
    costs = f"{raw['rate']:10,.0f} {'':10} {raw['cpu_us']:12.1f}"
    say(f"  {'librdkafka alone':24} {costs}   values of {raw['value_bytes']:.0f} bytes")
    return raw


def measure_send(bench, lines, number: int) -> dict:
    topic = f"{SENT}.{number}"
    bench.topics.make_commands(topic)
    return send(bench.system, lines, "--wait", "accepted", topics={"COMMANDS": topic})


def show(name: str, sent: dict, note: str = "") -> None:
    rates = f"{sent['wall_rate']:10,.0f} {sent['rate']:10,.0f}"
    costs = f"{sent['cpu_us']:12.1f} {sent['peak_mib']:9.1f} {sent['wall_seconds']:9.2f}"
    say(f"  {name:24} {rates} {costs}{note}")


def judge(bench, rates: list[dict], checks: list[dict]) -> None:
    target = bench.report.target
    rate, raw = median(sent["wall_rate"] for sent in rates), median(sent["raw"] for sent in rates)
    least = min(RATE, OF_RAW * raw)
    say(f"  {rate:,.0f} lines/s by wall time: {rate / raw:.2f} of librdkafka's own rate")
    lower = f"the lower of {RATE:,} and {OF_RAW} of librdkafka alone"
    what = f"send --wait accepted: lines/s by wall time (least: {lower})"
    say(f"  accepted {target(what, rate, least=round(least))}")
    checked = median(check["wall_rate"] for check in checks)
    say(f"  --dry-run {target('send --dry-run: lines/s by wall time', checked, least=CHECKED)}")
    peak = max(run["peak_mib"] for run in (*rates, *checks))
    say(f"  peak {target('send --wait accepted: peak memory, MiB', peak, most=PEAK_MIB)}")


def measure(bench) -> None:
    commands, rounds = bench.at["BENCH_TOOL_COMMANDS"], bench.at["BENCH_ROUNDS"]
    lines = write_lines(bench.system.state / "labels.ndjson", map(line, range(commands)))
    bench.report.title(f"Producer tool, {commands:,} lines of {len(line(0))} bytes")
    heads = f"{'lines/s':>10} {'own clock':>10} {'CPU µs/line':>12} {'peak MiB':>9} {'wall s':>9}"
    say(f"  {'':24} {heads}")
    show("accepted (to warm up)", measure_send(bench, lines, 0))
    raws, rates, checks = [measure_raw(bench, commands, 0)], [], []
    for number in range(1, rounds + 1):
        sent = measure_send(bench, lines, number)
        raws.append(measure_raw(bench, commands, number))
        rates.append(sent | {"raw": mean(raw["rate"] for raw in raws[-2:])})
        ratio = sent["wall_rate"] / rates[-1]["raw"]
        show("send --wait accepted", sent, f"   {ratio:.2f} of librdkafka alone")
        checks.append(send(bench.system, lines, "--dry-run"))
        show("send --dry-run", checks[-1])
    lines.unlink()
    judge(bench, rates, checks)
    bench.report.numbers["tool"] = {"raw": raws, "accepted": rates, "checked": checks}
