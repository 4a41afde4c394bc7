/* Requests whose token has a kid that is not known yet, while the key sets that may have it are being fetched: a new key of
 * an issuer must not cost its users a burst of 401. Each is asked for its body then, and judged again when that has come.
 * All functions may be called by any thread, but key_waits_add() only by the listener's. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEY_WAITS_MAX = 256 };

struct http_request;
struct token_keys;
struct key_waits;

/* NULL when memory is short. */
struct key_waits *key_waits_new(void);
void key_waits_free(struct key_waits *w);

/* Makes `r`, whose head is being decided on, wait for `sources` (bits of token_verifier_awaits()). Its body is accepted when they are
 * over, which may be at once. False when too many wait: nothing was done. */
bool key_waits_add(struct key_waits *w, struct http_request *r, const struct token_keys *keys,
                   uint32_t sources);
/* A fetch of `sources` is over. It may be told late, when another one has been asked for: who waits for that goes on waiting. `keys` NULL:
 * nobody waits for them any more. */
void key_waits_release(struct key_waits *w, const struct token_keys *keys, uint32_t sources);
