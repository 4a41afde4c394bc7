/* The one status enum. Its three classes decide what a caller does: tell the sender, try again, or stop. */
#pragma once

#define must_check __attribute__((warn_unused_result))

typedef enum status {
    STATUS_OK = 0,

    /* Invalid input: the sender's fault, trying again cannot help. */
    STATUS_MALFORMED,       /* cannot be read at all (not JSON, not Avro, broken framing) */
    STATUS_INVALID,         /* can be read, breaks a rule of the contract */
    STATUS_TOO_LARGE,       /* over a size limit */
    STATUS_UNAUTHENTICATED, /* no token, or one that does not verify */
    STATUS_NOT_FOUND,       /* no such run, key, topic … */
    STATUS_CONFLICT,        /* the id belongs to something else */

    /* Retry later: a neighbour's fault, nothing was done. */
    STATUS_RETRY,   /* unreachable, restarting, locked */
    STATUS_FULL,    /* a bounded queue or table has no room */
    STATUS_TIMEOUT, /* the answer did not come in time: it is unknown whether it was done */

    /* Stop the process: nothing this process can do will help. */
    STATUS_CONFIG,    /* the configuration or the environment is wrong */
    STATUS_NO_MEMORY, /* allocation failed */
    STATUS_FATAL,     /* a library or the program itself is in a state it must not be in */
} status;

enum status_class { STATUS_CLASS_OK, STATUS_CLASS_INVALID, STATUS_CLASS_RETRY, STATUS_CLASS_STOP };

enum status_class status_class(status st);

/* A stable lower-case word for logs, such as "retry". Never NULL. */
const char *status_text(status st);

/* What is wrong with an input, for the person who sent it. `code` is a stable snake_case word with static lifetime;
 * `message` is one sentence that names the thing and the bound. It never holds a label's value or a token. */
struct fault {
    const char *code;
    char message[256];
};

/* Fills `f` (which may be NULL) and returns `st`, so that a check reads `return fault_set(f, STATUS_INVALID, …)`.
 * The message is cut, at a character boundary, when it is too long. */
status fault_set(struct fault *f, status st, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
