#include "common/config_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 1024 * 1024, EXIT_FAULTS = 2 };

status config_read_file(const char *path, size_t max, struct buffer *out, struct fault *f)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fault_set(f, STATUS_CONFIG, "unreadable_file", "%s: %s", path, strerror(errno));

    /* In one piece: growing would leave copies of a secret behind. */
    status st = STATUS_OK;
    char *to = buffer_reserve(out, max + 1);
    size_t len = 0;
    ssize_t n = 1;
    while (to && len <= max && n != 0) {
        n = read(fd, to + len, max + 1 - len);
        if (n < 0 && errno != EINTR) {
            st = fault_set(f, STATUS_CONFIG, "unreadable_file", "%s: %s", path, strerror(errno));
            break;
        }
        len += n > 0 ? (size_t)n : 0;
    }
    close(fd);

    if (!to)
        return fault_set(f, STATUS_NO_MEMORY, "no_memory", "%s: out of memory", path);
    if (st == STATUS_OK && len > max)
        st = fault_set(f, STATUS_CONFIG, "file_too_large", "%s: larger than %zu bytes", path, max);
    if (st == STATUS_OK)
        out->len += len;
    return st;
}

status config_load(const struct config_program *program, const char *path, void *settings,
                   struct config **out, struct buffer *faults, struct fault *f)
{
    struct buffer text = {0};

    *out = NULL;
    status st = path ? config_read_file(path, FILE_MAX, &text, f) : STATUS_OK;
    if (st == STATUS_OK)
        *out = config_parse(program, buffer_slice(&text), environ, settings, faults);
    /* It may hold passwords. */
    if (text.at)
        explicit_bzero(text.at, text.capacity);
    buffer_dispose(&text);
    return st;
}

/* ---- the arguments ---- */

struct arguments {
    const char *file; /* NULL: environment and defaults only */
    /* What is to be printed instead of a start; NULL: nothing is. */
    void (*print)(const struct config_program *program, FILE *to);
};

static void print_version(const struct config_program *program, FILE *to)
{
    fprintf(to, "%s %s\n", program->name, GOLD_LABEL_VERSION);
}

static void read_arguments(int argc, char **argv, struct arguments *out, struct buffer *faults)
{
    static const char CONFIG_IS[] = "--config=";

    for (int i = 1; i < argc; i++) {
        const char *file = NULL;
        if (strcmp(argv[i], "--help") == 0) {
            out->print = config_print_help;
        } else if (strcmp(argv[i], "--man") == 0) {
            out->print = config_print_man;
        } else if (strcmp(argv[i], "--version") == 0) {
            out->print = print_version;
        } else if (strncmp(argv[i], CONFIG_IS, sizeof CONFIG_IS - 1) == 0) {
            file = argv[i] + sizeof CONFIG_IS - 1;
        } else if (strcmp(argv[i], "--config") == 0) {
            file = i + 1 < argc ? argv[++i] : "";
        } else {
            config_show(faults, argv[i]);
            buffer_add_text(faults, ": unknown argument; see --help\n");
        }
        if (!file)
            continue;
        if (!*file)
            buffer_add_text(faults, "--config: needs the name of a file\n");
        else if (out->file)
            buffer_add_text(faults, "--config: given twice\n");
        out->file = file;
    }
}

static void print_faults(const struct config_program *program, const char *file, struct slice faults)
{
    struct buffer named = {0};
    struct buffer lines = {0};
    buffer_add_lines(&named, file, faults);
    buffer_add_lines(&lines, program->name, buffer_slice(&named));
    fwrite(buffer_slice(&lines).at, 1, lines.len, stderr);
    buffer_dispose(&named);
    buffer_dispose(&lines);
}

enum config_start config_start(const struct config_program *program, int argc, char **argv, void *settings,
                               struct config **out, int *exit_code)
{
    struct arguments arguments = {0};
    struct buffer faults = {0};
    struct fault unreadable;

    *out = NULL;
    *exit_code = EXIT_FAULTS;
    read_arguments(argc, argv, &arguments, &faults);
    if (faults.len > 0) {
        print_faults(program, NULL, buffer_slice(&faults));
    } else if (arguments.print) {
        arguments.print(program, stdout);
        *exit_code = fflush(stdout) == 0 ? 0 : 1;
    } else {
        if (config_load(program, arguments.file, settings, out, &faults, &unreadable) != STATUS_OK)
            buffer_printf(&faults, "--config: %s\n", unreadable.message);
        print_faults(program, arguments.file, buffer_slice(&faults));
        if (!*out && faults.len == 0)
            fprintf(stderr, "%s: out of memory\n", program->name);
    }
    buffer_dispose(&faults);
    return *out ? CONFIG_RUN : CONFIG_EXIT;
}
