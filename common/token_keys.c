#include "common/token_internal.h"

#include "common/config.h"
#include "common/text.h"
#include <openssl/crypto.h>
#include <stdlib.h>

enum { SECRET_MIN = 32, SECRET_MAX = 4096, PEM_MAX = 64 * 1024 };

static const char *const ALGORITHMS[] = {
    [TOKEN_HS256] = "HS256", [TOKEN_RS256] = "RS256", [TOKEN_ES256] = "ES256"};

const char *token_algorithm_text(enum token_algorithm algorithm)
{
    return ALGORITHMS[algorithm];
}

static bool read_algorithm(struct slice text, enum token_algorithm *out)
{
    for (size_t i = 0; i < sizeof ALGORITHMS / sizeof ALGORITHMS[0]; i++) {
        if (slice_is(text, ALGORITHMS[i])) {
            *out = (enum token_algorithm)i;
            return true;
        }
    }
    return false;
}

const struct token_key *token_keys_find(const struct token_keys *keys, struct slice kid)
{
    const struct token_key *each = keys->first;
    while (each && !slice_is(kid, each->kid))
        each = each->next;
    return each;
}

static void wipe(struct token_secret *s)
{
    if (s->at)
        OPENSSL_cleanse(s->at, s->len);
    free(s->at);
}

static void free_key(struct token_key *key)
{
    if (!key)
        return;
    wipe(&key->verify);
    wipe(&key->sign);
    free(key->kid);
    free(key);
}

void token_keys_free(struct token_keys *keys)
{
    if (!keys)
        return;
    while (keys->first) {
        struct token_key *next = keys->first->next;
        free_key(keys->first);
        keys->first = next;
    }
    free(keys);
}

/* ---- one key ---- */

static bool copy_secret(struct slice from, struct token_secret *to)
{
    to->at = malloc(from.len);
    if (!to->at)
        return false;
    memcpy(to->at, from.at, from.len);
    to->len = from.len;
    return true;
}

static const char *read_secret(struct slice bytes, struct token_key *key)
{
    if (bytes.len < SECRET_MIN)
        return "is an HS256 secret of less than 32 bytes";
    /* A public key is no secret: whoever knows it could sign. */
    if (memmem(bytes.at, bytes.len, "-----BEGIN", 10))
        return "is PEM, which is no HS256 secret";
    if (!copy_secret(bytes, &key->verify) || !copy_secret(bytes, &key->sign))
        return "cannot be used: out of memory";
    return NULL;
}

/* Fills the key from its file. False, with a reason that names the file. */
static bool read_key_file(const char *path, struct token_key *key, struct buffer *why)
{
    struct buffer content = {0};
    struct fault f;
    const char *wrong = NULL;
    bool is_secret = key->algorithm == TOKEN_HS256;

    bool read = config_read_file(path, is_secret ? SECRET_MAX : PEM_MAX, &content, &f) == STATUS_OK;
    if (read)
        wrong = is_secret ? read_secret(buffer_slice(&content), key)
                          : token_read_pem(buffer_slice(&content), key);
    if (!read)
        buffer_add_text(why, f.message);
    else if (wrong)
        buffer_printf(why, "%s: %s", path, wrong);

    if (content.at)
        OPENSSL_cleanse(content.at, content.capacity);
    buffer_dispose(&content);
    return read && !wrong;
}

/* NULL, with a reason. */
static struct token_key *make_key(struct slice kid, struct slice algorithm, struct slice path,
                                  struct buffer *why)
{
    struct token_key *key = calloc(1, sizeof *key);
    char *path_text = strndup(path.at, path.len);
    bool made = false;

    if (!key || !path_text || !(key->kid = strndup(kid.at, kid.len)))
        buffer_add_text(why, "out of memory");
    else if (!read_algorithm(algorithm, &key->algorithm))
        buffer_add_text(why, "its algorithm is not HS256, RS256 or ES256");
    else
        made = read_key_file(path_text, key, why);
    free(path_text);
    if (!made) {
        free_key(key);
        key = NULL;
    }
    return key;
}

/* ---- the setting ---- */

static struct slice trim(struct slice s)
{
    while (s.len > 0 && (*s.at == ' ' || *s.at == '\t')) {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Cuts `s` at the first `at`: returns what is before it, leaves what is behind. Absent where there is none. */
static struct slice cut(struct slice *s, char at)
{
    const char *found = memchr(s->at, at, s->len);
    if (!found)
        return SLICE_NONE;
    struct slice before = {s->at, (size_t)(found - s->at)};
    *s = (struct slice){found + 1, s->len - before.len - 1};
    return before;
}

/* One `kid=ALGORITHM:path`. */
static void load_key(struct token_keys *keys, struct slice entry, struct buffer *faults)
{
    struct slice path = trim(entry);
    struct slice kid = trim(cut(&path, '='));
    struct slice algorithm = trim(cut(&path, ':'));
    path = trim(path);

    if (!algorithm.at || kid.len == 0 || path.len == 0) {
        buffer_add_text(faults, "a key is not named as kid=ALGORITHM:path\n");
        return;
    }
    if (!text_is_utf8(kid) || text_has_control(kid)) {
        buffer_add_text(faults, "a kid is not plain text\n");
        return;
    }

    struct buffer why = {0};
    struct token_key *key = NULL;
    if (token_keys_find(keys, kid))
        buffer_add_text(&why, "is named twice");
    else
        key = make_key(kid, algorithm, path, &why);
    if (key) {
        key->next = keys->first;
        keys->first = key;
    } else {
        buffer_printf(faults, "key %.*s: %.*s\n", (int)kid.len, kid.at, (int)why.len, buffer_slice(&why).at);
    }
    buffer_dispose(&why);
}

struct token_keys *token_keys_load(const char *setting, struct buffer *faults)
{
    struct token_keys *keys = calloc(1, sizeof *keys);
    size_t faults_before = faults->len;
    if (!keys) {
        buffer_add_text(faults, "keys: out of memory\n");
        return NULL;
    }

    struct slice rest = slice_of(setting);
    struct slice entry;
    do {
        entry = cut(&rest, ',');
        load_key(keys, entry.at ? entry : rest, faults);
    } while (entry.at);

    if (faults->len > faults_before || faults->failed) {
        token_keys_free(keys);
        return NULL;
    }
    return keys;
}
