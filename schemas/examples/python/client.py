"""Gold labels over Kafka from Python, with confluent-kafka and fastavro. In this folder:

    pip install -r requirements.txt
    python client.py [N]      sends N commands (default 3), prints a line for each result and a summary
    python client.py encode   reads commands as JSON lines, prints fingerprint and message of each in hex

Environment: KAFKA_BROKERS, RUN_ID, WORKER_TOKEN; SCHEMAS (default ../../avro).
"""

import io
import json
import os
import sys
import time
import uuid
from pathlib import Path

import fastavro
from confluent_kafka import Consumer, Producer, TopicPartition
from fastavro.schema import fingerprint, to_parsing_canonical_form

COMMANDS, RESULTS = "gold-label.commands", "gold-label.results"
WAIT_S = 60


class Avro:
    """One schema; messages are in Avro's single-object encoding."""

    def __init__(self, name):
        schema = json.loads((Path(os.environ.get("SCHEMAS", "../../avro")) / name).read_text())
        self.schema = fastavro.parse_schema(schema)
        # fastavro writes the eight bytes as they go on the wire: little endian.
        little_endian = bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))
        self.fingerprint = int.from_bytes(little_endian, "little")
        self.head = b"\xc3\x01" + little_endian

    def encode(self, record):
        out = io.BytesIO()
        out.write(self.head)
        fastavro.schemaless_writer(out, self.schema, record)
        return out.getvalue()

    def decode(self, message):
        if not message.startswith(self.head):
            raise ValueError("another schema wrote this: look its fingerprint up")
        return fastavro.schemaless_reader(io.BytesIO(message[len(self.head) :]), self.schema, None)


def results_from_now_on(brokers):
    """A consumer without a group. It is positioned before anything is sent, so no result is missed."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "unused", "enable.auto.commit": False})
    partitions = consumer.list_topics(RESULTS, timeout=10).topics[RESULTS].partitions
    at = [TopicPartition(RESULTS, n) for n in partitions]
    for one in at:
        one.offset = consumer.get_watermark_offsets(one, timeout=10)[1]
    consumer.assign(at)
    return consumer


def main(count):
    brokers, run, token = (os.environ[name] for name in ("KAFKA_BROKERS", "RUN_ID", "WORKER_TOKEN"))
    command, result = Avro("create-gold-label.avsc"), Avro("gold-label-result.avsc")
    consumer = results_from_now_on(brokers)
    producer = Producer(
        {
            "bootstrap.servers": brokers,
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",  # as Java clients do it
        }
    )

    waiting = set()
    for n in range(count):
        record = {
            "command_id": str(uuid.uuid4()),
            "run_id": run,
            "output_resource_name": "summary",
            "text_value": f"label {n} from Python",
        }
        headers = {"authorization": f"Bearer {token}", "correlation-id": record["command_id"]}
        producer.produce(COMMANDS, command.encode(record), run, headers=headers)
        producer.poll(0)
        waiting.add(record["command_id"])
    if producer.flush(WAIT_S) > 0:
        sys.exit("not every command was taken")

    outcomes = {"CREATED": 0, "REJECTED": 0}
    deadline = time.monotonic() + WAIT_S
    while waiting and time.monotonic() < deadline:
        for message in consumer.consume(500, timeout=0.1):
            correlation_id = dict(message.headers() or []).get("correlation-id", b"").decode(errors="replace")
            if message.error() or correlation_id not in waiting:
                continue  # somebody else's, or one that came twice
            waiting.remove(correlation_id)
            said = result.decode(message.value())
            outcomes[said["outcome"]] += 1
            print(correlation_id, said["outcome"], said["code"] or said["label"]["created_at"].isoformat())
    consumer.close()
    print(
        f"sent {count}, created {outcomes['CREATED']}, rejected {outcomes['REJECTED']},"
        f" unanswered {len(waiting)}"
    )
    return int(bool(waiting))


def encode():
    command = Avro("create-gold-label.avsc")
    for line in sys.stdin:
        print(f"{command.fingerprint:016x}", command.encode(json.loads(line)).hex())


if __name__ == "__main__":
    if sys.argv[1:] == ["encode"]:
        encode()
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
