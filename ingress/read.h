/* One read on its way from the listener to the database and back, and what came of it. */
#pragma once
#include "common/uuid.h"
#include "ingress/if_none_match.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_request;

enum read_kind { READ_LABEL, READ_LIST };

/* Lies in the request's arena: gone with the answer. Its texts end with a NUL. */
struct read {
    enum read_kind kind;
    struct http_request *request;
    size_t *held; /* of its exchange: the bytes of its answer, to be given back when the request is over */
    const char *account_id;
    char run_id[UUID_TEXT_LEN + 1];
    char id[UUID_TEXT_LEN + 1]; /* the label, or the one that a list begins behind; empty: at its start */
    unsigned limit;             /* labels of a list */
    struct known_digests known; /* texts that the client has */
    int64_t asked_us;
    int64_t deadline_us;
    bool is_repeated; /* its connection was lost; it is read once more */
    struct read *next;
};

enum read_outcome {
    READ_SHOWN,
    READ_NOT_MODIFIED, /* the client has this text */
    READ_NOT_FOUND,    /* no such run or label, or another account's */
    READ_NO_PLACE,     /* the label that the list is to begin behind is not there */
    READ_TOO_LARGE,    /* larger than all answers may be together */
    READ_NO_ROOM,      /* other answers fill the memory */
    READ_QUEUE_FULL,
    READ_LATE,        /* the database did not answer in time */
    READ_UNAVAILABLE, /* the database cannot be reached, or has refused */
    READ_CLOSING,     /* the service is shutting down */
    READ_OUTCOMES,
};

/* What is shown. */
struct read_page {
    enum read_outcome outcome;
    char *json; /* malloc's; READ_SHOWN only */
    size_t len;
    char digest[IF_NONE_MATCH_DIGEST_LEN + 1];
    char next[UUID_TEXT_LEN + 1]; /* a list goes on behind this label; empty: it ends here */
};
