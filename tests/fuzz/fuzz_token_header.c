/* Tokens: the strict read of a header, and token_verify() with one key that the input does not know. The first byte chooses
 * what the rest is; pieces are divided by 0xFF bytes. */
#include "common/arena.h"
#include "common/label.h"
#include "common/text.h"
#include "common/token.h"
#include "common/token_internal.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { NOW = 1700000000, LEEWAY = 30 };

static const char SECRET[] = "only the fuzz target knows this secret";
static const char HEADER[] = "{\"alg\":\"HS256\",\"kid\":\"k\"}";
static const char CLAIMS[] = "{\"sub\":\"u\",\"account_id\":\"a\",\"aud\":[\"w\"],\"exp\":1700000060}";

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* ---- made once ---- */

struct fixture {
    struct token_keys *keys;
    struct token_verifier *verifier;
    struct buffer good; /* a token that must be accepted */
};

static void add_base64url(struct buffer *out, struct slice bytes)
{
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned bits = 0;
    unsigned n = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bits = bits << 8 | (unsigned char)bytes.at[i];
        for (n += 8; n >= 6; n -= 6)
            buffer_add_char(out, ALPHABET[bits >> (n - 6) & 63]);
    }
    if (n > 0)
        buffer_add_char(out, ALPHABET[bits << (6 - n) & 63]);
}

static void add_signature(struct buffer *out)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    HMAC(EVP_sha256(), SECRET, sizeof SECRET - 1, (const unsigned char *)out->at, out->len, mac, &len);
    buffer_add_char(out, '.');
    add_base64url(out, slice_make(mac, len));
}

static struct buffer signed_token(struct slice header, struct slice claims)
{
    struct buffer out = {0};
    add_base64url(&out, header);
    buffer_add_char(&out, '.');
    add_base64url(&out, claims);
    add_signature(&out);
    return out;
}

static const struct fixture *fixture(void)
{
    static struct fixture made;
    if (made.verifier)
        return &made;

    char path[] = "/tmp/fuzz_token.XXXXXX";
    char setting[64];
    const struct token_rules rules = {.audience = "w", .account_claim = "account_id", .leeway_s = LEEWAY};
    struct buffer faults = {0};
    int fd = mkstemp(path);
    require(fd >= 0 && write(fd, SECRET, sizeof SECRET - 1) == sizeof SECRET - 1);
    close(fd);
    snprintf(setting, sizeof setting, "k=HS256:%s", path);
    made.keys = token_keys_load(setting, &faults);
    unlink(path);
    require(made.keys != NULL);
    made.verifier = token_verifier_new(made.keys, &rules, 4);
    require(made.verifier != NULL);
    made.good = signed_token(slice_of(HEADER), slice_of(CLAIMS));
    return &made;
}

/* ---- what must hold ---- */

static bool is_principal(struct slice s)
{
    return s.at && s.len > 0 && text_is_utf8(s) && text_characters(s) <= LABEL_PRINCIPAL_MAX &&
           !text_has_control(s);
}

/* Both ways, with and without the cache, come to the same end; what is accepted is well-formed. */
static bool accepted(struct slice jwt)
{
    const struct fixture *fix = fixture();
    struct token_claims first;
    struct token_claims second;
    struct fault f = {0};
    status st = token_verify(fix->verifier, jwt, NOW, &first, &f);

    require(st == STATUS_OK || st == STATUS_UNAUTHENTICATED);
    require(token_verify(fix->verifier, jwt, NOW, &second, NULL) == st);
    if (st != STATUS_OK) {
        require(f.code && *f.message && text_is_utf8(slice_of(f.message)));
        return false;
    }
    require(jwt.len <= LABEL_TOKEN_MAX);
    require(is_principal(second.subject) && is_principal(second.account_id));
    require(second.expires_at + LEEWAY > NOW && second.expires_at == first.expires_at);
    require(token_verify(fix->verifier, jwt, second.expires_at + LEEWAY, &first, NULL) ==
            STATUS_UNAUTHENTICATED);
    return true;
}

static void read_header(struct slice json)
{
    struct arena *a = arena_new(4096);
    struct token_header header;
    struct fault f = {0};
    require(a != NULL);
    status st = token_read_header(json, a, &header, &f);

    require(st == STATUS_OK || st == STATUS_UNAUTHENTICATED);
    if (st == STATUS_OK) {
        require(header.kid.at && header.kid.len > 0 && text_is_utf8(header.kid));
        require(header.algorithm.at && text_is_utf8(header.algorithm));
        require(text_is_utf8(json) && !memchr(json.at, '\0', json.len));
    } else {
        require(f.code && *f.message);
    }
    arena_free(a);
}

/* A whole token as it comes: only the good one is accepted. */
static void verify_raw(struct slice jwt)
{
    const struct fixture *fix = fixture();
    require(accepted(jwt) == slice_equal(jwt, buffer_slice(&fix->good)));
    require(accepted(buffer_slice(&fix->good)));
}

static struct slice next_piece(struct slice *rest)
{
    const char *end = rest->len ? memchr(rest->at, 0xff, rest->len) : NULL;
    struct slice piece = {rest->at, end ? (size_t)(end - rest->at) : rest->len};
    size_t taken = end ? piece.len + 1 : piece.len;
    *rest = (struct slice){rest->at + taken, rest->len - taken};
    return piece;
}

/* Parts of the good token changed for the input's: header, claims, signature; an empty piece stays good. */
static void verify_changed(struct slice pieces)
{
    struct slice good = buffer_slice(&fixture()->good);
    struct buffer jwt = {0};

    for (int i = 0; i < 3; i++) {
        const char *dot = memchr(good.at, '.', good.len);
        struct slice own = {good.at, dot ? (size_t)(dot - good.at) : good.len};
        struct slice piece = next_piece(&pieces);
        if (i > 0)
            buffer_add_char(&jwt, '.');
        if (piece.len > 0)
            add_base64url(&jwt, piece);
        else
            buffer_add_slice(&jwt, own);
        good = dot ? (struct slice){dot + 1, good.len - own.len - 1} : SLICE_LITERAL("");
    }
    verify_raw(buffer_slice(&jwt));
    buffer_dispose(&jwt);
}

/* Header and claims of the input, signed: accepted or not, but only where the header is what it must be. */
static void verify_signed(struct slice pieces)
{
    struct slice header = next_piece(&pieces);
    struct buffer jwt = signed_token(header, pieces);
    if (accepted(buffer_slice(&jwt))) {
        struct arena *a = arena_new(4096);
        struct token_header read;
        require(token_read_header(header, a, &read, NULL) == STATUS_OK);
        require(slice_is(read.kid, "k") && slice_is(read.algorithm, "HS256"));
        arena_free(a);
    }
    buffer_dispose(&jwt);
}

/* A good header and the input's claims, signed: the claims are what the input can reach most often. */
static void verify_claims(struct slice claims)
{
    struct buffer jwt = signed_token(slice_of(HEADER), claims);
    (void)accepted(buffer_slice(&jwt));
    buffer_dispose(&jwt);
}

static void read_time(struct slice number)
{
    int64_t seconds = -1;
    bool digits = number.len > 0;
    for (size_t i = 0; i < number.len; i++)
        digits = digits && number.at[i] >= '0' && number.at[i] <= '9';
    if (!digits || number.len > 15)
        return;
    require(token_read_time(number, &seconds) && seconds >= 0);
    char text[24];
    snprintf(text, sizeof text, "%.*s", (int)number.len, number.at);
    require(strtoll(text, NULL, 10) == seconds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const WAYS[])(struct slice) = {read_header,   verify_raw,    verify_changed,
                                                 verify_signed, verify_claims, read_time};
    if (size == 0)
        return 0;
    WAYS[data[0] % (sizeof WAYS / sizeof WAYS[0])](slice_make(data + 1, size - 1));
    return 0;
}
