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

/* ---- --help ---- */

static void add_option(const struct config_option *o, struct buffer *out)
{
    buffer_printf(out, "  %s: ", o->name);
    config_describe_bounds(o, out);
    if (o->fallback)
        buffer_printf(out, "; default %s", o->fallback);
    else
        buffer_add_text(out, o->required ? "; required" : "; unset by default");
    buffer_printf(out, "\n      %s\n", o->help);
}

void config_print_options(const struct config_program *program, FILE *to)
{
    struct buffer out = {0};
    const char *section = "";

    for (size_t i = 0; i < program->n_options; i++) {
        const struct config_option *o = &program->options[i];
        if (strcmp(o->section, section) != 0)
            buffer_printf(&out, "%s[%s]\n", i > 0 ? "\n" : "", o->section);
        section = o->section;
        add_option(o, &out);
    }
    fwrite(out.at, 1, out.len, to);
    buffer_dispose(&out);
}

static void print_help(const struct config_program *program)
{
    printf("%s: %s\n"
           "\n"
           "Usage: %s [--config FILE]\n"
           "       %s --help | --version\n"
           "\n"
           "Settings, by section of FILE:\n"
           "\n",
           program->name, program->summary, program->name, program->name);
    config_print_options(program, stdout);
    if (program->check_property)
        printf("\n[kafka] also takes any librdkafka property by its own name (security.protocol, sasl.*, "
               "ssl.* ...).\n");
    printf("\n"
           "FILE is an INI file: [section], then `name = value` lines. A comment is a line of its own that "
           "starts\n"
           "with # or ;, because values may hold both.\n"
           "Each setting can be given, and overridden, by an environment variable "
           "GOLD_LABEL_<SECTION>_<NAME> in\n"
           "upper case with . and - as _ (GOLD_LABEL_KAFKA_BROKERS; GOLD_LABEL_KAFKA_SASL_PASSWORD for\n"
           "sasl.password).\n"
           "\n"
           "Exit codes: 0 after a clean stop, 1 when it cannot go on, 2 when the arguments or settings are "
           "wrong.\n");
}

/* ---- the arguments ---- */

struct arguments {
    const char *file; /* NULL: environment and defaults only */
    bool help;
    bool version;
};

static void read_arguments(int argc, char **argv, struct arguments *out, struct buffer *faults)
{
    static const char CONFIG_IS[] = "--config=";

    for (int i = 1; i < argc; i++) {
        const char *file = NULL;
        if (strcmp(argv[i], "--help") == 0) {
            out->help = true;
        } else if (strcmp(argv[i], "--version") == 0) {
            out->version = true;
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

static struct config *load(const struct config_program *program, const char *file, void *settings,
                           struct buffer *faults)
{
    struct buffer text = {0};
    struct fault f;
    struct config *c = NULL;

    if (file && config_read_file(file, FILE_MAX, &text, &f) != STATUS_OK)
        buffer_printf(faults, "--config: %s\n", f.message);
    else
        c = config_parse(program, buffer_slice(&text), environ, settings, faults);
    /* It may hold passwords. */
    if (text.at)
        explicit_bzero(text.at, text.capacity);
    buffer_dispose(&text);
    return c;
}

static void print_faults(const struct config_program *program, const char *file, struct slice faults)
{
    while (faults.len > 0) {
        const char *feed = memchr(faults.at, '\n', faults.len);
        size_t len = feed ? (size_t)(feed - faults.at) : faults.len;
        fprintf(stderr, "%s: %s%s%.*s\n", program->name, file ? file : "", file ? ": " : "", (int)len,
                faults.at);
        size_t taken = feed ? len + 1 : len;
        faults = (struct slice){faults.at + taken, faults.len - taken};
    }
}

enum config_start config_start(const struct config_program *program, int argc, char **argv, void *settings,
                               struct config **out, int *exit_code)
{
    struct arguments arguments = {0};
    struct buffer faults = {0};

    *out = NULL;
    *exit_code = EXIT_FAULTS;
    read_arguments(argc, argv, &arguments, &faults);
    if (faults.len > 0) {
        print_faults(program, NULL, buffer_slice(&faults));
    } else if (arguments.help || arguments.version) {
        if (arguments.help)
            print_help(program);
        else
            printf("%s %s\n", program->name, GOLD_LABEL_VERSION);
        *exit_code = fflush(stdout) == 0 ? 0 : 1;
    } else {
        *out = load(program, arguments.file, settings, &faults);
        print_faults(program, arguments.file, buffer_slice(&faults));
        if (!*out && faults.len == 0)
            fprintf(stderr, "%s: out of memory\n", program->name);
    }
    buffer_dispose(&faults);
    return *out ? CONFIG_RUN : CONFIG_EXIT;
}
