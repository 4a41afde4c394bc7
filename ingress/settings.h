/* The settings of gold-label-ingress: one table, and what a table cannot check. */
#pragma once
#include "common/config.h"
#include "common/token.h"

enum ingress_partitioner { INGRESS_STICKY, INGRESS_MURMUR2 };

struct ingress_settings {
    const char *brokers;
    const char *commands_topic;
    const char *results_topic;

    const char *http_address;
    int64_t http_port;
    int64_t connections;
    int64_t connections_per_ip;
    int64_t connection_memory;
    int64_t body_memory;
    int64_t request_ms;
    int64_t idle_s;
    const char *tls_certificate; /* NULL: plain HTTP */
    const char *tls_key;
    const char *tls_priorities;

    const char *admin_address;
    int64_t admin_port;

    const char *name;        /* NULL: host name and port */
    int64_t reply_partition; /* -1: derived from the name */
    int partitioner;         /* enum ingress_partitioner */
    int64_t linger_us;
    int64_t wait_ms;
    int64_t max_pending;
    int64_t publish_timeout_ms;
    int64_t queue_bytes;
    int64_t drain_ms;

    struct token_sources token; /* keys, jwks …, issuer */
    const char *token_audience;
    const char *account_claim;
    int64_t leeway_s;
    int64_t token_cache;

    const char *signing_keys;
    const char *signing_issuer;
    const char *signing_audience;
    const char *signing_account_claim;
    int64_t signing_lifetime_s;
    int64_t signing_cache;

    const char *conninfo; /* NULL: nothing can be read */
    int64_t read_connections;
    int64_t read_queue;
    int64_t read_timeout_ms;
    int64_t answer_bytes;
    int64_t read_memory;
    int64_t read_page_bytes;

    int64_t command_schema_id;
    int64_t result_schema_id;

    int log_level;  /* enum log_level */
    int log_format; /* enum log_format */
};

const struct config_program *ingress_program(void);
