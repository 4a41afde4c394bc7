"""path: one label at a time over one connection, HTTP to 201, and the floors of that path around it: Kafka's
part twice (produce to consume of the same command) and one committed insert of the same row."""

import json
from statistics import mean, median

from bench.closed_loop import measure_point, warm_up
from bench.inserts import insert_p50_ms
from bench.programs import TOOLS, output, say
from bench.services import Services

TOPIC = "bench.floor"
P50_MS, RATIO = 1.5, 1.6


def measure_floors(bench) -> dict:
    echo = bench.system.stream(
        KAFKA_COMMANDS_TOPIC=TOPIC, KAFKA_RESULTS_TOPIC=TOPIC, BENCH_COMMANDS=bench.at["BENCH_SINGLES"]
    )
    kafka = json.loads(output(TOOLS / "one_command", **echo).splitlines()[-1])["p50_ms"]
    insert = insert_p50_ms(bench.system, bench.at["BENCH_SECONDS"])
    return {"kafka_ms": kafka, "insert_ms": insert, "sum_ms": round(2 * kafka + insert, 3)}


def show_floors(floors: dict) -> dict:
    say(
        f"  floors: produce to consume {floors['kafka_ms']:.2f} ms, insert {floors['insert_ms']:.2f} ms;"
        f" {floors['sum_ms']:.2f} ms with Kafka's twice"
    )
    return floors


def measure(bench) -> None:
    seconds = bench.at["BENCH_SECONDS"]
    bench.topics.make_commands(TOPIC, partitions=1)
    bench.report.title("One connection, HTTP to 201; p50, and that of the floors around it")
    paths = []
    with Services(bench.system) as services:
        warm_up(services, seconds)
        floors = [show_floors(measure_floors(bench))]
        for _ in range(bench.at["BENCH_ROUNDS"]):
            point, _change = measure_point(services, 1, 1, seconds)
            floors.append(measure_floors(bench))
            ratio = point["p50_ms"] / mean(f["sum_ms"] for f in floors[-2:])
            paths.append(point | {"of_floors": round(ratio, 3)})
            say(f"  path {point['p50_ms']:.2f} ms: {ratio:.2f} of the floors; not 201: {point['not_201']}")
            show_floors(floors[-1])
    bench.topics.delete(TOPIC)
    p50, ratio = (median(path[name] for path in paths) for name in ("p50_ms", "of_floors"))
    say(f"  p50 {p50:.2f} ms, {bench.report.target('HTTP, one connection: p50, ms', p50, most=P50_MS)}")
    verdict = bench.report.target("HTTP, one connection: p50 to the sum of its floors", ratio, most=RATIO)
    say(f"  {ratio:.2f} of the floors, {verdict}")
    bench.report.numbers["path"] = {"paths": paths, "floors": floors}
