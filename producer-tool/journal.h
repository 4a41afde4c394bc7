/* What a load leaves behind: a record per line, a checkpoint, a bar on the terminal, a word about refused lines. */
#pragma once
#include "producer-tool/checkpoint.h"
#include "producer-tool/ledger.h"
#include "producer-tool/progress.h"
#include "producer-tool/records.h"

struct journal {
    struct records *records;
    const char *name;            /* of the input, for messages of a dry run; NULL: it is none */
    const char *checkpoint_path; /* NULL: none is kept */
    struct checkpoint at;        /* the prefix in which every line is done */
    bool is_cut;                 /* a line without a certain outcome has ended the prefix */
    bool is_stale;               /* the input is no more what the load began with */
    struct progress progress;
    uint64_t offset;   /* of the input, done or not */
    int64_t next_us;   /* when to write the next checkpoint */
    uint64_t saved;    /* the line of the last one */
    unsigned doubtful; /* lines whose end is uncertain, and that were named */
};

/* For ledger_options.closed, with the journal as its context. */
void journal_line(void *ctx, const struct ledger_line *line);

/* Draws and saves when it is time to. Errors: STATUS_FATAL: something cannot be written. */
status journal_tick(struct journal *j, const struct summary *now, int64_t now_us, struct fault *f) must_check;
/* Saves now. Errors: as journal_tick(). */
status journal_save(struct journal *j, struct fault *f) must_check;
/* At the end: saves, or takes the checkpoint away where every line is done. Errors: as journal_tick(). */
status journal_end(struct journal *j, enum summary_end end, struct fault *f) must_check;
