#include "producer-tool/send_setup.h"

#include "common/log.h"
#include "common/signals.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_standard_input(const char *path)
{
    return !path || strcmp(path, "-") == 0;
}

static int open_file(const char *path, struct buffer *faults)
{
    struct stat about;
    bool is_standard = is_standard_input(path);

    /* Behind a mistyped option it may be a token. */
    const char *name = is_standard ? "standard input" : faults->len == 0 ? path : "the input";
    int fd = is_standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        buffer_printf(faults, "%s cannot be opened: %s\n", name, strerror(errno));
    } else if (fstat(fd, &about) == 0 && S_ISDIR(about.st_mode)) {
        buffer_printf(faults, "%s is a folder\n", name);
    }
    return fd;
}

static void open_input(struct send *s, struct buffer *faults)
{
    struct fault f = {0};
    s->input_fd = open_file(s->options.file, faults);
    if (s->input_fd < 0)
        return;
    if (source_new(s->input_fd, &s->source, &f) != STATUS_OK) {
        buffer_printf(faults, "%s\n", f.message);
        return;
    }
    s->lines = lines_new(s->source, LABEL_BODY_MAX);
    faults->failed |= !s->lines;
}

/* What is broken, and what is missing for it. */
static void check_resume(struct send *s, struct buffer *faults)
{
    const struct send_options *o = &s->options;
    if (o->dry_run && o->resume)
        buffer_add_text(faults, "--resume: a dry run leaves no checkpoint\n");
    if (!o->resume || !s->source)
        return;
    if (!source_is_seekable(s->source))
        buffer_add_text(faults, "--resume needs an input that can be read twice: a file, not a pipe\n");
    else if (is_standard_input(o->file) && !o->checkpoint)
        buffer_add_text(faults, "--resume of standard input needs --checkpoint FILE: it has no name\n");
}

/* Its path; NULL: there is none. It is renamed over its name, and removed at the end: a device or a pipe would be gone. */
static const char *choose_checkpoint(struct send *s, struct buffer *faults)
{
    struct stat about;
    const struct send_options *o = &s->options;
    if (!source_is_seekable(s->source)) {
        if (o->checkpoint && !o->resume)
            buffer_add_text(faults,
                            "--checkpoint needs an input that can be read twice: a file, not a pipe\n");
        return NULL;
    }
    if (is_standard_input(o->file) && !o->checkpoint)
        return NULL;
    buffer_printf(&s->checkpoint_path, "%s%s", o->checkpoint ? o->checkpoint : o->file,
                  o->checkpoint ? "" : ".checkpoint");
    buffer_add_char(&s->checkpoint_path, '\0');
    if (s->checkpoint_path.failed)
        return NULL;
    const char *path = s->checkpoint_path.at;
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
        buffer_printf(faults, "--checkpoint: %s is not a regular file\n", path);
    return path;
}

/* A dry run writes its outputs anew. Where a load was interrupted, that is the load's to decide. */
static void spare_output(const char *option, const char *path, const char *checkpoint, struct buffer *faults)
{
    struct stat of_output, of_checkpoint;
    if (path && checkpoint && stat(checkpoint, &of_checkpoint) == 0 && stat(path, &of_output) == 0 &&
        S_ISREG(of_output.st_mode) && of_output.st_size > 0)
        buffer_printf(faults,
                      "%s: %s is not empty, and there is %s: it may be what an interrupted load has written; "
                      "name another file\n",
                      option, path, checkpoint);
}

static void open_for_checking(struct send *s, struct buffer *faults)
{
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, "gold-label");
    s->summary.wait = SUMMARY_DRY_RUN;
    s->journal.name = is_standard_input(s->options.file) ? "stdin" : s->options.file;
    if (!s->source)
        return;
    struct fault f = {0};
    const struct records_paths paths = {
        .results = s->options.results,
        .rejects = s->options.rejects,
        .checkpoint = choose_checkpoint(s, faults), /* not ours to write or to remove */
    };
    spare_output("--results", paths.results, paths.checkpoint, faults);
    spare_output("--rejects", paths.rejects, paths.checkpoint, faults);
    if (faults->len == 0)
        s->journal.records = records_open(&paths, NULL, s->source, faults);
    if (s->journal.records && records_begin(s->journal.records, &f) != STATUS_OK)
        buffer_printf(faults, "%s\n", f.message);
}

void send_open(struct send *s, struct buffer *faults)
{
    const struct send_options *o = &s->options;
    open_input(s, faults);
    check_resume(s, faults);
    if (o->dry_run) {
        open_for_checking(s, faults);
        return;
    }
    s->config = tool_settings_load(o->config, &s->settings, faults);
    credentials_load(&s->credentials, o->token_file, getenv("GOLD_LABEL_TOKEN"), o->account, faults);
    s->summary.wait = (enum summary_wait)o->wait;
    if (s->source)
        s->journal.checkpoint_path = choose_checkpoint(s, faults);
}

/* ---- before the first line ---- */

static bool is_interrupted(void *ctx)
{
    const struct send *s = ctx;
    return signals_read(s->signal_fd) != SIGNAL_NONE;
}

static status take_digest(struct send *s, struct fault *f)
{
    struct checkpoint *at = &s->journal.at;
    at->summary.wait = s->summary.wait;
    if (!source_is_seekable(s->source))
        return STATUS_OK;
    checkpoint_bind(at, slice_of(s->options.run), credentials_account(&s->credentials),
                    slice_of(s->settings.commands_topic), s->summary.wait);
    status st = source_digest(s->source, is_interrupted, s, &at->digest, &at->size, f);
    s->has_digest = st == STATUS_OK;
    if (st == STATUS_TIMEOUT)
        fault_set(f, st, "interrupted", "interrupted before anything was sent");
    return st;
}

static status go_to_checkpoint(struct send *s, struct fault *f)
{
    struct checkpoint *at = &s->journal.at;
    status st = checkpoint_read(at, s->journal.checkpoint_path, f);
    if (st == STATUS_NOT_FOUND) {
        log_info("no checkpoint: from the first line", LOG_STR("file", s->journal.checkpoint_path));
        return STATUS_OK;
    }
    if (st)
        return st;
    log_info("going on behind the checkpoint", LOG_INT("line", at->line));
    s->summary = at->summary;
    s->journal.offset = at->offset;
    s->journal.saved = at->line;
    lines_start_behind(s->lines, at->line, at->offset);
    return source_skip(s->source, at->offset, f);
}

static status open_records(struct send *s, struct fault *f)
{
    struct buffer faults = {0};
    const struct records_paths paths = {
        .results = s->options.results,
        .rejects = s->options.rejects,
        .checkpoint = s->journal.checkpoint_path,
    };
    s->journal.records = records_open(&paths, &s->journal.at.lengths, s->source, &faults);
    status st = STATUS_OK;
    if (!s->journal.records)
        st = fault_set(f, STATUS_CONFIG, "files", "%.*s", faults.len ? (int)faults.len - 1 : 0,
                       buffer_slice(&faults).at);
    buffer_dispose(&faults);
    return st;
}

status send_prepare(struct send *s, struct fault *f)
{
    status st = take_digest(s, f);
    if (st == STATUS_OK && s->options.resume)
        st = go_to_checkpoint(s, f);
    return st == STATUS_OK ? open_records(s, f) : st;
}

static status first_checkpoint(struct send *s, struct fault *f)
{
    if (!s->journal.checkpoint_path || journal_save(&s->journal, f) == STATUS_OK)
        return STATUS_OK;
    if (s->options.resume || s->options.checkpoint)
        return STATUS_CONFIG;
    /* That of an older load would be taken for this one's, though it knows nothing of what this one writes. */
    if (unlink(s->journal.checkpoint_path) != 0 && errno != ENOENT)
        return fault_set(f, STATUS_CONFIG, "checkpoint",
                         "the older checkpoint %s can be neither replaced nor removed: %s",
                         s->journal.checkpoint_path, strerror(errno));
    log_warning("no checkpoint will be left: --checkpoint FILE names another place",
                LOG_STR("reason", f->message));
    s->journal.checkpoint_path = NULL;
    return STATUS_OK;
}

status send_begin(struct send *s, struct fault *f)
{
    status st = first_checkpoint(s, f);
    return st == STATUS_OK ? records_begin(s->journal.records, f) : st;
}
