"""Bugs that the checker must find: what is changed in the sources, and a run that brings each to light."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Edit:
    file: str
    old: str  # there is exactly one
    new: str


@dataclass(frozen=True)
class Bug:
    name: str
    edits: tuple[Edit, ...]
    options: str  # of the checker
    found_by: tuple[str, ...]  # checks, one of which must speak up


GROUP = "gold-label-worker"
TRANSACTION = "common/kafka_transaction_calls.c"
SEND_OFFSETS = Edit(
    TRANSACTION,
    'rd_kafka_send_offsets_to_transaction(call(t, "send offsets"), t->offsets,\n'
    f"{' ' * 65}t->membership, CALL_TIMEOUT_MS)",
    "(rd_kafka_error_t *)NULL",
)
PLAIN_COMMIT = "(void)rd_kafka_commit(kafka_consumer_handle(t->o.consumer), t->offsets, 0)"
EXACTLY_ONCE = "--delivery exactly-once --only kill-worker --seconds 20"

BUGS = (
    Bug(
        "offsets before insert",
        (
            Edit(
                "worker/pipeline_flow.c",
                "    batch_make_rows(b);\n",
                "    batch_make_rows(b);\n    (void)offsets_merge(&p->finished, &b->offsets);\n",
            ),
        ),
        "--only lock-table,kill-postgres",
        ("offsets",),
    ),
    Bug(
        "result before commit",
        (
            Edit(
                "worker/store_connect.c",
                "    {STORE_LOOKUP, LOOKUP_LABELS},\n",
                '    {STORE_LOOKUP, LOOKUP_LABELS},\n    {NULL, "BEGIN"},\n',
            ),
        ),
        "--only kill-worker",
        ("row-visible",),
    ),
    Bug(
        "no ON CONFLICT",
        (Edit("worker/sql/insert_labels.sql", "    ON CONFLICT (id) DO NOTHING\n", ""),),
        "--only kill-worker --seconds 5",
        ("verdict",),
    ),
    Bug(
        "poison skipped",
        (
            Edit(
                "worker/pipeline_answers.c",
                "    while (b->sent < b->n && b->n_resend == 0 && st == STATUS_OK) {\n",
                "    while (b->sent < b->n && b->n_resend == 0 && st == STATUS_OK) {\n"
                "        if (b->entries[b->sent].fate == ENTRY_DEAD && ++b->sent)\n            continue;\n",
            ),
        ),
        "--only kill-worker --seconds 5",
        ("offsets", "answered"),
    ),
    Bug(
        "result lost on restart",
        (
            Edit(
                "worker/pipeline_answers.c",
                "        if (!is_on_its_way(b))\n            break;\n    }\n",
                "        if (!is_on_its_way(b))\n            break;\n"
                "        (void)offsets_merge(&p->finished, &b->offsets);\n    }\n",
            ),
        ),
        "--only kill-worker --worker-setting GOLD_LABEL_KAFKA_LINGER_MS=300",
        ("offsets", "answered"),
    ),
    Bug(
        "replies swapped",
        (
            Edit(
                "ingress/outcome.c",
                "!pending_take(in->pending, correlation, now_us, &w)",
                "!pending_take_any(in->pending, &w)",
            ),
        ),
        "--only freeze-worker --seconds 5",
        ("http",),
    ),
    Bug(
        "reply partition ignored",
        (
            Edit(
                "worker/reply_to.c",
                "text_to_u64(h->reply_partition,",
                "false && text_to_u64(h->reply_partition,",
            ),
        ),
        "--only freeze-worker --seconds 5",
        ("partition",),
    ),
    Bug(
        "data error retried",
        (Edit("worker/store_errors.c", '{"23", BLAME_ROW}', '{"23", BLAME_DATABASE}'),),
        "--only kill-ingress --seconds 5 --deadline 15",
        ("lag",),
    ),
    Bug(
        "rejected for a database fault",
        (Edit("worker/store_errors.c", '{"57014", BLAME_SIZE}', '{"57014", BLAME_ROW}'),),
        "--only cancel-waiting --seconds 15",
        ("verdict",),
    ),
    Bug(
        "DLQ for a database fault",
        (
            Edit("worker/store_errors.c", '{"57014", BLAME_SIZE}', '{"57014", BLAME_ROW}'),
            Edit(
                "worker/answers.c",
                "    return e->fate == ENTRY_DEAD ?",
                "    if (e->fate == ENTRY_STORE && e->row->verdict == STORE_INVALID &&\n"
                '        memmem(e->row->message.at, e->row->message.len, "57014", 5)) {\n'
                '        e->fate = ENTRY_DEAD;\n        e->dead_code = "database";\n'
                "        e->reason = e->row->message;\n    }\n"
                "    return e->fate == ENTRY_DEAD ?",
            ),
        ),
        "--only cancel-waiting --seconds 15",
        ("verdict",),
    ),
    Bug(
        "no group metadata",
        (
            Edit(
                TRANSACTION,
                SEND_OFFSETS.old,
                SEND_OFFSETS.old.replace("t->membership", f'rd_kafka_consumer_group_metadata_new("{GROUP}")'),
            ),
        ),
        "--delivery exactly-once --only freeze-worker --seconds 60",
        ("once", "offsets"),
    ),
    Bug(
        "offsets outside the transaction",
        (Edit(TRANSACTION, SEND_OFFSETS.old, f"({PLAIN_COMMIT}, (rd_kafka_error_t *)NULL)"),),
        EXACTLY_ONCE,
        ("offsets", "answered", "once"),
    ),
    Bug(
        "results outside the transaction",
        (
            SEND_OFFSETS,
            Edit(
                "worker/pipeline_transaction.c",
                "    offsets_clear(&p->transaction);\n",
                "    if (committed)\n        (void)offsets_merge(&p->finished, &p->transaction);\n"
                "    offsets_clear(&p->transaction);\n",
            ),
        ),
        f"{EXACTLY_ONCE} --worker-setting GOLD_LABEL_WORKER_COMMIT_INTERVAL_MS=3000",
        ("once",),
    ),
)


def apply(bug, root):
    """Changes the sources below `root`; what was there, by path."""
    before = {}
    for edit in bug.edits:
        path = Path(root) / edit.file
        text = path.read_text()
        before.setdefault(path, text)
        assert text.count(edit.old) == 1, (
            f"{bug.name}: {edit.file} has {text.count(edit.old)} times: {edit.old}"
        )
        path.write_text(text.replace(edit.old, edit.new))
    return before


def restore(before):
    for path, text in before.items():
        path.write_text(text)
