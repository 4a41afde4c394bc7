/* Keys that change while tokens are remembered and others verify. */
#include "common/signals.h"
#include "tests/unit/token_sets.h"

#include <signal.h>
#include <time.h>

static void wait_for_change(const struct token_keys *keys, uint64_t generation)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    for (int i = 0; i < 30000 && token_keys_generation(keys) == generation; i++)
        nanosleep(&pause, NULL);
    assert_true(token_keys_generation(keys) != generation);
}

static void reload(const struct token_keys *keys)
{
    uint64_t before = token_keys_generation(keys);
    kill(getpid(), SIGHUP);
    wait_for_change(keys, before);
}

static void a_signal_reloads_and_withdrawn_keys_drop_what_they_verified(void **state)
{
    (void)state;
    struct fault f = {0};
    write_set("set",
              (const struct named[]){{"stays", RSA_ONE}, {"goes", RSA_TWO}, {"changes", EC_ONE}, {NULL, 0}});
    struct token_keys *keys = open_good(NULL, "%/set", NULL);
    struct token_verifier *v = verifier_of(keys, NULL);
    int fd = signals_open_reload();
    assert_int_equal(token_keys_start(keys, &(struct token_watch){.reload_fd = fd, .ready_fd = -1}, &f),
                     STATUS_OK);
    assert_token(v, RSA_TWO, "goes", NULL, NULL);
    assert_token(v, EC_ONE, "changes", NULL, NULL);
    assert_token(v, RSA_ONE, "stays", NULL, NULL);

    const struct token_key *stays = token_set_find(keys->shared->current, SLICE_NONE, SLICE_LITERAL("stays"));
    write_set("set",
              (const struct named[]){{"stays", RSA_ONE}, {"changes", RSA_TWO}, {"new", EC_ONE}, {NULL, 0}});
    reload(keys);
    assert_token(v, RSA_TWO, "goes", NULL, UNKNOWN);
    assert_token(v, EC_ONE, "changes", NULL, "the token's alg is not the key's");
    assert_token(v, RSA_TWO, "changes", NULL, NULL);
    assert_token(v, EC_ONE, "new", NULL, NULL);
    assert_token(v, RSA_ONE, "stays", NULL, NULL);
    /* The same object, so what it verified before is still remembered. */
    assert_ptr_equal(token_set_find(keys->shared->current, SLICE_NONE, SLICE_LITERAL("stays")), stays);

    /* As the last token, too. */
    write_set("set", (const struct named[]){{"new", EC_ONE}, {NULL, 0}});
    reload(keys);
    assert_token(v, RSA_ONE, "stays", NULL, UNKNOWN);
    assert_token(v, EC_ONE, "new", NULL, NULL);
    token_verifier_free(v);
    token_keys_free(keys);
    close(fd);
}

static void a_broken_file_changes_nothing(void **state)
{
    (void)state;
    struct fault f = {0};
    log_setup(LOG_LEVEL_ERROR + 1, LOG_FORMAT_LOGFMT, "test"); /* before there are threads */
    write_set("set", (const struct named[]){{"k", RSA_ONE}, {NULL, 0}});
    write_set("other", (const struct named[]){{"l", RSA_TWO}, {NULL, 0}});
    struct token_keys *keys = open_good(NULL, "%/set,%/other", NULL);
    struct token_verifier *v = verifier_of(keys, NULL);
    int fd = signals_open_reload();
    assert_int_equal(token_keys_start(keys, &(struct token_watch){.reload_fd = fd, .ready_fd = -1}, &f),
                     STATUS_OK);

    forge_file(group.directory, "set", SLICE_LITERAL("{\"keys\":"));
    write_set("other", (const struct named[]){{"m", RSA_TWO}, {NULL, 0}});
    reload(keys); /* the second is read after the first */
    assert_token(v, RSA_ONE, "k", NULL, NULL);
    assert_token(v, RSA_TWO, "l", NULL, UNKNOWN);
    assert_token(v, RSA_TWO, "m", NULL, NULL);
    token_verifier_free(v);
    token_keys_free(keys);
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT, "test");
    close(fd);
}

/* ---- many threads ---- */

static void *verify_on(void *arg)
{
    const struct token_keys *keys = arg;
    struct token_verifier *v = verifier_of(keys, NULL);
    struct buffer stays = token_of(EC_ONE, "stays", NULL);
    uintptr_t refused = 0;
    for (int i = 0; i < 2000; i++) {
        struct token_claims out;
        if (i % 7 == 0)
            v = (token_verifier_free(v), verifier_of(keys, NULL));
        refused += token_verify(v, buffer_slice(&stays), FORGE_NOW, &out, NULL) != STATUS_OK;
    }
    buffer_dispose(&stays);
    token_verifier_free(v);
    return (void *)refused;
}

static void keys_change_while_others_verify(void **state)
{
    (void)state;
    enum { THREADS = 3, CHANGES = 200 };
    pthread_t threads[THREADS];
    write_set("set", (const struct named[]){{"stays", EC_ONE}, {"k", RSA_ONE}, {NULL, 0}});
    struct token_keys *keys = open_good(NULL, "%/set", NULL);

    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT, "test");
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, verify_on, keys), 0);
    for (int i = 0; i < CHANGES; i++) {
        struct token_key_list read = {0};
        struct buffer faults = {0};
        write_set("set",
                  (const struct named[]){{"stays", EC_ONE}, {"k", i % 2 ? RSA_ONE : RSA_TWO}, {NULL, 0}});
        assert_true(token_source_read(&keys->sources[0], &read, &faults));
        assert_true(token_keys_replace(keys, &keys->sources[0], &read));
    }
    for (int i = 0; i < THREADS; i++) {
        void *refused = NULL;
        pthread_join(threads[i], &refused);
        assert_null(refused);
    }
    token_keys_free(keys);
}

/* ---- reading a source anew ---- */

static bool read_anew(const struct token_keys *keys, size_t source)
{
    struct token_key_list read = {0};
    struct buffer faults = {0};
    bool good = token_source_read(&keys->sources[source], &read, &faults);
    if (good)
        assert_true(token_keys_replace(keys, &keys->sources[source], &read));
    buffer_dispose(&faults);
    return good;
}

static void a_kid_that_another_source_had_for_a_while_counts_again(void **state)
{
    (void)state;
    static const struct named ALONE[] = {{"x", RSA_ONE}, {NULL, 0}};
    static const struct named BOTH[] = {{"x", RSA_ONE}, {"k", EC_ONE}, {NULL, 0}};
    log_setup(LOG_LEVEL_ERROR + 1, LOG_FORMAT_LOGFMT, "test");
    write_set("set", ALONE);
    write_set("other", (const struct named[]){{"k", RSA_TWO}, {NULL, 0}});
    struct token_keys *keys = open_good(NULL, "%/set,%/other", NULL);
    const struct token_key *theirs = token_set_find(keys->shared->current, SLICE_NONE, SLICE_LITERAL("k"));

    write_set("set", BOTH);
    assert_true(read_anew(keys, 0));
    assert_true(atomic_load(&theirs->withdrawn));
    write_set("set", ALONE);
    assert_true(read_anew(keys, 0));
    assert_ptr_equal(token_set_find(keys->shared->current, SLICE_NONE, SLICE_LITERAL("k")), theirs);
    assert_false(atomic_load(&theirs->withdrawn));
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT, "test");
    token_keys_free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_reloads_and_withdrawn_keys_drop_what_they_verified),
        cmocka_unit_test(a_broken_file_changes_nothing),
        cmocka_unit_test(keys_change_while_others_verify),
        cmocka_unit_test(a_kid_that_another_source_had_for_a_while_counts_again),
    };
    return cmocka_run_group_tests_name("token_changes", tests, make_group, drop_group);
}
