/* What is logged meanwhile, as much of it as a pipe holds. */
#pragma once
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct captured {
    int saved, from;
};

static inline struct captured capture_begin(void)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    struct captured c = {dup(STDERR_FILENO), ends[0]};
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    return c;
}

/* How many lines it was. */
static inline unsigned capture_end(struct captured c)
{
    char text[4096];
    unsigned lines = 0;

    dup2(c.saved, STDERR_FILENO);
    ssize_t n = read(c.from, text, sizeof text);
    for (ssize_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    close(c.saved);
    close(c.from);
    return lines;
}
