#include "common/avro_show.h"
#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "producer-tool/letter_dump.h"
#include "producer-tool/letters.h"
#include "producer-tool/verbs.h"
#include <string.h>
#include <unistd.h>

enum { EXIT_NONE = 1 };

struct show_options {
    const char *config;
    int64_t bytes;
    const char *place;
};

#define MEMBER(name) offsetof(struct show_options, name)
static const struct verb_option OPTIONS[] = {
    {.name = "bytes",
     .value = "N",
     .kind = OPTION_INTEGER,
     .offset = MEMBER(bytes),
     .fallback = "512",
     .min = 0,
     .max = 16777216,
     .help = "of the value, in hexadecimal"},
    {.name = "config", .value = "FILE", .offset = MEMBER(config), .help = "settings; see gold-label --help"},
};

/* Any bytes, on one line. */
static void add_bytes(struct buffer *to, struct slice s)
{
    if (!s.at) {
        buffer_add_text(to, "null");
    } else if (text_is_utf8(s) && !text_has_control(s)) {
        buffer_add_slice(to, s);
    } else {
        for (size_t i = 0; i < s.len; i++)
            buffer_printf(to, "%02x", (unsigned char)s.at[i]);
        buffer_add_text(to, " (hexadecimal)");
    }
    buffer_add_char(to, '\n');
}

static void print_letter(const struct kafka_message *m, size_t bytes, struct buffer *to)
{
    struct letter l = letter_of(m);
    struct kafka_header header;

    buffer_printf(to, "%s %d:%lld\n", l.record.topic, l.record.partition, (long long)l.record.offset);
    buffer_add_text(to, "reason: ");
    add_bytes(to, l.code);
    buffer_add_text(to, "  ");
    add_bytes(to, l.reason);
    buffer_add_text(to, "key: ");
    add_bytes(to, l.record.key);
    buffer_add_text(to, "headers:\n");
    for (size_t i = 0; kafka_header_at(m, i, &header); i++) {
        buffer_add_text(to, "  ");
        json_write_string(to, text_is_utf8(slice_of(header.name)) ? slice_of(header.name) : slice_of("?"));
        buffer_add_text(to, ": ");
        add_bytes(to, header.value);
    }
    buffer_printf(to, "value, %zu bytes:\n", l.record.value.len);
    letter_dump(l.record.value, bytes, to);
    buffer_add_text(to, "decoded:\n");
    avro_show(l.record.value, to);
}

static int show(struct letters *l, const struct show_options *o)
{
    struct fault f = {0};
    struct output output = {.fd = STDOUT_FILENO};
    status st = letters_open(l, &f);
    if (st) {
        log_error("cannot read the dead letters", LOG_STR("reason", f.message));
        return reader_exit_code(st);
    }
    struct kafka_message *m = letters_next(l);
    if (!m) {
        int code = letters_exit_code(l, STATUS_OK, &f);
        if (code)
            return code;
        fprintf(stderr, "gold-label dlq show: there is no dead letter at %s\n", o->place);
        return EXIT_NONE;
    }
    print_letter(m, (size_t)o->bytes, &output.text);
    kafka_message_free(m);
    st = letters_write(l, &output, &f);
    output_dispose(&output);
    return letters_exit_code(l, st, &f);
}

/* "2:17": partition and offset, as letters of one partition and up to the next offset. */
static bool parse_place(const char *text, struct letters_options *out, char from[24], char to[24])
{
    const char *colon = strchr(text, ':');
    uint64_t partition = 0;
    uint64_t offset = 0;
    if (!colon || !text_to_u64(slice_make(text, (size_t)(colon - text)), 99999, &partition) ||
        !text_to_u64(slice_of(colon + 1), INT64_MAX - 1, &offset))
        return false;
    out->partition = (int64_t)partition;
    snprintf(from, 24, "%lld", (long long)offset);
    snprintf(to, 24, "%lld", (long long)offset + 1);
    out->from = from;
    out->to = to;
    return true;
}

static int run(int argc, char **argv)
{
    struct show_options o;
    struct letters_options where = {.partition = READER_ALL};
    struct letters letters;
    struct buffer faults = {0};
    char from[24];
    char to[24];

    if (options_parse(&VERB_DLQ_SHOW, argc, argv, &o, &faults) == OPTIONS_HELP) {
        options_print_help(&VERB_DLQ_SHOW, stdout);
        buffer_dispose(&faults);
        return 0;
    }
    where.config = o.config;
    if (o.place && !parse_place(o.place, &where, from, to)) {
        /* Behind a mistyped option it may be a token. */
        bool is_place = faults.len == 0;
        buffer_printf(&faults, "PARTITION:OFFSET%s%s must be two numbers, such as 2:17\n",
                      is_place ? " " : "", is_place ? o.place : "");
    }
    letters_init(&letters, &where, &faults);
    int code = faults.len ? options_refuse(&VERB_DLQ_SHOW, &faults) : show(&letters, &o);
    letters_dispose(&letters);
    buffer_dispose(&faults);
    return code;
}

const struct verb VERB_DLQ_SHOW = {
    .name = "dlq show",
    .summary = "Shows one dead letter: why, headers, bytes, and what they say as far as it goes",
    .operand = "PARTITION:OFFSET",
    .operand_required = true,
    .operand_offset = MEMBER(place),
    .operand_help = "as dlq list has it",
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof *OPTIONS,
    .notes = "It may show what is in a label: mind who sees your terminal.\n"
             "Exit: 0 shown, 1 there is none, 2 usage or settings, 3 stopped, 130 interrupted.\n",
    .examples = "  gold-label dlq show 2:17\n",
    .run = run,
};
