#include "producer-tool/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum {
    RAW_BYTES = 64 * 1024, /* read at once where there is something to unpack */
    PIECE = 256 * 1024,    /* of a pass over everything */
    GZIP_WINDOW = 15 + 16, /* zlib: the largest window, with gzip's header */
};

enum form {
    FORM_UNKNOWN, /* the first two bytes are not here yet */
    FORM_PLAIN,
    FORM_GZIP,
};

struct source {
    int fd;
    bool seekable;
    off_t start; /* where the descriptor stood */
    struct stat about;

    enum form form;
    bool raw_ended; /* read(2) has said so */
    bool ended;
    size_t at, len; /* what of `raw` is still to be taken */
    z_stream unpacker;
    bool inside; /* of a gzip member */
    char raw[RAW_BYTES];
};

status source_new(int fd, struct source **out, struct fault *f)
{
    struct source *s = calloc(1, sizeof *s);
    if (!s || inflateInit2(&s->unpacker, GZIP_WINDOW) != Z_OK) {
        free(s);
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for reading the input");
    }
    s->fd = fd;
    s->start = lseek(fd, 0, SEEK_CUR);
    s->seekable = fstat(fd, &s->about) == 0 && S_ISREG(s->about.st_mode) && s->start >= 0;
    *out = s;
    return STATUS_OK;
}

void source_free(struct source *s)
{
    if (!s)
        return;
    inflateEnd(&s->unpacker);
    free(s);
}

bool source_is_seekable(const struct source *s)
{
    return s->seekable;
}

uint64_t source_size(const struct source *s)
{
    char magic[2] = {0};
    bool packed = pread(s->fd, magic, sizeof magic, s->start) == 2 && memcmp(magic, "\x1f\x8b", 2) == 0;
    return s->seekable && !packed && s->about.st_size > s->start ? (uint64_t)(s->about.st_size - s->start)
                                                                 : 0;
}

bool source_is_ready(const struct source *s)
{
    /* One byte does not tell the form: the next one must be waited for. */
    return s->len > 0 && s->form != FORM_UNKNOWN;
}

bool source_has_ended(const struct source *s)
{
    return s->ended;
}

/* ---- reading ---- */

static status read_fd(struct source *s, char *to, size_t room, size_t *got, struct fault *f)
{
    ssize_t n = read(s->fd, to, room);
    *got = 0;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return STATUS_RETRY;
    if (n < 0)
        return fault_set(f, STATUS_FATAL, "input", "the input cannot be read: %s", strerror(errno));
    s->raw_ended = n == 0;
    *got = (size_t)n;
    return STATUS_OK;
}

static status fill_raw(struct source *s, struct fault *f)
{
    size_t got = 0;
    if (s->len == 0)
        s->at = 0;
    status st = read_fd(s, s->raw + s->at + s->len, sizeof s->raw - s->at - s->len, &got, f);
    s->len += got;
    return st;
}

static status find_form(struct source *s, struct fault *f)
{
    status st = fill_raw(s, f);
    if (st || (s->len < 2 && !s->raw_ended))
        return st;
    bool packed = s->len >= 2 && memcmp(s->raw, "\x1f\x8b", 2) == 0;
    s->form = packed ? FORM_GZIP : FORM_PLAIN;
    return STATUS_OK;
}

static status read_plain(struct source *s, char *to, size_t room, size_t *got, struct fault *f)
{
    if (s->len == 0) {
        status st = s->raw_ended ? STATUS_OK : read_fd(s, to, room, got, f);
        s->ended = s->raw_ended;
        return st;
    }
    *got = s->len < room ? s->len : room;
    memcpy(to, s->raw + s->at, *got);
    s->at += *got;
    s->len -= *got;
    return STATUS_OK;
}

static status broken_gzip(struct fault *f, const char *why)
{
    return fault_set(f, STATUS_FATAL, "input", "the input is broken gzip: %s", why);
}

/* Tapes and block devices fill up with zeros behind the last member; gzip(1) passes over them, too. */
static void pass_over_padding(struct source *s)
{
    while (s->len > 0 && s->raw[s->at] == '\0') {
        s->at++;
        s->len--;
    }
}

static status read_packed(struct source *s, char *to, size_t room, size_t *got, struct fault *f)
{
    if (s->len == 0 && !s->raw_ended) {
        status st = fill_raw(s, f);
        if (st)
            return st;
    }
    if (!s->inside)
        pass_over_padding(s);
    if (s->len == 0 && !s->raw_ended)
        return STATUS_OK;
    if (s->len == 0) {
        s->ended = true;
        return s->inside ? broken_gzip(f, "it ends in the middle") : STATUS_OK;
    }
    if (!s->inside && inflateReset(&s->unpacker) != Z_OK)
        return broken_gzip(f, "zlib");
    s->inside = true;

    s->unpacker.next_in = (unsigned char *)s->raw + s->at;
    s->unpacker.avail_in = (unsigned)s->len;
    s->unpacker.next_out = (unsigned char *)to;
    s->unpacker.avail_out = room < INT32_MAX ? (unsigned)room : INT32_MAX;
    unsigned before = s->unpacker.avail_out;
    int result = inflate(&s->unpacker, Z_NO_FLUSH);
    *got = before - s->unpacker.avail_out;
    s->at += s->len - s->unpacker.avail_in;
    s->len = s->unpacker.avail_in;
    if (result == Z_STREAM_END)
        s->inside = false;
    else if (result != Z_OK && result != Z_BUF_ERROR)
        return broken_gzip(f, s->unpacker.msg ? s->unpacker.msg : "zlib");
    return STATUS_OK;
}

status source_read(struct source *s, char *to, size_t room, size_t *got, struct fault *f)
{
    *got = 0;
    if (s->ended)
        return STATUS_OK;
    switch (s->form) {
    case FORM_UNKNOWN:
        return find_form(s, f);
    case FORM_PLAIN:
        return read_plain(s, to, room, got, f);
    default:
        return read_packed(s, to, room, got, f);
    }
}

/* ---- the whole, and parts of it ---- */

static status rewind_source(struct source *s, struct fault *f)
{
    if (lseek(s->fd, s->start, SEEK_SET) < 0)
        return fault_set(f, STATUS_FATAL, "input", "the input cannot be read again: %s", strerror(errno));
    s->form = FORM_UNKNOWN;
    s->raw_ended = s->ended = s->inside = false;
    s->at = s->len = 0;
    return STATUS_OK;
}

status source_digest(struct source *s, bool (*stop)(void *ctx), void *ctx, struct digest *out, uint64_t *size,
                     struct fault *f)
{
    struct digest_run *run = digest_run_new();
    char *piece = malloc(PIECE);
    status st = STATUS_OK;

    *size = 0;
    if (!run || !piece) {
        fault_set(f, STATUS_NO_MEMORY, "no_memory", "no memory for reading the input");
        st = STATUS_NO_MEMORY;
    }
    while (st == STATUS_OK && !s->ended) {
        size_t got = 0;
        st = source_read(s, piece, PIECE, &got, f);
        if (st == STATUS_OK)
            digest_run_add(run, slice_make(piece, got));
        if (st == STATUS_RETRY)
            st = STATUS_OK;
        if (st == STATUS_OK && stop(ctx))
            st = STATUS_TIMEOUT;
        *size += got;
    }
    if (st == STATUS_OK) {
        digest_run_end(run, out);
        st = rewind_source(s, f);
    }
    digest_run_free(run);
    free(piece);
    return st;
}

status source_skip(struct source *s, uint64_t bytes, struct fault *f)
{
    char piece[8192];
    status st = STATUS_OK;
    while (s->form == FORM_UNKNOWN && !s->ended && st == STATUS_OK)
        st = find_form(s, f);
    if (st)
        return st;
    if (s->form == FORM_PLAIN) {
        s->at = s->len = 0;
        if (lseek(s->fd, s->start + (off_t)bytes, SEEK_SET) < 0)
            return fault_set(f, STATUS_FATAL, "input", "the input cannot be read from byte %llu on: %s",
                             (unsigned long long)bytes, strerror(errno));
        s->raw_ended = false;
        return STATUS_OK;
    }
    while (bytes > 0 && !s->ended && st == STATUS_OK) {
        size_t got = 0;
        st = source_read(s, piece, bytes < sizeof piece ? (size_t)bytes : sizeof piece, &got, f);
        bytes -= got;
    }
    return st;
}

bool source_copy(const struct source *s, uint64_t offset, char *to, size_t len)
{
    if (!s->seekable || s->form != FORM_PLAIN)
        return false;
    while (len > 0) {
        ssize_t n = pread(s->fd, to, len, s->start + (off_t)offset);
        if (n <= 0)
            return false;
        to += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return true;
}

bool source_is_file(const struct source *s, const struct stat *about)
{
    return s->seekable && s->about.st_dev == about->st_dev && s->about.st_ino == about->st_ino;
}

bool source_has_changed(const struct source *s)
{
    struct stat now;
    if (!s->seekable)
        return false;
    return fstat(s->fd, &now) != 0 || now.st_size != s->about.st_size ||
           now.st_mtim.tv_sec != s->about.st_mtim.tv_sec || now.st_mtim.tv_nsec != s->about.st_mtim.tv_nsec;
}
