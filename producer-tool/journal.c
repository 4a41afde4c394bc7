#include "producer-tool/journal.h"

#include "common/log.h"
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum {
    SAVE_US = 1000000,
    DOUBTFUL_NAMED = 10, /* thousands of lines may share one fate */
};

/* ---- words ---- */

static void tell_of_dry_run(const struct journal *j, const struct ledger_line *line)
{
    fprintf(stderr, "%s:%" PRIu64 ":", j->name, line->number);
    if (line->reason.column)
        fprintf(stderr, "%zu:", line->reason.column);
    if (line->reason.member)
        fprintf(stderr, " %s:", line->reason.member);
    fprintf(stderr, " %s: %s\n", line->reason.code, line->reason.message ? line->reason.message : "");
}

static struct log_field column_of(const struct ledger_line *line)
{
    const struct log_field column = LOG_INT("column", line->reason.column);
    const struct log_field none = {.kind = LOG_FIELD_NONE};
    return line->reason.column ? column : none;
}

static void tell_of_rejected(struct journal *j, const struct ledger_line *line)
{
    if (j->name)
        tell_of_dry_run(j, line);
    else if (!records_keep_rejects(j->records))
        log_warning("line rejected", LOG_INT("line", line->number), column_of(line),
                    LOG_STR("code", line->reason.code), LOG_STR("reason", line->reason.message));
}

static void tell_of_doubtful(struct journal *j, const struct ledger_line *line)
{
    if (j->doubtful++ < DOUBTFUL_NAMED)
        log_warning(line->outcome == SUMMARY_UNKNOWN ? "outcome of a line unknown" : "line not sent",
                    LOG_INT("line", line->number), LOG_UUID("id", line->id),
                    LOG_STR("reason", line->reason.message));
    else if (j->doubtful == DOUBTFUL_NAMED + 1)
        log_warning("further such lines are not named: the summary counts them");
}

/* ---- lines ---- */

/* The prefix ends at the first line that must be sent again. */
static void extend_prefix(struct journal *j, const struct ledger_line *line)
{
    if (j->is_cut)
        return;
    if (line->outcome == SUMMARY_UNKNOWN || line->outcome == SUMMARY_NOT_SENT) {
        j->is_cut = true;
        j->at.lengths = records_length(j->records);
        return;
    }
    j->at.line = line->number;
    j->at.offset = line->end;
    j->at.summary.read++;
    summary_count(&j->at.summary, line->outcome);
}

void journal_line(void *ctx, const struct ledger_line *line)
{
    struct journal *j = ctx;
    if (line->outcome == SUMMARY_REJECTED || line->outcome == SUMMARY_UNKNOWN ||
        line->outcome == SUMMARY_NOT_SENT)
        progress_clear(&j->progress);
    if (line->outcome == SUMMARY_REJECTED)
        tell_of_rejected(j, line);
    else if (line->outcome == SUMMARY_UNKNOWN || line->outcome == SUMMARY_NOT_SENT)
        tell_of_doubtful(j, line);
    extend_prefix(j, line);
    j->offset = line->end;
    records_add(j->records, line);
}

/* ---- saving ---- */

status journal_save(struct journal *j, struct fault *f)
{
    status st = records_flush(j->records, j->checkpoint_path != NULL, f);
    if (st || !j->checkpoint_path)
        return st;
    if (!j->is_cut)
        j->at.lengths = records_length(j->records);
    j->saved = j->at.line;
    return checkpoint_write(&j->at, j->checkpoint_path, f);
}

status journal_tick(struct journal *j, const struct summary *now, int64_t now_us, struct fault *f)
{
    progress_show(&j->progress, now, j->offset, now_us);
    if (now_us < j->next_us)
        return STATUS_OK;
    j->next_us = now_us + SAVE_US;
    return j->at.line == j->saved ? STATUS_OK : journal_save(j, f);
}

status journal_end(struct journal *j, enum summary_end end, struct fault *f)
{
    progress_clear(&j->progress);
    if (!j->checkpoint_path || end != SUMMARY_COMPLETE || j->is_cut) {
        status st = journal_save(j, f);
        if (st == STATUS_OK && j->checkpoint_path)
            log_info(j->is_stale
                         ? "a checkpoint is left: --resume needs the input as it was, and it was changed"
                         : "a checkpoint is left: go on with --resume",
                     LOG_STR("file", j->checkpoint_path), LOG_INT("line", j->at.line));
        return st;
    }
    status st = records_flush(j->records, true, f);
    if (st == STATUS_OK)
        (void)unlink(j->checkpoint_path);
    return st;
}
