/* The bytes of an input: a file, a pipe or standard input, plain or gzip (told by its first bytes; also several members one
 * behind the other). Offsets count the unpacked bytes.
 *
 * It never waits by itself: source_read() makes at most one read(2). */
#pragma once
#include "common/digest.h"
#include "common/slice.h"
#include "common/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source;

/* `fd` stays the caller's. Errors: STATUS_NO_MEMORY. */
status source_new(int fd, struct source **out, struct fault *f) must_check;
void source_free(struct source *s);

/* Whether it can be read a second time: a regular file, also as standard input. */
bool source_is_seekable(const struct source *s);
/* Bytes of a seekable input as far as they are known without reading it (those of gzip are not); 0 otherwise. */
uint64_t source_size(const struct source *s);
/* Whether source_read() has something without asking the descriptor. */
bool source_is_ready(const struct source *s);

/* Up to `room` bytes to `to`; `*got` may be 0 before the end, see source_has_ended().
 * Errors: STATUS_RETRY (the descriptor has nothing), STATUS_FATAL (it cannot be read, broken gzip). */
status source_read(struct source *s, char *to, size_t room, size_t *got, struct fault *f) must_check;
bool source_has_ended(const struct source *s);

/* Reads all of a seekable input, from where its descriptor stood at first, and goes back there. Waits.
 * Errors: as source_read(); STATUS_TIMEOUT when `stop` says so. */
status source_digest(struct source *s, bool (*stop)(void *ctx), void *ctx, struct digest *out, uint64_t *size,
                     struct fault *f) must_check;
/* Passes over the first `bytes` of a seekable input of which nothing was read. Errors: as source_read(). */
status source_skip(struct source *s, uint64_t bytes, struct fault *f) must_check;
/* Copies the unpacked bytes of the input from `offset` on, without moving; only of seekable inputs that are not packed.
 * Returns false where that is not possible. */
bool source_copy(const struct source *s, uint64_t offset, char *to, size_t len);
/* Whether `about` is the very file that is read: writing to it would destroy the input. */
struct stat;
bool source_is_file(const struct source *s, const struct stat *about);
/* Whether a seekable input is another than when it was opened. */
bool source_has_changed(const struct source *s);
