/* What a load writes about its lines, in their order: --results (a JSON object per line), --rejects (the refused lines,
 * byte for byte, to be mended and fed again) and its twin with the reasons (REJECTS.reasons, a JSON object per refused line).
 *
 * Each file's length is known at any time, so that a load that goes on after a crash cuts off what was written behind its checkpoint:
 * no line appears twice. */
#pragma once
#include "common/buffer.h"
#include "common/status.h"
#include "producer-tool/ledger.h"
#include <stdint.h>

struct records;

struct source;

enum records_file { RECORDS_RESULTS, RECORDS_REJECTS, RECORDS_REASONS, RECORDS_FILES };

struct records_lengths {
    uint64_t bytes[RECORDS_FILES]; /* as before where the file is not wanted this time */
};

/* NULL: not wanted. */
struct records_paths {
    const char *results;
    const char *rejects;
    const char *checkpoint; /* is not opened here, but must be another file */
};

/* Opens and checks the files. `keep`: how much of each existing file stays; NULL: they begin empty. `source` is where lines are read again
 * that were too long to be kept. Files that are one, or the input, or another load's, are a fault: they would overwrite each other. Every
 * fault is one line in `faults`; where there is any, NULL. Nothing is cut off yet. */
struct records *records_open(const struct records_paths *wanted, const struct records_lengths *keep,
                             const struct source *source, struct buffer *faults);
void records_free(struct records *r);
/* Cuts off what is not to be kept: before the first line, and when a checkpoint is on disk that knows of it. Errors: STATUS_CONFIG. */
status records_begin(struct records *r, struct fault *f) must_check;

/* A signal that is ready there ends the waiting for the reader of a pipe, which is a write that failed. */
void records_heed(struct records *r, int signal_fd);

/* One line that is closed. Written later, see records_flush(). */
void records_add(struct records *r, const struct ledger_line *line);
/* Whether rejected lines and their reasons are kept in files. */
bool records_keep_rejects(const struct records *r);
/* How long the files will be, with what is still in memory. */
struct records_lengths records_length(const struct records *r);
/* Writes what is still in memory; `durably`: and waits until it survives a loss of power.
 * Errors: STATUS_FATAL with the reason, also of an earlier write. */
status records_flush(struct records *r, bool durably, struct fault *f) must_check;
