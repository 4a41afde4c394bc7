/* The store of a test, and its batches. */
#pragma once
#include "tests/unit/fake_libpq.h"

struct bench {
    struct metrics *metrics;
    struct store *store;
    struct arena *arena;
    struct label_command *commands;
    struct store_row *rows;
    size_t n;
};

static inline void set_up(struct bench *b)
{
    fake = (struct fake_server){.socket = eventfd(1, EFD_CLOEXEC), .address = "192.0.2.1"};
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT, "test");
    fake_clock.now_us = S;
    b->metrics = metrics_new();
    const struct store_options options = {.conninfo = "host=fake",
                                          .statement_timeout_ms = FAKE_TIMEOUT_MS,
                                          .clock = &fake_clock.base,
                                          .metrics = b->metrics};
    b->store = store_new(&options);
    b->arena = arena_new(65536);
    b->commands = calloc(FAKE_ROWS, sizeof *b->commands);
    b->rows = calloc(FAKE_ROWS, sizeof *b->rows);
    assert_true(b->store && b->arena && b->commands && b->rows);
}

static inline void tear_down(struct bench *b)
{
    store_free(b->store);
    metrics_free(b->metrics);
    arena_free(b->arena);
    free(b->commands);
    free(b->rows);
    close(fake.socket);
}

/* A batch of the rows with these numbers; all together are what `count` looks at. */
static inline void begin_behind(struct bench *b, size_t n)
{
    struct store_row *rows = b->rows + b->n;
    for (size_t i = b->n; i < b->n + n; i++) {
        b->commands[i].command_id.bytes[14] = (uint8_t)(i >> 8);
        b->commands[i].command_id.bytes[15] = (uint8_t)i;
        b->rows[i].command = &b->commands[i];
    }
    b->n += n;
    assert_int_equal(store_begin(b->store, rows, n, b->arena), STATUS_OK);
}

static inline void begin(struct bench *b, size_t n)
{
    b->n = 0;
    begin_behind(b, n);
}

/* As the worker's loop does while the socket has something to read. */
static inline void advance(struct bench *b)
{
    for (int i = 0; i < 10; i++)
        assert_int_equal(store_advance(b->store), STATUS_OK);
}

/* Time goes on to what the store waits for. */
static inline void advance_to_deadline(struct bench *b)
{
    assert_true(store_deadline_us(b->store) >= 0);
    fake_clock.now_us = store_deadline_us(b->store);
    advance(b);
}

static inline void finish(struct bench *b)
{
    advance(b);
    for (int steps = 0; store_state(b->store) != STORE_ANSWERED && steps < 100; steps++)
        advance_to_deadline(b);
    assert_int_equal(store_state(b->store), STORE_ANSWERED);
}

static inline size_t count(const struct bench *b, enum store_verdict verdict)
{
    size_t found = 0;
    for (size_t i = 0; i < b->n; i++)
        found += b->rows[i].verdict == verdict;
    return found;
}

static inline bool is_ready(const struct bench *b)
{
    const char *why;
    return store_is_connected(b->store, &why);
}

static inline const char *reason(const struct bench *b)
{
    const char *why;
    (void)store_is_connected(b->store, &why);
    return why;
}
