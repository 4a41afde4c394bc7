/* The worker's settings. */
#pragma once
#include "common/config.h"
#include "common/token.h"

enum worker_auth { WORKER_AUTH_TOKEN, WORKER_AUTH_TRUSTED };
enum worker_delivery { WORKER_AT_LEAST_ONCE, WORKER_EXACTLY_ONCE };

struct worker_settings {
    /* [kafka] */
    const char *brokers;
    const char *commands_topic;
    const char *results_topic;
    const char *dlq_topic;
    const char *group;
    int64_t fetch_bytes;
    /* [postgres] */
    const char *conninfo;
    int64_t statement_timeout_ms;
    /* [worker] */
    int auth;     /* enum worker_auth */
    int delivery; /* enum worker_delivery */
    const char *instance;
    const char *reply_topics;
    int64_t max_rows;
    int64_t max_bytes;
    int64_t linger_us;
    int64_t commit_interval_ms;
    int64_t drain_ms;
    int64_t unreadable_percent;
    /* [token] */
    struct token_sources token; /* without the issuer */
    const char *token_issuer;
    const char *token_audience;
    const char *account_claim;
    int64_t leeway_s;
    int64_t token_cache;
    /* [avro] */
    int64_t command_schema_id;
    int64_t result_schema_id;
    /* [admin] */
    const char *admin_address;
    int64_t admin_port;
    /* [log] */
    int log_level;
    int log_format;
};

/* Where the keys come from, with the issuer of those that name none. */
struct token_sources worker_token_sources(const struct worker_settings *s);

const struct config_program *worker_program(void);
