#include "ingress/settings.h"

#include "common/http_tls.h"
#include "common/kafka.h"
#include "common/postgres_conninfo.h"

static const char *const LEVELS[] = {"debug", "info", "warning", "error", NULL};
static const char *const FORMATS[] = {"logfmt", "json", NULL};
static const char *const PARTITIONERS[] = {"sticky", "murmur2", NULL}; /* enum ingress_partitioner */

#define AT(member) offsetof(struct ingress_settings, member)
#define KIB (1024)
#define MIB (1024 * 1024)

/* clang-format off */
static const struct config_option OPTIONS[] = {
    {"kafka", "brokers", CONFIG_BROKERS, AT(brokers), NULL, true, .max = 4096,
     .help = "bootstrap servers, comma-separated host:port"},
    {"kafka", "commands_topic", CONFIG_TOPIC, AT(commands_topic), "gold-label.commands",
     .help = "topic that commands are published to"},
    {"kafka", "results_topic", CONFIG_TOPIC, AT(results_topic), "gold-label.results",
     .help = "topic that results come from"},

    {"http", "address", CONFIG_ADDRESS, AT(http_address), "127.0.0.1",
     .help = "address of the public listener"},
    {"http", "port", CONFIG_INTEGER, AT(http_port), "8080", .min = 1, .max = 65535,
     .help = "port of the public listener"},
    {"http", "connections", CONFIG_INTEGER, AT(connections), "2048", .min = 1, .max = 65536,
     .help = "most connections at a time"},
    {"http", "connections_per_ip", CONFIG_INTEGER, AT(connections_per_ip), "0", .min = 0, .max = 65536,
     .help = "most connections from one address; 0: no bound (behind a proxy all come from one)"},
    {"http", "connection_memory", CONFIG_INTEGER, AT(connection_memory), "24576", .min = 20 * KIB, .max = 1 * MIB,
     .unit = "bytes", .help = "memory of one connection for the head of a request and for buffers"},
    {"http", "body_memory", CONFIG_INTEGER, AT(body_memory), "33554432", .min = 2 * MIB, .max = 4096LL * MIB,
     .unit = "bytes", .help = "memory of all bodies that are being received; no account gets more than four fifths"},
    {"http", "request_ms", CONFIG_INTEGER, AT(request_ms), "30000", .min = 1000, .max = 600000, .unit = "ms",
     .help = "a request must have arrived within this"},
    {"http", "idle_s", CONFIG_INTEGER, AT(idle_s), "60", .min = 1, .max = 3600, .unit = "s",
     .help = "a connection without traffic is closed after this"},
    {"http", "tls_certificate", CONFIG_TEXT, AT(tls_certificate), NULL, .max = 4096,
     .help = "PEM file of the certificate to serve HTTPS with, and of those between it and a root; without it: plain HTTP"},
    {"http", "tls_key", CONFIG_TEXT, AT(tls_key), NULL, .max = 4096, .help = "PEM file of its private key"},
    {"http", "tls_priorities", CONFIG_TEXT, AT(tls_priorities), HTTP_TLS_PRIORITIES, .max = 1024,
     .help = "versions and ciphers of TLS, as GnuTLS writes them"},

    {"admin", "address", CONFIG_ADDRESS, AT(admin_address), "127.0.0.1",
     .help = "address of /healthz, /readyz and /metrics"},
    {"admin", "port", CONFIG_INTEGER, AT(admin_port), "8081", .min = 1, .max = 65535,
     .help = "port of /healthz, /readyz and /metrics"},

    {"ingress", "name", CONFIG_TEXT, AT(name), NULL, .max = 255,
     .help = "name of this instance; its reply partition follows from it (default: host name and port)"},
    {"ingress", "reply_partition", CONFIG_INTEGER, AT(reply_partition), "-1", .min = -1, .max = INT32_MAX,
     .help = "partition of the results topic to ask replies for; -1: derived from the name"},
    {"ingress", "partitioner", CONFIG_CHOICE, AT(partitioner), "sticky", .choices = PARTITIONERS,
     .help = "sticky: 64 commands or more in a row go to one partition, the next to another, which spares the brokers work; murmur2: those of a run share one"},
    {"ingress", "linger_us", CONFIG_INTEGER, AT(linger_us), "1000", .min = 0, .max = 20000, .unit = "microseconds",
     .help = "where three requests or more wait, a command waits for others at most so long; 0: never"},
    {"ingress", "wait_ms", CONFIG_INTEGER, AT(wait_ms), "5000", .min = 100, .max = 30000, .unit = "ms",
     .help = "how long a request waits for its outcome when it does not say"},
    {"ingress", "max_pending", CONFIG_INTEGER, AT(max_pending), "8192", .min = 1, .max = 1000000,
     .help = "most requests that wait, or whose command Kafka has not acknowledged yet, at most one per connection; more get 503, and so does an account that has four fifths"},
    {"ingress", "publish_timeout_ms", CONFIG_INTEGER, AT(publish_timeout_ms), "4000", .min = 100, .max = 29000,
     .unit = "ms", .help = "a command that Kafka has not acknowledged within this has failed; below wait_ms"},
    {"ingress", "queue_bytes", CONFIG_INTEGER, AT(queue_bytes), "16777216", .min = 2 * MIB, .max = 1024LL * MIB,
     .unit = "bytes", .help = "memory of commands that are not yet acknowledged; beyond it requests get 503, and so does an account that has four fifths"},
    {"ingress", "answer_bytes", CONFIG_INTEGER, AT(answer_bytes), "33554432", .min = 2 * MIB, .max = 1024LL * MIB,
     .unit = "bytes", .help = "memory of labels above 16 KiB in answers that are being sent; beyond it a stored label is answered 202 and not shown"},
    {"ingress", "drain_ms", CONFIG_INTEGER, AT(drain_ms), "6000", .min = 0, .max = 300000, .unit = "ms",
     .help = "how long a stop waits for the requests in progress"},

    {"token", "keys", CONFIG_TEXT, AT(token.keys), NULL, .max = 16 * KIB,
     .help = "keys of the users' tokens, comma-separated kid=ALGORITHM:path; required without jwks"},
    {"token", "jwks", CONFIG_TEXT, AT(token.jwks), NULL, .max = 16 * KIB,
     .help = "their key sets, comma-separated [ISSUER=]path or [ISSUER=]URL; with ISSUER for tokens of that iss only"},
    {"token", "jwks_refresh_s", CONFIG_INTEGER, AT(token.jwks_refresh_s), "300", .min = 10, .max = 86400, .unit = "s",
     .help = "a URL of jwks is fetched so often, or when its Cache-Control says so, and on an unknown kid"},
    {"token", "jwks_ca", CONFIG_TEXT, AT(token.jwks_ca), NULL, .max = 4096,
     .help = "PEM file of the certificates to trust for URLs of jwks (default: the system's)"},
    {"token", "jwks_plain_http", CONFIG_BOOL, AT(token.jwks_plain_http), "false",
     .help = "take http URLs of other hosts than loopback: whoever is on the way can put keys in"},
    {"token", "jwks_symmetric", CONFIG_BOOL, AT(token.jwks_symmetric), "false",
     .help = "take secret (oct) keys of a URL: whoever can read it can sign tokens"},
    {"token", "issuer", CONFIG_TEXT, AT(token.issuer), NULL, .max = 1024,
     .help = "iss they must have, where jwks names none"},
    {"token", "audience", CONFIG_TEXT, AT(token_audience), NULL, .max = 1024, .help = "aud they must have"},
    {"token", "account_claim", CONFIG_TEXT, AT(account_claim), "account_id", .max = 255,
     .help = "claim that names the account"},
    {"token", "leeway_s", CONFIG_INTEGER, AT(leeway_s), "30", .min = 0, .max = 3600, .unit = "s",
     .help = "by how much clocks may differ"},
    {"token", "cache", CONFIG_INTEGER, AT(token_cache), "1024", .min = 1, .max = 1000000,
     .help = "verified tokens that are remembered"},

    {"signing", "keys", CONFIG_TEXT, AT(signing_keys), NULL, true, .max = 4 * KIB,
     .help = "the key that signs commands for the worker, kid=ALGORITHM:path"},
    {"signing", "issuer", CONFIG_TEXT, AT(signing_issuer), NULL, .max = 1024, .help = "iss of those tokens"},
    {"signing", "audience", CONFIG_TEXT, AT(signing_audience), NULL, .max = 1024, .help = "aud of those tokens"},
    {"signing", "account_claim", CONFIG_TEXT, AT(signing_account_claim), "account_id", .max = 255,
     .help = "claim of those tokens that names the account; none of " TOKEN_CLAIMS_TAKEN},
    {"signing", "lifetime_s", CONFIG_INTEGER, AT(signing_lifetime_s), "300", .min = 60, .max = 86400, .unit = "s",
     .help = "how long those tokens are valid"},
    {"signing", "cache", CONFIG_INTEGER, AT(signing_cache), "1024", .min = 1, .max = 65536,
     .help = "those tokens that are remembered, one per account and user"},

    {"postgres", "conninfo", CONFIG_TEXT, AT(conninfo), NULL, .max = 4096,
     .help = "libpq connection string or URI that labels are read over, by a role that can only read; without it they are not served"},
    {"postgres", "connections", CONFIG_INTEGER, AT(read_connections), "4", .min = 1, .max = 64,
     .help = "connections that labels are read over"},

    {"reads", "queue", CONFIG_INTEGER, AT(read_queue), "256", .min = 1, .max = 65536,
     .help = "most reads that wait for a connection; more get 503"},
    {"reads", "timeout_ms", CONFIG_INTEGER, AT(read_timeout_ms), "5000", .min = 100, .max = 30000, .unit = "ms",
     .help = "a read that is not answered within this gets 503"},
    {"reads", "memory", CONFIG_INTEGER, AT(read_memory), "41943040", .min = 40 * MIB, .max = 4096LL * MIB,
     .unit = "bytes", .help = "memory of all answers that are being read or sent; one label can need 34 MiB, and the last 4 are spared for small ones"},
    {"reads", "page_bytes", CONFIG_INTEGER, AT(read_page_bytes), "1048576", .min = 64 * KIB, .max = 16 * MIB,
     .unit = "bytes", .help = "about so many bytes end a page of a list, before its limit; one label may have more"},

    {"avro", "command_schema_id", CONFIG_INTEGER, AT(command_schema_id), "-1", .min = -1, .max = INT32_MAX,
     .help = "Confluent schema id of commands; -1: single-object encoding"},
    {"avro", "result_schema_id", CONFIG_INTEGER, AT(result_schema_id), "-1", .min = -1, .max = INT32_MAX,
     .help = "Confluent schema id of results; -1: single-object encoding"},

    {"log", "level", CONFIG_CHOICE, AT(log_level), "info", .choices = LEVELS, .help = "least level that is logged"},
    {"log", "format", CONFIG_CHOICE, AT(log_format), "logfmt", .choices = FORMATS, .help = "form of a line"},
};
/* clang-format on */

/* A key that cannot be read, or not sign, is a fault of the configuration. */
static void check_signing_key(const char *keys, struct buffer *faults)
{
    if (keys)
        token_keys_free(token_keys_load_signer(keys, faults));
}

static void check_tls(const struct ingress_settings *s, struct buffer *faults)
{
    const struct http_tls_options options = {s->tls_certificate, s->tls_key, s->tls_priorities};
    struct fault f;

    if (!s->tls_certificate && !s->tls_key)
        return;
    if (!s->tls_certificate || !s->tls_key)
        buffer_printf(faults, "[http] %s: required where %s is set\n",
                      s->tls_key ? "tls_certificate" : "tls_key", s->tls_key ? "tls_key" : "tls_certificate");
    else if (http_tls_check(&options, &f) != STATUS_OK)
        buffer_printf(faults, "[http] %s\n", f.message);
}

static void check_settings(const void *settings, struct buffer *faults)
{
    const struct ingress_settings *s = settings;

    if (s->publish_timeout_ms >= s->wait_ms)
        buffer_printf(faults, "[ingress] publish_timeout_ms = %lld: must be below wait_ms (%lld)\n",
                      (long long)s->publish_timeout_ms, (long long)s->wait_ms);
    if (s->http_port == s->admin_port)
        buffer_printf(faults, "[admin] port = %lld: is also that of [http]\n", (long long)s->admin_port);
    if (!s->token.keys && !s->token.jwks)
        buffer_add_text(faults,
                        "[token] keys: required, or jwks (GOLD_LABEL_TOKEN_KEYS, GOLD_LABEL_TOKEN_JWKS)\n");
    token_keys_free(token_keys_open(&s->token, faults));
    check_signing_key(s->signing_keys, faults);
    if (s->signing_account_claim && !token_claim_is_free(s->signing_account_claim))
        buffer_printf(faults, "[signing] account_claim = %s: must be none of " TOKEN_CLAIMS_TAKEN "\n",
                      s->signing_account_claim);
    check_tls(s, faults);
    postgres_check_conninfo(s->conninfo, faults);
}

const struct config_program *ingress_program(void)
{
    static const struct config_program PROGRAM = {
        .name = "gold-label-ingress",
        .summary = "takes gold labels over HTTP, publishes them to Kafka and answers with their outcome",
        .options = OPTIONS,
        .n_options = sizeof OPTIONS / sizeof OPTIONS[0],
        .check_property = kafka_check_property,
        .check_settings = check_settings,
    };
    return &PROGRAM;
}
