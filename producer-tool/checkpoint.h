/* How far a load has come: everything up to a line has an outcome, and nothing behind it is said to have one.
 *
 * Bound to the input by its digest and to what makes the ids and the counts, so that it is never applied to another load.
 * Written to a new file beside it first, synced and renamed: there is always a whole one. */
#pragma once
#include "common/buffer.h"
#include "common/digest.h"
#include "common/status.h"
#include "producer-tool/records.h"
#include "producer-tool/summary.h"
#include <stdint.h>

struct checkpoint {
    struct digest digest; /* of the unpacked input */
    uint64_t size;        /* likewise */
    struct buffer load;   /* whatever else must be the same: see checkpoint_bind() */

    uint64_t line;   /* the last line of the prefix */
    uint64_t offset; /* of the next one, in the unpacked input */
    struct summary summary;
    struct records_lengths lengths;
};

void checkpoint_dispose(struct checkpoint *c);

/* Fills `load`: two loads with equal texts send the same commands for the same input and count alike. Slices may be absent. */
void checkpoint_bind(struct checkpoint *c, struct slice run_id, struct slice account, struct slice topic,
                     enum summary_wait wait);

/* Errors: STATUS_FATAL with the reason, STATUS_NO_MEMORY. */
status checkpoint_write(const struct checkpoint *c, const char *path, struct fault *f) must_check;
/* Reads the one at `path` and takes over its position, counts and lengths, if it belongs to the input and the load that
 * `c` says. Errors: STATUS_NOT_FOUND (there is none), STATUS_CONFLICT (it belongs to another input or load; `f` says which),
 * STATUS_MALFORMED, STATUS_CONFIG (it cannot be read), STATUS_NO_MEMORY. */
status checkpoint_read(struct checkpoint *c, const char *path, struct fault *f) must_check;
