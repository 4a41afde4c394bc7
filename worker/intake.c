#include "worker/intake.h"

#include "common/log.h"
#include "common/text.h"
#include <stdlib.h>

enum { WINDOW = 1000, TRACEPARENT_LEN = 55, KEYS_WAIT_MS = 5000 };

struct intake {
    struct intake_options o;
    struct counter *unreadable;
    struct counter *unauthenticated;
    /* Which of the last commands could not be read: a ring, of which `at` is the newest. */
    bool is_bad[WINDOW];
    size_t at;
    unsigned seen, bad; /* of them */
};

struct intake *intake_new(const struct intake_options *options)
{
    struct intake *in = calloc(1, sizeof *in);
    if (!in)
        return NULL;
    in->o = *options;
    in->unreadable = metrics_counter(options->metrics, "gold_label_worker_unreadable_total", NULL,
                                     "Commands that could not be read.");
    in->unauthenticated = metrics_counter(options->metrics, "gold_label_worker_unauthenticated_total", NULL,
                                          "Commands whose token did not verify.");
    return in;
}

void intake_free(struct intake *in)
{
    free(in);
}

static status read_reply_address(const struct intake *in, const struct command_headers *h, struct entry *e)
{
    if (h->correlation_id.len >= 1 && h->correlation_id.len <= LABEL_CORRELATION_MAX)
        e->correlation_id = h->correlation_id;
    if (h->traceparent.len == TRACEPARENT_LEN)
        e->traceparent = h->traceparent;
    return reply_topics_resolve(in->o.reply_topics, h, e->batch->arena, &e->reply);
}

static status reject(struct entry *e, enum label_rejection code, const char *why)
{
    e->fate = ENTRY_REJECTED;
    e->code = code;
    e->reason = arena_copy(e->batch->arena, slice_of(why));
    return e->reason.at ? STATUS_OK : STATUS_NO_MEMORY;
}

static void count(struct intake *in)
{
    in->at = (in->at + 1) % WINDOW;
    in->bad -= in->is_bad[in->at];
    in->is_bad[in->at] = false;
    if (in->seen < WINDOW)
        in->seen++;
}

static status bury(struct intake *in, struct entry *e, const struct fault *f)
{
    struct kafka_record record = kafka_view(e->message);

    e->fate = ENTRY_DEAD;
    e->dead_code = f->code;
    e->reason = arena_copy(e->batch->arena, slice_of(f->message));
    counter_add(in->unreadable, 1);
    in->bad++;
    in->is_bad[in->at] = true;
    log_warning("command cannot be read", LOG_STR("topic", record.topic),
                LOG_INT("partition", record.partition), LOG_INT("offset", record.offset),
                LOG_STR("code", f->code), LOG_STR("reason", f->message));
    if (in->o.unreadable_percent < 100 && in->bad * 100 > (unsigned)in->o.unreadable_percent * WINDOW) {
        log_error(
            "too many commands cannot be read: is this the right topic, and are its schemas known here?",
            LOG_INT("unreadable", in->bad), LOG_INT("of", in->seen));
        return STATUS_CONFIG;
    }
    return e->reason.at ? STATUS_OK : STATUS_NO_MEMORY;
}

/* The moment a command's token is judged at: when the broker took it, so that a backlog does not expire. A time stamp that the
 * sender chose proves nothing. */
static int64_t received_at_s(const struct intake *in, const struct kafka_record *record)
{
    return record->broker_time ? record->timestamp_ms / 1000 : clock_unix_us(in->o.clock) / 1000000;
}

/* Account and user of the verified token replace whatever the record says. */
static status authenticate(struct intake *in, struct entry *e, const struct kafka_record *record,
                           struct slice header, struct fault *f)
{
    struct slice jwt = header.at ? token_of_authorization(header) : SLICE_NONE;
    struct token_claims claims;

    if (!jwt.at)
        return fault_set(f, STATUS_UNAUTHENTICATED, "unauthenticated", "the command has no bearer token");
    int64_t at_s = received_at_s(in, record);
    status st = token_verify(in->o.verifier, jwt, at_s, &claims, f);
    /* A rejection is final, and an issuer's new key no reason for one. Rare: there is at most one fetch in ten seconds to wait for,
     * and none while fetches fail. The pause between two is not waited out: forged kids would hold up everybody. So a key that was
     * published less than ten seconds before it is used can still be one that nobody knows. */
    if (st == STATUS_RETRY) {
        token_verifier_await(in->o.verifier, KEYS_WAIT_MS);
        st = token_verify(in->o.verifier, jwt, at_s, &claims, f);
    }
    if (st != STATUS_OK)
        return st == STATUS_RETRY ? STATUS_UNAUTHENTICATED : st;
    e->command.account_id = arena_copy(e->batch->arena, claims.account_id);
    e->command.created_by = arena_copy(e->batch->arena, claims.subject);
    return e->command.account_id.at && e->command.created_by.at ? STATUS_OK : STATUS_NO_MEMORY;
}

/* auth = trusted: what a token would have guaranteed is checked here. */
static status check_principals(const struct label_command *c, struct fault *f)
{
    const struct {
        const char *name;
        struct slice value;
        bool required;
    } principals[] = {{"account_id", c->account_id, true}, {"created_by", c->created_by, false}};

    for (size_t i = 0; i < sizeof principals / sizeof *principals; i++) {
        struct slice value = principals[i].value;
        if (!value.at && !principals[i].required)
            continue;
        if (value.len == 0 || !text_is_utf8(value) || text_has_control(value) ||
            text_characters(value) > LABEL_PRINCIPAL_MAX)
            return fault_set(f, STATUS_INVALID, "invalid_principal",
                             "%s must be 1 to %d characters without control characters", principals[i].name,
                             LABEL_PRINCIPAL_MAX);
    }
    return STATUS_OK;
}

status intake_judge(struct intake *in, struct entry *e)
{
    struct kafka_record record = kafka_view(e->message);
    struct command_headers headers = command_headers_of(e->message);
    struct fault fault = {0};

    e->batch->bytes += headers.bytes;
    count(in);

    /* A dead letter goes to one place only: a topic for replies has no part in what becomes of it. */
    status st = avro_decode_command(in->o.codec, record.value, &e->command, &fault);
    if (st != STATUS_OK)
        return bury(in, e, &fault);
    if (read_reply_address(in, &headers, e) != STATUS_OK)
        return STATUS_NO_MEMORY;

    /* Both are always run: the ids are needed for the answer even where nobody vouches for the command. */
    status rules = label_check(&e->command, &fault);
    struct fault auth_fault = {0};
    status auth = in->o.verifier ? authenticate(in, e, &record, headers.authorization, &auth_fault)
                                 : check_principals(&e->command, &auth_fault);
    if (rules == STATUS_NO_MEMORY || auth == STATUS_NO_MEMORY)
        return STATUS_NO_MEMORY;
    if (auth == STATUS_UNAUTHENTICATED) {
        counter_add(in->unauthenticated, 1);
        return reject(e, LABEL_REJECTED_UNAUTHENTICATED, auth_fault.message);
    }
    if (auth != STATUS_OK)
        return reject(e, LABEL_REJECTED_INVALID_VALUE, auth_fault.message);
    if (rules != STATUS_OK)
        return reject(e, LABEL_REJECTED_INVALID_VALUE, fault.message);
    e->fate = ENTRY_STORE;
    return STATUS_OK;
}
