#include "tests/bench/stream.h"

#include "common/avro_codec.h"
#include "common/config.h"
#include "common/uuid.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TOKENS_MAX = 64,
    FILE_MAX = 1024 * 1024,
    TEXT_LEN = 348, /* makes a value of 450 bytes */
    LABELS_PER_MS = 50,
    FRAME_LEN = 10, /* of single-object encoding */
    CUT_LEN = 60,   /* in the middle of the ids */
};

/* Time stamps of the ids begin here (2026-01-01): a stream does not depend on when it is made. */
static const uint64_t FIRST_MS = UINT64_C(1767225600000);

/* Of a thousand commands of a messy stream. */
static const struct {
    unsigned below;
    enum stream_kind kind;
} SHARES[] = {{10, STREAM_RULE_BREAKER}, {20, STREAM_MISSING_RUN}, {21, STREAM_UNREADABLE}};

struct stream {
    struct stream_options o;
    struct avro_codec *codec;
    struct buffer tokens; /* the file */
    struct buffer authorization[TOKENS_MAX];
    size_t n_tokens;
    struct buffer value;
    char id[UUID_TEXT_LEN + 1];
    char run[UUID_TEXT_LEN + 1];
    char text[TEXT_LEN + 1];
};

/* splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). */
static uint64_t scatter(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

static status read_tokens(struct stream *s, struct fault *f)
{
    status st = config_read_file(s->o.tokens_file, FILE_MAX, &s->tokens, f);
    if (st != STATUS_OK)
        return st;
    const char *at = s->tokens.at;
    const char *end = at + s->tokens.len;
    while (at < end && s->n_tokens < TOKENS_MAX) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (!line_end)
            line_end = end;
        struct buffer *b = &s->authorization[s->n_tokens++];
        buffer_add_text(b, "Bearer ");
        buffer_add(b, at, (size_t)(line_end - at));
        if (b->failed)
            return STATUS_NO_MEMORY;
        at = line_end + 1;
    }
    if (s->n_tokens < (size_t)s->o.accounts)
        return fault_set(f, STATUS_CONFIG, "tokens", "%s: %zu tokens, and there are %lld accounts",
                         s->o.tokens_file, s->n_tokens, (long long)s->o.accounts);
    return STATUS_OK;
}

status stream_new(const struct stream_options *options, struct stream **out, struct fault *f)
{
    struct stream *s = calloc(1, sizeof *s);
    if (!s)
        return STATUS_NO_MEMORY;
    s->o = *options;
    s->codec = avro_codec_new(&(struct avro_codec_options){.command_schema_id = -1, .result_schema_id = -1});
    status st = s->codec ? read_tokens(s, f) : STATUS_NO_MEMORY;
    if (st != STATUS_OK) {
        stream_free(s);
        return st;
    }
    *out = s;
    return STATUS_OK;
}

void stream_free(struct stream *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < TOKENS_MAX; i++)
        buffer_dispose(&s->authorization[i]);
    buffer_dispose(&s->tokens);
    buffer_dispose(&s->value);
    avro_codec_free(s->codec);
    free(s);
}

static enum stream_kind kind_of(const struct stream *s, uint64_t n)
{
    unsigned part = (unsigned)(scatter(n) % 1000);
    for (size_t i = 0; s->o.messy && i < sizeof SHARES / sizeof *SHARES; i++) {
        if (part < SHARES[i].below)
            return SHARES[i].kind;
    }
    return STREAM_GOOD;
}

/* `n` bytes, big endian. */
static void put(uint8_t *to, uint64_t number, size_t n)
{
    for (size_t i = n; i-- > 0; number >>= 8)
        to[i] = (uint8_t)number;
}

/* A version 7 UUID; labels of one millisecond are in order, as uuid_v7() makes them. */
static void make_id(struct stream *s, uint64_t n)
{
    struct uuid id;
    uint64_t random = scatter(scatter((uint64_t)s->o.seed) ^ n);

    put(id.bytes, FIRST_MS + n / LABELS_PER_MS, 6);
    put(id.bytes + 6, 0x7000 | n % LABELS_PER_MS, 2);
    put(id.bytes + 8, UINT64_C(1) << 63 | random >> 2, 8);
    uuid_format(&id, s->id);
}

/* The n-th run of the bench, or one that is not there. */
static void make_run(struct stream *s, uint64_t run, bool missing)
{
    struct uuid id = {{0}};
    id.bytes[6] = 0x40;
    put(id.bytes + 8, missing ? 0x8002 : 0x8001, 2);
    put(id.bytes + 10, run, 6);
    uuid_format(&id, s->run);
}

static struct slice spoil(struct buffer *value, uint64_t n)
{
    switch (n % 3) {
    case 0:
        return SLICE_NONE;
    case 1:
        memset(value->at + 2, 0xAA, FRAME_LEN - 2);
        return buffer_slice(value);
    default:
        return slice_make(value->at, CUT_LEN);
    }
}

status stream_make(struct stream *s, uint64_t n, struct stream_command *out)
{
    enum stream_kind kind = kind_of(s, n);
    uint64_t run = n % (uint64_t)s->o.runs;
    uint64_t account = run % (uint64_t)s->o.accounts;
    /* The users of an account take turns each time all runs have had theirs. */
    uint64_t users = (s->n_tokens - account - 1) / (uint64_t)s->o.accounts + 1;
    uint64_t token = account + n / (uint64_t)s->o.runs % users * (uint64_t)s->o.accounts;

    make_id(s, n);
    make_run(s, run, kind == STREAM_MISSING_RUN);
    int head = snprintf(s->text, sizeof s->text, "Label %llu of the bench. ", (unsigned long long)n);
    memset(s->text + head, 'x', TEXT_LEN - (size_t)head);
    const struct label_command command = {
        .command_id_text = slice_make(s->id, UUID_TEXT_LEN),
        .run_id_text = slice_make(s->run, UUID_TEXT_LEN),
        .output_resource_name =
            kind == STREAM_RULE_BREAKER ? SLICE_LITERAL("          ") : SLICE_LITERAL("answer.txt"),
        .text_value = slice_make(s->text, TEXT_LEN),
    };
    buffer_clear(&s->value);
    status st = avro_encode_command(s->codec, &command, &s->value);
    if (st != STATUS_OK)
        return st;
    *out = (struct stream_command){
        .kind = kind,
        .id = command.command_id_text,
        .key = command.run_id_text,
        .value = kind == STREAM_UNREADABLE ? spoil(&s->value, n) : buffer_slice(&s->value),
        .authorization = buffer_slice(&s->authorization[token]),
    };
    return STATUS_OK;
}
