#include "common/token_internal.h"

#include "common/config.h"
#include "common/text.h"
#include <openssl/crypto.h>
#include <stdlib.h>

enum { PEM_MAX = 64 * 1024 };

struct slice token_trim(struct slice s)
{
    while (s.len > 0 && (*s.at == ' ' || *s.at == '\t')) {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

struct slice token_cut(struct slice *s, char at)
{
    const char *found = memchr(s->at, at, s->len);
    if (!found)
        return SLICE_NONE;
    struct slice before = {s->at, (size_t)(found - s->at)};
    *s = (struct slice){found + 1, s->len - before.len - 1};
    return before;
}

static const char *read_secret(struct slice bytes, struct token_key *key)
{
    const char *wrong = token_check_secret(bytes);
    if (!wrong && (!token_secret_set(&key->verify, bytes) || !token_secret_set(&key->sign, bytes)))
        wrong = "cannot be used: out of memory";
    return wrong;
}

/* Fills the key from its file. False, with a reason that names the file. */
static bool read_key_file(const char *path, struct token_key *key, struct buffer *why)
{
    struct buffer content = {0};
    struct fault f;
    const char *wrong = NULL;
    bool is_secret = key->algorithm == TOKEN_HS256;

    bool read = config_read_file(path, is_secret ? TOKEN_SECRET_MAX : PEM_MAX, &content, &f) == STATUS_OK;
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
static struct token_key *make_key(struct slice kid, const char *issuer, struct slice algorithm_text,
                                  struct slice path, struct buffer *why)
{
    enum token_algorithm algorithm;
    char *path_text = strndup(path.at, path.len);
    struct token_key *key = NULL;
    bool made = false;

    if (!token_algorithm_read(algorithm_text, &algorithm))
        buffer_add_text(why, "its algorithm is not HS256, RS256 or ES256");
    else if (!path_text || !(key = token_key_new(kid, slice_of(issuer), algorithm)))
        buffer_add_text(why, "out of memory");
    else
        made = read_key_file(path_text, key, why);
    free(path_text);
    if (!made) {
        token_key_unref(key);
        key = NULL;
    }
    return key;
}

/* One `kid=ALGORITHM:path`. */
static void read_entry(struct token_key_list *list, const char *issuer, struct slice entry,
                       struct buffer *faults)
{
    struct slice path = token_trim(entry);
    struct slice kid = token_trim(token_cut(&path, '='));
    struct slice algorithm = token_trim(token_cut(&path, ':'));
    path = token_trim(path);

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
    if (token_key_list_has(list, kid))
        buffer_add_text(&why, "is named twice");
    else
        key = make_key(kid, issuer, algorithm, path, &why);
    if (!key)
        buffer_printf(faults, "key %.*s: %.*s\n", (int)kid.len, kid.at, (int)why.len, buffer_slice(&why).at);
    else if (!token_key_list_add(list, key))
        buffer_add_text(faults, "keys: out of memory\n");
    buffer_dispose(&why);
}

bool token_read_key_files(const char *setting, const char *issuer, struct token_key_list *out,
                          struct buffer *faults)
{
    size_t faults_before = faults->len;
    struct slice rest = slice_of(setting);
    struct slice entry;

    do {
        entry = token_cut(&rest, ',');
        read_entry(out, issuer, entry.at ? entry : rest, faults);
    } while (entry.at);
    return faults->len == faults_before && !faults->failed;
}
