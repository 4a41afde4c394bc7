"""path: one label at a time over one connection, HTTP to 201, and the floors of that path around it: Kafka's
part twice (produce to consume of the same command) and one committed insert of the same row. They are
measured as a label meets them, one after the other, each after a wait for the one before; and, to compare,
each in a loop of its own, where nothing ever waits and all caches are warm."""

import json
from statistics import mean, median

from bench.closed_loop import measure_point, warm_up
from bench.inserts import insert_of_one_run, insert_p50_ms
from bench.programs import TOOLS, output, say
from bench.services import Services

TOPIC = "bench.floor"
P50_MS, RATIO = 1.5, 1.6


def in_turn(bench) -> dict:
    """The medians, and that of all three together."""
    system = bench.system
    settings = system.stream(
        KAFKA_TOPIC=TOPIC,
        POSTGRES_CONNINFO=system.env["DATABASE_URL"],
        BENCH_STATEMENT=insert_of_one_run(system),
        BENCH_COMMANDS=bench.at["BENCH_SINGLES"],
    )
    steps = json.loads(output(TOOLS / "floors", **settings))
    return {f"{step}_ms": times["p50_ms"] for step, times in steps.items()}


def alone(bench) -> dict:
    echo = bench.system.stream(
        KAFKA_COMMANDS_TOPIC=TOPIC, KAFKA_RESULTS_TOPIC=TOPIC, BENCH_COMMANDS=bench.at["BENCH_SINGLES"]
    )
    kafka = json.loads(output(TOOLS / "one_command", **echo).splitlines()[-1])["p50_ms"]
    insert = insert_p50_ms(bench.system, bench.at["BENCH_SECONDS"])
    return {"kafka_ms": kafka, "insert_ms": insert, "sum_ms": round(2 * kafka + insert, 3)}


def measure_floors(bench) -> dict:
    floors = {"in_turn": in_turn(bench), "alone": alone(bench)}
    turn, loop = floors["in_turn"], floors["alone"]
    say(
        f"  floors: produce to consume {turn['command_ms']:.2f} ms, insert {turn['insert_ms']:.2f} ms,"
        f" produce to consume {turn['result_ms']:.2f} ms; together {turn['all_ms']:.2f} ms"
    )
    say(
        f"          in loops of their own: {loop['kafka_ms']:.2f} ms, {loop['insert_ms']:.2f} ms;"
        f" {loop['sum_ms']:.2f} ms with Kafka's twice"
    )
    return floors


def measure(bench) -> None:
    seconds = bench.at["BENCH_SECONDS"]
    bench.topics.make_commands(TOPIC, partitions=1)
    bench.report.title("One connection, HTTP to 201; p50, and that of the floors around it")
    paths = []
    with Services(bench.system) as services:
        warm_up(services, seconds)
        floors = [measure_floors(bench)]
        for _ in range(bench.at["BENCH_ROUNDS"]):
            point, _change = measure_point(services, 1, 1, seconds)
            floors.append(measure_floors(bench))
            ratios = {
                "of_floors": point["p50_ms"] / mean(f["in_turn"]["all_ms"] for f in floors[-2:]),
                "of_loops": point["p50_ms"] / mean(f["alone"]["sum_ms"] for f in floors[-2:]),
            }
            paths.append(point | {name: round(ratio, 3) for name, ratio in ratios.items()})
            say(
                f"  path {point['p50_ms']:.2f} ms: {ratios['of_floors']:.2f} of the floors,"
                f" {ratios['of_loops']:.2f} of those in loops of their own; not 201: {point['not_201']}"
            )
    bench.topics.delete(TOPIC)
    p50, ratio = (median(path[name] for path in paths) for name in ("p50_ms", "of_floors"))
    say(f"  p50 {p50:.2f} ms, {bench.report.target('HTTP, one connection: p50, ms', p50, most=P50_MS)}")
    verdict = bench.report.target("HTTP, one connection: p50 to the sum of its floors", ratio, most=RATIO)
    say(f"  {ratio:.2f} of the floors, {verdict}")
    bench.report.numbers["path"] = {"paths": paths, "floors": floors}
