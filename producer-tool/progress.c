#include "producer-tool/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    INTERVAL_US = 200000,
    BAR = 20,
    COLUMNS = 80,
};

void progress_start(struct progress *p, uint64_t offset, uint64_t size, int64_t now_us)
{
    *p = (struct progress){.is_terminal = isatty(STDERR_FILENO) == 1,
                           .size = size,
                           .start_us = now_us,
                           .next_us = now_us + INTERVAL_US,
                           .start_offset = offset};
}

/* Digits in groups of three. */
static void add_count(struct buffer *out, uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            buffer_add_char(out, ',');
        buffer_add_char(out, digits[i]);
    }
}

static void add_bar(const struct progress *p, uint64_t offset, struct buffer *out)
{
    size_t full = (size_t)((double)BAR * (double)offset / (double)p->size);
    buffer_add_char(out, '[');
    for (size_t i = 0; i < BAR; i++)
        buffer_add_char(out, i < full ? '#' : '.');
    buffer_printf(out, "] %3.0f %%  ", 100.0 * (double)offset / (double)p->size);
}

static void add_time_left(const struct progress *p, uint64_t offset, double seconds, struct buffer *out)
{
    double pace = (double)(offset - p->start_offset) / seconds;
    if (p->size == 0 || pace <= 0)
        return;
    uint64_t left = (uint64_t)((double)(p->size - offset) / pace);
    buffer_printf(out, "  %" PRIu64 ":%02" PRIu64 " left", left / 60, left % 60);
}

void progress_format(const struct progress *p, const struct summary *s, uint64_t offset, int64_t now_us,
                     size_t columns, struct buffer *out)
{
    double seconds = (double)(now_us - p->start_us) / 1e6;
    uint64_t good = s->outcomes[SUMMARY_STORED] + s->outcomes[SUMMARY_REPLAYED] +
                    s->outcomes[SUMMARY_ACCEPTED] + s->outcomes[SUMMARY_VALID];
    static const char *const GOOD[] = {" stored, ", " accepted, ", " valid, "};
    size_t before = out->len;

    if (seconds <= 0)
        seconds = 1e-6;
    if (p->size)
        add_bar(p, offset < p->size ? offset : p->size, out);
    add_count(out, good);
    buffer_add_text(out, GOOD[s->wait]);
    add_count(out, s->outcomes[SUMMARY_REJECTED]);
    buffer_add_text(out, " rejected  ");
    add_count(out, (uint64_t)((double)(s->read - s->resumed) / seconds));
    buffer_add_text(out, "/s");
    add_time_left(p, offset, seconds, out);
    if (out->len - before > columns)
        out->len = before + columns;
}

void progress_show(struct progress *p, const struct summary *s, uint64_t offset, int64_t now_us)
{
    struct winsize window = {0};
    struct buffer text = {0};
    if (!p->is_terminal || now_us < p->next_us)
        return;
    p->next_us = now_us + INTERVAL_US;
    bool is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1;

    /* The cursor goes back to the start: what others write meanwhile writes over the bar. */
    buffer_add_text(&text, "\r\033[K");
    progress_format(p, s, offset, now_us, is_known ? window.ws_col - 1U : COLUMNS - 1U, &text);
    buffer_add_char(&text, '\r');
    p->is_drawn = !text.failed && write(STDERR_FILENO, text.at, text.len) > 0;
    buffer_dispose(&text);
}

void progress_clear(struct progress *p)
{
    static const char CLEAR[] = "\r\033[K";
    if (p->is_drawn && write(STDERR_FILENO, CLEAR, sizeof CLEAR - 1) > 0)
        p->is_drawn = false;
}
