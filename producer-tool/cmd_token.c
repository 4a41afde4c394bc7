#include "common/clock.h"
#include "common/token.h"
#include "producer-tool/verbs.h"
#include <string.h>

enum { EXIT_CONFIG = 2 };

struct token_options {
    const char *key_file;
    const char *kid;
    int algorithm;
    const char *account;
    const char *account_claim;
    const char *subject;
    const char *issuer;
    const char *audience;
    int64_t ttl_s;
};

static const char *const ALGORITHMS[] = {"HS256", "RS256", "ES256", NULL};

#define MEMBER(name) offsetof(struct token_options, name)
static const struct verb_option OPTIONS[] = {
    {.name = "key-file",
     .value = "FILE",
     .offset = MEMBER(key_file),
     .required = true,
     .help = "HS256: raw secret bytes, at least 32; RS256, ES256: a private key as PEM"},
    {.name = "kid",
     .value = "ID",
     .offset = MEMBER(kid),
     .required = true,
     .help = "the key's name, as the verifier's configuration has it"},
    {.name = "algorithm",
     .value = "HS256|RS256|ES256",
     .kind = OPTION_CHOICE,
     .offset = MEMBER(algorithm),
     .fallback = "HS256",
     .choices = ALGORITHMS,
     .help = "of the key"},
    {.name = "account",
     .value = "ACC",
     .offset = MEMBER(account),
     .required = true,
     .help = "account the labels belong to"},
    {.name = "account-claim",
     .value = "NAME",
     .offset = MEMBER(account_claim),
     .fallback = "account_id",
     .help = "claim that carries it"},
    {.name = "subject",
     .value = "SUB",
     .offset = MEMBER(subject),
     .required = true,
     .help = "who labels: becomes created_by"},
    {.name = "issuer", .value = "ISS", .offset = MEMBER(issuer), .help = "iss, where the verifier checks it"},
    {.name = "audience",
     .value = "AUD",
     .offset = MEMBER(audience),
     .help = "aud, where the verifier checks it"},
    {.name = "ttl",
     .value = "TIME",
     .kind = OPTION_DURATION,
     .offset = MEMBER(ttl_s),
     .fallback = "24h",
     .min = 1,
     .max = 3650LL * 86400,
     .help = "how long it is valid: 90s, 15m, 24h, 7d"},
};

static void check_account_claim(const struct token_options *o, struct buffer *faults)
{
    if (o->account_claim && !token_claim_is_free(o->account_claim))
        buffer_printf(faults, "--account-claim %s must be none of " TOKEN_CLAIMS_TAKEN "\n",
                      o->account_claim);
}

/* token_keys_load() reads `kid=ALGORITHM:path,…`. */
static void check_separators(const struct token_options *o, struct buffer *faults)
{
    if (o->kid && strpbrk(o->kid, "=,:"))
        buffer_add_text(faults, "--kid must not hold any of = , :\n");
    if (o->key_file && strchr(o->key_file, ','))
        buffer_add_text(faults, "--key-file must not hold a comma\n");
}

static int print_token(const struct token_keys *keys, const struct token_options *o)
{
    int64_t now = clock_unix_us(clock_system()) / 1000000;
    const struct token_grant grant = {
        .account_claim = o->account_claim,
        .account_id = slice_of(o->account),
        .subject = slice_of(o->subject),
        .issuer = o->issuer,
        .audience = o->audience,
        .issued_at = now,
        .expires_at = now + o->ttl_s,
    };
    struct buffer token = {0};
    struct fault f = {0};
    status st = token_sign(keys, o->kid, &grant, &token, &f);
    buffer_add_char(&token, '\n');
    if (st == STATUS_OK && token.failed)
        st = fault_set(&f, STATUS_NO_MEMORY, "no_memory", "no memory for a token");

    if (st)
        fprintf(stderr, "gold-label token: %s\n", f.message);
    else
        fwrite(token.at, 1, token.len, stdout);
    buffer_dispose(&token);
    return st ? EXIT_CONFIG : 0;
}

static int run(int argc, char **argv)
{
    struct token_options o;
    struct buffer faults = {0};
    struct buffer setting = {0};
    struct token_keys *keys = NULL;

    if (options_parse(&VERB_TOKEN, argc, argv, &o, &faults) == OPTIONS_HELP) {
        options_print_help(&VERB_TOKEN, stdout);
        buffer_dispose(&faults);
        return 0;
    }
    check_account_claim(&o, &faults);
    check_separators(&o, &faults);
    if (!faults.len) {
        buffer_printf(&setting, "%s=%s:%s", o.kid, ALGORITHMS[o.algorithm], o.key_file);
        buffer_add_char(&setting, '\0');
        keys = setting.failed ? NULL : token_keys_load(setting.at, &faults);
    }

    int code = keys ? print_token(keys, &o) : options_refuse(&VERB_TOKEN, &faults);
    token_keys_free(keys);
    buffer_dispose(&setting);
    buffer_dispose(&faults);
    return code;
}

const struct verb VERB_TOKEN = {
    .name = "token",
    .summary = "Prints a bearer token for development, signed with a key of yours",
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof *OPTIONS,
    .notes = "Exit: 0 printed, 2 usage or a key that cannot be used.\n",
    .examples = "  head -c 32 /dev/urandom > dev.key\n"
                "  gold-label token --key-file dev.key --kid k1 --account a --subject me > token\n",
    .run = run,
};
