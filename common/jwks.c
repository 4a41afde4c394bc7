#include "common/jwks.h"

#include "common/json.h"
#include "common/text.h"
#include "common/token_internal.h"

enum {
    SET_DEPTH = 32,
    RSA_BYTES_MIN = 2048 / 8,
    RSA_BYTES_MAX = 8192 / 8,
    RSA_EXPONENT_BYTES_MAX = 8,
    EC_BYTES = 32,
};

/* ---- members of one key ---- */

struct members {
    struct json_member kid, kty, alg, use, key_ops, crv, n, e, x, y, k;
    bool is_private; /* a secret part of an RSA or EC key, or `k` */
};

static status take_member(void *ctx, const struct json_member *m, struct fault *f)
{
    static const char *const SECRET[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
    struct members *key = ctx;
    const struct {
        const char *name;
        struct json_member *to;
    } known[] = {
        {"kid", &key->kid},
        {"kty", &key->kty},
        {"alg", &key->alg},
        {"use", &key->use},
        {"crv", &key->crv},
        {"n", &key->n},
        {"e", &key->e},
        {"x", &key->x},
        {"y", &key->y},
        {"k", &key->k},
        {"key_ops", &key->key_ops},
    };
    (void)f;

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (slice_is(m->name, known[i].name))
            *known[i].to = *m;
    }
    for (size_t i = 0; i < sizeof SECRET / sizeof SECRET[0]; i++)
        key->is_private = key->is_private || slice_is(m->name, SECRET[i]);
    return STATUS_OK;
}

static bool is_text(const struct json_member *m, const char *text)
{
    return m->name.at && m->kind == JSON_STRING && slice_is(m->value, text);
}

/* A base64url member, decoded. Absent where it is none; without an address and with a length where memory is short. */
static bool decode(const struct json_member *m, struct arena *a, struct slice *out)
{
    *out = SLICE_NONE;
    if (!m->name.at || m->kind != JSON_STRING)
        return true;
    char *to = arena_alloc(a, m->value.len + 1);
    if (!to)
        return false;
    if (token_decode_base64url(m->value, to))
        *out = (struct slice){to, m->value.len * 3 / 4};
    return true;
}

static struct slice without_zeros(struct slice number)
{
    while (number.len > 0 && *number.at == '\0') {
        number.at++;
        number.len--;
    }
    return number;
}

static bool is_odd(struct slice number)
{
    return number.len > 0 && ((unsigned char)number.at[number.len - 1] & 1);
}

/* ---- each kind: NULL, or why it is not taken ---- */

static const char NO_MEMORY[] = "out of memory";

static const char *read_rsa(const struct members *m, struct arena *a, struct jwk *out)
{
    if (!decode(&m->n, a, &out->n) || !decode(&m->e, a, &out->e))
        return NO_MEMORY;
    if (!out->n.at || !out->e.at)
        return "its n or e is no base64url text";
    out->n = without_zeros(out->n);
    out->e = without_zeros(out->e);
    /* The top bit of the first byte counts: 2048 bits are 256 bytes that begin with 80 or more. */
    if (out->n.len < RSA_BYTES_MIN || (out->n.len == RSA_BYTES_MIN && !((unsigned char)*out->n.at & 0x80)))
        return "is an RSA key of less than 2048 bits";
    if (out->n.len > RSA_BYTES_MAX)
        return "is an RSA key of more than 8192 bits";
    if (!is_odd(out->n) || !is_odd(out->e) || out->e.len > RSA_EXPONENT_BYTES_MAX ||
        (out->e.len == 1 && *out->e.at == 1))
        return "its n or e is no number of an RSA key";
    return NULL;
}

static const char *read_ec(const struct members *m, struct arena *a, struct jwk *out)
{
    if (!is_text(&m->crv, "P-256"))
        return "is not on the curve P-256";
    if (!decode(&m->x, a, &out->x) || !decode(&m->y, a, &out->y))
        return NO_MEMORY;
    return out->x.len == EC_BYTES && out->y.len == EC_BYTES ? NULL
                                                            : "its x or y is not 32 bytes in base64url";
}

static const char *read_oct(const struct members *m, struct arena *a, struct jwk *out)
{
    if (!decode(&m->k, a, &out->secret))
        return NO_MEMORY;
    if (!out->secret.at)
        return "its k is no base64url text";
    return token_check_secret(out->secret);
}

static const struct kind {
    const char *kty;
    enum token_algorithm algorithm;
    const char *(*read)(const struct members *m, struct arena *a, struct jwk *out);
} KINDS[] = {
    {"RSA", TOKEN_RS256, read_rsa},
    {"EC", TOKEN_ES256, read_ec},
    {"oct", TOKEN_HS256, read_oct},
};

static const struct kind *kind_of(const struct members *m)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        if (is_text(&m->kty, KINDS[i].kty))
            return &KINDS[i];
    }
    return NULL;
}

/* ---- one key ---- */

static status take_operation(void *ctx, const struct json_member *m, struct fault *f)
{
    bool *verifies = ctx;
    (void)f;
    *verifies = *verifies || (m->kind == JSON_STRING && slice_is(m->value, "verify"));
    return STATUS_OK;
}

/* RFC 7517 §4.2, §4.3: absent members restrict nothing. */
static bool may_verify(const struct members *m, struct arena *a)
{
    bool verifies = false;
    struct fault f;

    if (m->use.name.at && !is_text(&m->use, "sig"))
        return false;
    if (!m->key_ops.name.at)
        return true;
    return m->key_ops.kind == JSON_ARRAY &&
           json_read_array(m->key_ops.value, 1, a, take_operation, &verifies, &f) == STATUS_OK && verifies;
}

static const char *read_key(const struct members *m, bool secrets, struct arena *a, struct jwk *out)
{
    const struct kind *kind = kind_of(m);

    if (!out->kid.at)
        return "has no kid that is a text of 1 to 255 bytes without control characters";
    if (!kind)
        return "its kty is not RSA, EC or oct";
    if (!may_verify(m, a))
        return "is not for verifying signatures";
    if (m->alg.name.at && !is_text(&m->alg, token_algorithm_text(kind->algorithm)))
        return "its alg is not RS256, ES256 or HS256, or not its kty's";
    if (m->is_private && !secrets)
        return "is secret, and yet was published";
    out->algorithm = kind->algorithm;
    return kind->read(m, a, out);
}

static struct slice kid_of(const struct members *m)
{
    bool good = m->kid.name.at && m->kid.kind == JSON_STRING && m->kid.value.len > 0 &&
                m->kid.value.len <= JWKS_KID_MAX && !text_has_control(m->kid.value);
    return good ? m->kid.value : SLICE_NONE;
}

/* ---- the set ---- */

struct set {
    struct arena *arena;
    const struct jwks_reader *reader;
    struct slice keys; /* the array; absent: there is none */
    size_t n;
};

static status take_set_member(void *ctx, const struct json_member *m, struct fault *f)
{
    struct set *s = ctx;
    (void)f;
    if (slice_is(m->name, "keys") && m->kind == JSON_ARRAY)
        s->keys = m->value;
    return STATUS_OK;
}

static status take_key(void *ctx, const struct json_member *m, struct fault *f)
{
    struct set *s = ctx;
    struct members members = {0};
    struct fault inner;

    if (++s->n > JWKS_KEYS_MAX)
        return fault_set(f, STATUS_TOO_LARGE, "too_many_keys", "the key set has more than %d keys",
                         JWKS_KEYS_MAX);
    if (m->kind != JSON_OBJECT) {
        s->reader->skipped(s->reader->ctx, SLICE_NONE, "is no JSON object");
        return STATUS_OK;
    }
    status st = json_read_object(m->value, SET_DEPTH, s->arena, take_member, &members, &inner);
    if (st != STATUS_OK)
        return st; /* memory: its text has been read as a part of the whole */

    struct jwk key = {.kid = kid_of(&members)};
    const char *why = read_key(&members, s->reader->secrets, s->arena, &key);
    if (!why)
        return s->reader->key(s->reader->ctx, &key);
    if (why == NO_MEMORY)
        return STATUS_NO_MEMORY;
    s->reader->skipped(s->reader->ctx, key.kid, why);
    return STATUS_OK;
}

status jwks_read(struct slice text, struct arena *a, const struct jwks_reader *reader, struct fault *f)
{
    struct set s = {.arena = a, .reader = reader};
    struct fault inner = {0};

    if (text.len > JWKS_SIZE_MAX)
        return fault_set(f, STATUS_TOO_LARGE, "too_large", "the key set has more than %d bytes",
                         JWKS_SIZE_MAX);
    status st = json_read_object(text, SET_DEPTH, a, take_set_member, &s, &inner);
    if (st == STATUS_OK && !s.keys.at)
        return fault_set(f, STATUS_INVALID, "no_keys", "the key set has no array keys");
    if (st == STATUS_OK) {
        st = json_read_array(s.keys, SET_DEPTH, a, take_key, &s, f);
        return st == STATUS_NO_MEMORY ? fault_set(f, st, "no_memory", "out of memory") : st;
    }
    if (st == STATUS_NO_MEMORY)
        return fault_set(f, st, "no_memory", "out of memory");
    return fault_set(f, st, "no_key_set", "the key set is not one JSON object with different member names");
}
