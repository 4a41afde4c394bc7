/* The member names met while one JSON text is read, to tell a name that comes twice in one object. For json_read.c only.
 *
 * One table for all objects of the text: a name counts together with the object it belongs to. The hash is keyed with random
 * bytes, so that nobody can send names that collide. */
#pragma once
#include "common/slice.h"
#include "common/status.h"
#include <stddef.h>

struct json_name {
    struct slice text; /* absent: the slot is free */
    size_t object;
};

enum { JSON_NAMES_FIRST = 64 }; /* slots; ordinary texts need no more */

struct json_names {
    struct json_name *slots;
    size_t n_slots; /* a power of two */
    size_t used;
    struct json_name first[JSON_NAMES_FIRST];
};

/* `n` must stay where it is until json_names_dispose(). */
void json_names_init(struct json_names *n);
void json_names_dispose(struct json_names *n);
/* Notes that `object` (any number that stands for it) has a member `name`, which must stay valid.
 * Errors: STATUS_CONFLICT (it has one already), STATUS_NO_MEMORY. */
status json_names_add(struct json_names *n, size_t object, struct slice name) must_check;
