#include "producer-tool/checkpoint.h"

#include "common/config.h"
#include "common/json.h"
#include "common/text.h"
#include "common/uuid.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FORMAT = 1,
    FILE_MAX = 16 * 1024,
    ARENA_BLOCK = 16 * 1024,
};

/* The numbers of the file and where they are in struct checkpoint. */
static const struct {
    const char *name;
    size_t offset;
} NUMBERS[] = {
    {"size", offsetof(struct checkpoint, size)},
    {"line", offsetof(struct checkpoint, line)},
    {"offset", offsetof(struct checkpoint, offset)},
    {"read", offsetof(struct checkpoint, summary.read)},
    {"stored", offsetof(struct checkpoint, summary.outcomes[SUMMARY_STORED])},
    {"replayed", offsetof(struct checkpoint, summary.outcomes[SUMMARY_REPLAYED])},
    {"accepted", offsetof(struct checkpoint, summary.outcomes[SUMMARY_ACCEPTED])},
    {"rejected", offsetof(struct checkpoint, summary.outcomes[SUMMARY_REJECTED])},
    {"results_bytes", offsetof(struct checkpoint, lengths.bytes[RECORDS_RESULTS])},
    {"rejects_bytes", offsetof(struct checkpoint, lengths.bytes[RECORDS_REJECTS])},
    {"reasons_bytes", offsetof(struct checkpoint, lengths.bytes[RECORDS_REASONS])},
};
enum { N_NUMBERS = sizeof NUMBERS / sizeof *NUMBERS };

void checkpoint_dispose(struct checkpoint *c)
{
    buffer_dispose(&c->load);
}

void checkpoint_bind(struct checkpoint *c, struct slice run_id, struct slice account, struct slice topic,
                     enum summary_wait wait)
{
    static const char *const WAITS[] = {"stored", "accepted", "dry run"};
    const struct {
        const char *name;
        struct slice value;
    } parts[] = {{"run", run_id}, {"account", account}, {"topic", topic}, {"wait", slice_of(WAITS[wait])}};

    buffer_clear(&c->load);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        buffer_printf(&c->load, "%s%s=", i ? " " : "", parts[i].name);
        buffer_add_slice(&c->load, parts[i].value);
    }
}

/* ---- writing ---- */

static void put_json(const struct checkpoint *c, struct buffer *to)
{
    char digest[DIGEST_TEXT_LEN + 1];
    digest_format(&c->digest, digest);
    buffer_printf(to, "{\"format\":%d,\"digest\":\"%s\",\"load\":", FORMAT, digest);
    json_write_string(to, buffer_slice(&c->load));
    for (size_t i = 0; i < N_NUMBERS; i++) {
        uint64_t number = 0;
        memcpy(&number, (const char *)c + NUMBERS[i].offset, sizeof number);
        buffer_printf(to, ",\"%s\":%" PRIu64, NUMBERS[i].name, number);
    }
    buffer_add_text(to, "}\n");
}

static bool write_synced(int fd, struct slice text)
{
    while (text.len > 0) {
        ssize_t n = write(fd, text.at, text.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text = slice_make(text.at + n, text.len - (size_t)n);
    }
    return fsync(fd) == 0;
}

/* The new name survives a loss of power once its folder is on disk. Where a folder cannot be synced, that is its file system's way. */
static void sync_folder(const char *path)
{
    char *copy = strdup(path);
    int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    free(copy);
}

/* A name that nobody else has: a fixed one could be somebody's file, or that of another load which writes at the same moment. */
static void name_temporary(const char *path, struct buffer *out)
{
    uint8_t random[16];
    uint32_t number = 0;
    uuid_random_bytes(random);
    memcpy(&number, random, sizeof number);
    buffer_printf(out, "%s.%08" PRIx32 ".tmp", path, number);
    buffer_add_char(out, '\0');
}

status checkpoint_write(const struct checkpoint *c, const char *path, struct fault *f)
{
    struct buffer text = {0};
    struct buffer temporary = {0};

    put_json(c, &text);
    name_temporary(path, &temporary);
    if (text.failed || temporary.failed || c->load.failed) {
        buffer_dispose(&text);
        buffer_dispose(&temporary);
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for a checkpoint");
    }

    int fd = open(temporary.at, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    bool ok = fd >= 0 && write_synced(fd, buffer_slice(&text));
    ok = ok && rename(temporary.at, path) == 0;
    int reason = errno;
    if (fd >= 0)
        close(fd);
    if (ok)
        sync_folder(path);
    else if (fd >= 0)
        (void)unlink(temporary.at);
    buffer_dispose(&text);
    buffer_dispose(&temporary);
    return ok ? STATUS_OK
              : fault_set(f, STATUS_FATAL, "checkpoint", "the checkpoint %s cannot be written: %s", path,
                          strerror(reason));
}

/* ---- reading ---- */

struct reading {
    struct checkpoint c; /* numbers only */
    unsigned seen;       /* bit i: NUMBERS[i] */
    uint64_t format;
    struct slice digest;
    struct slice load;
};

static status take_member(void *ctx, const struct json_member *m, struct fault *f)
{
    struct reading *r = ctx;
    uint64_t number = 0;
    if (m->kind == JSON_STRING && slice_is(m->name, "digest"))
        r->digest = m->value;
    if (m->kind == JSON_STRING && slice_is(m->name, "load"))
        r->load = m->value;
    if (m->kind != JSON_NUMBER)
        return STATUS_OK;
    if (!text_to_u64(m->value, INT64_MAX, &number))
        return fault_set(f, STATUS_INVALID, "checkpoint", "a number is out of bounds");
    if (slice_is(m->name, "format"))
        r->format = number;
    for (size_t i = 0; i < N_NUMBERS; i++) {
        if (slice_is(m->name, NUMBERS[i].name)) {
            memcpy((char *)&r->c + NUMBERS[i].offset, &number, sizeof number);
            r->seen |= 1U << i;
        }
    }
    return STATUS_OK;
}

/* Leaves of two descriptions of loads the parts from the first to the last in which they differ. */
static void leave_difference(struct slice *a, struct slice *b)
{
    size_t head = 0;
    size_t tail = 0;
    size_t most = a->len < b->len ? a->len : b->len;

    while (head < most && a->at[head] == b->at[head])
        head++;
    while (head > 0 && a->at[head - 1] != ' ')
        head--;
    while (tail < most - head && a->at[a->len - 1 - tail] == b->at[b->len - 1 - tail])
        tail++;
    while (tail > 0 && a->at[a->len - tail] != ' ')
        tail--;
    *a = slice_make(a->at + head, a->len - head - tail);
    *b = slice_make(b->at + head, b->len - head - tail);
}

static status compare(const struct reading *r, const struct checkpoint *c, const char *path, struct fault *f)
{
    char digest[DIGEST_TEXT_LEN + 1];
    digest_format(&c->digest, digest);
    if (r->format != FORMAT || r->seen != (1U << N_NUMBERS) - 1 || !r->digest.at || !r->load.at)
        return fault_set(f, STATUS_MALFORMED, "checkpoint", "%s is no checkpoint of this program", path);
    if (!slice_is(r->digest, digest))
        return fault_set(
            f, STATUS_CONFLICT, "checkpoint",
            "the checkpoint %s belongs to another input (its digest is %.16s…, the input's %.16s…)", path,
            r->digest.len >= 16 ? r->digest.at : "?", digest);
    struct slice then = r->load;
    struct slice now = buffer_slice(&c->load);
    if (!slice_equal(then, now)) {
        leave_difference(&then, &now);
        return fault_set(f, STATUS_CONFLICT, "checkpoint",
                         "the checkpoint %s belongs to another load of this input (%.*s; now: %.*s)", path,
                         (int)then.len, then.at, (int)now.len, now.at);
    }
    /* One that is not whole would lose lines. */
    if (r->c.offset > c->size || r->c.size != c->size || !summary_holds(&r->c.summary))
        return fault_set(f, STATUS_MALFORMED, "checkpoint", "the checkpoint %s does not add up", path);
    return STATUS_OK;
}

status checkpoint_read(struct checkpoint *c, const char *path, struct fault *f)
{
    if (access(path, F_OK) != 0)
        return fault_set(f, STATUS_NOT_FOUND, "checkpoint", "there is no checkpoint %s", path);

    struct buffer text = {0};
    struct arena *arena = arena_new(ARENA_BLOCK);
    struct reading r = {.c.summary.wait = c->summary.wait};
    status st = arena ? config_read_file(path, FILE_MAX, &text, f)
                      : fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for a checkpoint");
    if (st == STATUS_OK && json_read_object(buffer_slice(&text), 2, arena, take_member, &r, f) != STATUS_OK)
        st = fault_set(f, STATUS_MALFORMED, "checkpoint", "%s is no checkpoint of this program", path);
    if (st == STATUS_OK)
        st = compare(&r, c, path, f);
    if (st == STATUS_OK) {
        c->line = r.c.line;
        c->offset = r.c.offset;
        c->summary = r.c.summary;
        c->summary.resumed = c->summary.read;
        c->lengths = r.c.lengths;
    }
    buffer_dispose(&text);
    arena_free(arena);
    return st;
}
