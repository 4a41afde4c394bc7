#include "producer-tool/records.h"

#include "common/json.h"
#include "producer-tool/source.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FLUSH_AT = 256 * 1024,
    COPY_BYTES = 64 * 1024,
    STALL_MS = 2000, /* for the reader of a pipe, once a signal is there */
};

struct record_file {
    int fd; /* -1: not wanted */
    struct stat about;
    uint64_t written;
    bool unsynced; /* something of it may not survive a loss of power */
    struct buffer text;
};

struct records {
    struct record_file files[RECORDS_FILES];
    const struct source *source;
    int signal_fd;      /* -1: none */
    struct fault fault; /* of the first write that failed */
    bool failed;
};

static const char *const NAMES[] = {"--results", "--rejects", "the file of reasons beside --rejects"};

/* ---- opening ---- */

static void open_file(struct records *r, enum records_file which, const char *path, struct buffer *faults)
{
    struct record_file *file = &r->files[which];
    /* Signals are blocked by now: neither a named pipe without a reader nor one that is full must keep us waiting. */
    file->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
    if (file->fd < 0 && errno == ENXIO)
        buffer_printf(faults, "%s: nobody reads %s\n", NAMES[which], path);
    else if (file->fd < 0 || fstat(file->fd, &file->about) != 0)
        buffer_printf(faults, "%s: %s cannot be opened: %s\n", NAMES[which], path, strerror(errno));
}

/* The summary and the log go there, each at a place of its own. A terminal or a pipe has one place. */
static void check_streams(const char *name, const char *path, const struct stat *about, struct buffer *faults)
{
    static const char *const STREAMS[] = {[STDOUT_FILENO] = "output", [STDERR_FILENO] = "error"};
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
        struct stat stream;
        if (S_ISREG(about->st_mode) && fstat(fd, &stream) == 0 && about->st_dev == stream.st_dev &&
            about->st_ino == stream.st_ino)
            buffer_printf(faults, "%s: %s is the file of standard %s, too\n", name, path, STREAMS[fd]);
    }
}

/* Nothing is destroyed when `path` may be written or renamed over: it is neither the input nor a stream of ours nor one of the first `n`
 * files. Two writers of /dev/null or of a pipe do each other no harm. */
static void check_file(const struct records *r, const char *name, const char *path, const struct stat *about,
                       int n, struct buffer *faults)
{
    check_streams(name, path, about, faults);
    if (source_is_file(r->source, about))
        buffer_printf(faults, "%s: %s is the input\n", name, path);
    for (int i = 0; i < n; i++) {
        const struct stat *other = &r->files[i].about;
        if (r->files[i].fd >= 0 && S_ISREG(about->st_mode) && about->st_dev == other->st_dev &&
            about->st_ino == other->st_ino)
            buffer_printf(faults, "%s: %s is the file of %s, too\n", name, path, NAMES[i]);
    }
}

/* When the files are open: the checkpoint may be one that did not exist before. */
static void check_checkpoint(const struct records *r, const char *path, struct buffer *faults)
{
    struct stat about;
    if (stat(path, &about) == 0)
        check_file(r, "--checkpoint", path, &about, RECORDS_FILES, faults);
}

/* Of a file that may not be read nothing is known. */
static bool ends_a_line(const char *path, uint64_t len)
{
    char last = '\n';
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool ends = fd < 0 || pread(fd, &last, 1, (off_t)len - 1) != 1 || last == '\n';
    if (fd >= 0)
        close(fd);
    return ends;
}

/* Whether it can be the file that the checkpoint is about: another one would be cut off somewhere. */
static void check_length(const struct records *r, enum records_file which, const char *path,
                         struct buffer *faults)
{
    const struct record_file *file = &r->files[which];
    if ((uint64_t)file->about.st_size < file->written)
        buffer_printf(faults, "%s: %s has %lld bytes, the checkpoint says at least %" PRIu64 "\n",
                      NAMES[which], path, (long long)file->about.st_size, file->written);
    else if (file->written > 0 && S_ISREG(file->about.st_mode) && !ends_a_line(path, file->written))
        buffer_printf(faults,
                      "%s: %s was changed, or is another file: no line ends at byte %" PRIu64
                      ", where the checkpoint says that one does\n",
                      NAMES[which], path, file->written);
}

/* Two loads would write over each other's lines. The lock ends with the file, however we end; a file system without locks has none. */
static void lock_file(const struct records *r, enum records_file which, const char *path,
                      struct buffer *faults)
{
    const struct record_file *file = &r->files[which];
    if (S_ISREG(file->about.st_mode) && flock(file->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        buffer_printf(faults, "%s: another load is writing %s\n", NAMES[which], path);
}

static void open_files(struct records *r, const char *const paths[RECORDS_FILES], const char *checkpoint,
                       const struct records_lengths *keep, struct buffer *faults)
{
    for (int i = 0; i < RECORDS_FILES; i++) {
        r->files[i].fd = -1;
        /* A load may go on without a file, and later with it again. */
        r->files[i].written = keep ? keep->bytes[i] : 0;
        if (paths[i])
            open_file(r, (enum records_file)i, paths[i], faults);
    }
    for (int i = 0; i < RECORDS_FILES; i++) {
        if (!paths[i] || r->files[i].fd < 0)
            continue;
        check_file(r, NAMES[i], paths[i], &r->files[i].about, i, faults);
        check_length(r, (enum records_file)i, paths[i], faults);
    }
    if (checkpoint)
        check_checkpoint(r, checkpoint, faults);
    for (int i = 0; i < RECORDS_FILES && faults->len == 0; i++) {
        if (r->files[i].fd >= 0)
            lock_file(r, (enum records_file)i, paths[i], faults);
    }
}

struct records *records_open(const struct records_paths *wanted, const struct records_lengths *keep,
                             const struct source *source, struct buffer *faults)
{
    struct records *r = calloc(1, sizeof *r);
    struct buffer reasons = {0};
    size_t faults_before = faults->len;

    if (!r) {
        buffer_add_text(faults, "no memory for the files of a load\n");
        return NULL;
    }
    if (wanted->rejects)
        buffer_printf(&reasons, "%s.reasons", wanted->rejects);
    buffer_add_char(&reasons, '\0');
    const char *const paths[] = {wanted->results, wanted->rejects, wanted->rejects ? reasons.at : NULL};
    r->source = source;
    r->signal_fd = -1;
    open_files(r, paths, wanted->checkpoint, keep, faults);
    buffer_dispose(&reasons);
    if (faults->len == faults_before)
        return r;
    records_free(r);
    return NULL;
}

status records_begin(struct records *r, struct fault *f)
{
    for (int i = 0; i < RECORDS_FILES; i++) {
        const struct record_file *file = &r->files[i];
        off_t keep = (off_t)file->written;
        if (file->fd < 0 || (!S_ISREG(file->about.st_mode) && keep == 0))
            continue;
        if (ftruncate(file->fd, keep) != 0 || lseek(file->fd, keep, SEEK_SET) < 0)
            return fault_set(f, STATUS_CONFIG, "output", "%s: cannot be cut off at byte %lld: %s", NAMES[i],
                             (long long)keep, strerror(errno));
    }
    return STATUS_OK;
}

void records_free(struct records *r)
{
    if (!r)
        return;
    for (int i = 0; i < RECORDS_FILES; i++) {
        if (r->files[i].fd >= 0)
            close(r->files[i].fd);
        buffer_dispose(&r->files[i].text);
    }
    free(r);
}

void records_heed(struct records *r, int signal_fd)
{
    r->signal_fd = signal_fd;
}

bool records_keep_rejects(const struct records *r)
{
    return r->files[RECORDS_REJECTS].fd >= 0;
}

/* ---- writing ---- */

static void fail(struct records *r, enum records_file which, const char *why)
{
    if (!r->failed)
        fault_set(&r->fault, STATUS_FATAL, "output", "%s cannot be written: %s", NAMES[which], why);
    r->failed = true;
}

/* A pipe is full. Its reader may take as long as it likes, until we are asked to end: nobody else looks at the signals meanwhile, and they
 * are left for the load to see. */
static bool wait_for_reader(const struct records *r, int fd)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLOUT}, {.fd = r->signal_fd, .events = POLLIN}};
    if (poll(fds, 2, -1) < 0 || fds[0].revents)
        return true;
    return poll(fds, 1, STALL_MS) != 0;
}

static void write_out(struct records *r, enum records_file which)
{
    struct record_file *file = &r->files[which];
    if (file->text.failed)
        fail(r, which, "no memory");
    for (size_t at = 0; at < file->text.len && !r->failed;) {
        ssize_t n = write(file->fd, file->text.at + at, file->text.len - at);
        if (n < 0 && errno == EAGAIN) {
            if (!wait_for_reader(r, file->fd))
                fail(r, which, "its reader takes nothing, and we are to end");
        } else if (n < 0 && errno != EINTR) {
            fail(r, which, strerror(errno));
        }
        at += n > 0 ? (size_t)n : 0;
        file->unsynced |= n > 0;
    }
    file->written += file->text.len;
    buffer_clear(&file->text);
}

struct records_lengths records_length(const struct records *r)
{
    struct records_lengths lengths;
    for (int i = 0; i < RECORDS_FILES; i++)
        lengths.bytes[i] = r->files[i].written + r->files[i].text.len;
    return lengths;
}

status records_flush(struct records *r, bool durably, struct fault *f)
{
    for (int i = 0; i < RECORDS_FILES; i++) {
        struct record_file *file = &r->files[i];
        if (file->fd < 0)
            continue;
        write_out(r, (enum records_file)i);
        if (!durably || !file->unsynced || r->failed)
            continue;
        /* What cannot be synced at all (a pipe, /dev/stdout) is no fault. */
        if (fdatasync(file->fd) != 0 && errno != EINVAL && errno != EROFS)
            fail(r, (enum records_file)i, strerror(errno));
        else
            file->unsynced = false;
    }
    if (r->failed && f)
        *f = r->fault;
    return r->failed ? STATUS_FATAL : STATUS_OK;
}

static void add_reason(struct buffer *to, const struct ledger_line *line)
{
    if (line->reason.column)
        buffer_printf(to, ",\"column\":%zu", line->reason.column);
    if (line->reason.member) {
        buffer_add_text(to, ",\"member\":");
        json_write_string(to, slice_of(line->reason.member));
    }
    if (line->reason.code) {
        buffer_add_text(to, ",\"code\":");
        json_write_string(to, slice_of(line->reason.code));
    }
    if (line->reason.message) {
        buffer_add_text(to, ",\"message\":");
        json_write_string(to, slice_of(line->reason.message));
    }
}

static void add_result(struct buffer *to, const struct ledger_line *line)
{
    char id[UUID_TEXT_LEN + 1];
    uuid_format(&line->id, id);
    buffer_printf(to, "{\"line\":%" PRIu64 ",\"id\":", line->number);
    json_write_string(to, line->has_id ? slice_of(id) : SLICE_NONE);
    buffer_printf(to, ",\"outcome\":\"%s\"", summary_outcome_text(line->outcome));
    add_reason(to, line);
    buffer_add_text(to, "}\n");
}

/* A line above the bound was never in memory as a whole. */
static bool copy_long_line(struct records *r, const struct ledger_line *line)
{
    char piece[COPY_BYTES];
    bool has_end = false;
    for (uint64_t at = line->start; at < line->end;) {
        size_t len = line->end - at < sizeof piece ? (size_t)(line->end - at) : sizeof piece;
        if (!source_copy(r->source, at, piece, len)) {
            if (at > line->start) /* the input was cut off meanwhile: what follows is a line of its own */
                buffer_add_char(&r->files[RECORDS_REJECTS].text, '\n');
            return false;
        }
        buffer_add(&r->files[RECORDS_REJECTS].text, piece, len);
        has_end = piece[len - 1] == '\n';
        write_out(r, RECORDS_REJECTS);
        at += len;
    }
    if (!has_end) /* the last line of the input */
        buffer_add_char(&r->files[RECORDS_REJECTS].text, '\n');
    return true;
}

static void add_reject(struct records *r, const struct ledger_line *line)
{
    struct buffer *to = &r->files[RECORDS_REJECTS].text;
    bool copied = true;
    if (line->text) {
        buffer_add(to, line->text, line->len);
        buffer_add_char(to, '\n');
    } else {
        copied = copy_long_line(r, line);
    }
    struct buffer *reasons = &r->files[RECORDS_REASONS].text;
    buffer_printf(reasons, "{\"line\":%" PRIu64, line->number);
    add_reason(reasons, line);
    buffer_add_text(reasons, copied ? "}\n" : ",\"copied\":false}\n");
}

void records_add(struct records *r, const struct ledger_line *line)
{
    if (r->files[RECORDS_RESULTS].fd >= 0)
        add_result(&r->files[RECORDS_RESULTS].text, line);
    if (r->files[RECORDS_REJECTS].fd >= 0 && line->outcome == SUMMARY_REJECTED)
        add_reject(r, line);
    for (int i = 0; i < RECORDS_FILES; i++) {
        if (r->files[i].text.len > FLUSH_AT)
            write_out(r, (enum records_file)i);
    }
}
