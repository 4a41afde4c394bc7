#include "worker/settings.h"

#include "common/kafka.h"
#include "common/postgres_conninfo.h"
#include "worker/reply_to.h"
#include <string.h>

static const char *const AUTH_MODES[] = {"token", "trusted", NULL};
static const char *const DELIVERIES[] = {"at-least-once", "exactly-once", NULL};
static const char *const LOG_LEVELS[] = {"debug", "info", "warning", "error", NULL};
static const char *const LOG_FORMATS[] = {"logfmt", "json", NULL};

#define AT(member) .offset = offsetof(struct worker_settings, member)

static const struct config_option OPTIONS[] = {
    {"kafka", "brokers", CONFIG_BROKERS, AT(brokers), .required = true, .max = 4096,
     .help = "Kafka brokers to begin with, host:port, comma-separated"},
    {"kafka", "commands_topic", CONFIG_TOPIC, AT(commands_topic), .fallback = "gold-label.commands",
     .help = "topic of the commands"},
    {"kafka", "results_topic", CONFIG_TOPIC, AT(results_topic), .fallback = "gold-label.results",
     .help = "topic of the result events"},
    {"kafka", "dlq_topic", CONFIG_TOPIC, AT(dlq_topic), .fallback = "gold-label.commands.dlq",
     .help = "topic of commands that cannot be read"},
    {"kafka", "group", CONFIG_TEXT, AT(group), .fallback = "gold-label-worker", .max = 255,
     .help = "consumer group that shares the partitions"},
    {"kafka", "fetch_bytes", CONFIG_INTEGER, AT(fetch_bytes), .fallback = "2097152", .min = 1048576,
     .max = 1073741824, .unit = "bytes", .help = "memory for commands fetched ahead"},
    {"postgres", "conninfo", CONFIG_TEXT, AT(conninfo), .required = true, .max = 4096,
     .help = "libpq connection string or URI of the database"},
    {"postgres", "statement_timeout_ms", CONFIG_INTEGER, AT(statement_timeout_ms), .fallback = "30000",
     .min = 1000, .max = 3600000, .unit = "ms",
     .help = "a statement that takes longer is given up and repeated"},
    {"worker", "auth", CONFIG_CHOICE, AT(auth), .fallback = "token", .choices = AUTH_MODES,
     .help = "who sent a command: its verified token, or (topics closed by ACLs) its record"},
    {"worker", "delivery", CONFIG_CHOICE, AT(delivery), .fallback = "at-least-once", .choices = DELIVERIES,
     .help = "how often a result can be read"},
    {"worker", "instance", CONFIG_TEXT, AT(instance), .max = 200,
     .help =
         "exactly-once: a name that this process keeps and no other has (default: host name and admin port)"},
    {"worker", "reply_topics", CONFIG_TEXT, AT(reply_topics), .max = 4096,
     .help = "topics that a command's kafka_replyTopic may name besides the results topic, comma-separated, "
             "at most 16, each with max.message.bytes as the results topic has it (default: none)"},
    {"worker", "max_rows", CONFIG_INTEGER, AT(max_rows), .fallback = "1000", .min = 1, .max = 10000,
     .unit = "rows", .help = "bound of one batch"},
    {"worker", "max_bytes", CONFIG_INTEGER, AT(max_bytes), .fallback = "4194304", .min = 1048576,
     .max = 67108864, .unit = "bytes", .help = "bound of one batch's commands with their headers"},
    {"worker", "linger_us", CONFIG_INTEGER, AT(linger_us), .fallback = "1000", .min = 0, .max = 1000000,
     .unit = "microseconds",
     .help = "where commands stream in, a batch waits for more at most so long, and no longer than the last "
             "one took; 0: never"},
    {"worker", "commit_interval_ms", CONFIG_INTEGER, AT(commit_interval_ms), .fallback = "100", .min = 0,
     .max = 60000, .unit = "ms", .help = "pause between two commits of offsets"},
    {"worker", "drain_ms", CONFIG_INTEGER, AT(drain_ms), .fallback = "5000", .min = 0, .max = 60000,
     .unit = "ms", .help = "time to finish what is in hand when stopping or giving partitions up"},
    {"worker", "unreadable_percent", CONFIG_INTEGER, AT(unreadable_percent), .fallback = "50", .min = 1,
     .max = 100, .unit = "percent",
     .help = "stop when more than this share of the last 1,000 commands cannot be read; 100: never"},
    {"token", "keys", CONFIG_TEXT, AT(token.keys), .max = 65536,
     .help = "keys that tokens are verified with: kid=HS256|RS256|ES256:path, comma-separated; required "
             "without jwks"},
    {"token", "jwks", CONFIG_TEXT, AT(token.jwks), .max = 65536,
     .help = "their key sets, comma-separated [ISSUER=]path or [ISSUER=]URL; with ISSUER for tokens of that "
             "iss only"},
    {"token", "jwks_refresh_s", CONFIG_INTEGER, AT(token.jwks_refresh_s), .fallback = "300", .min = 10,
     .max = 86400, .unit = "s",
     .help = "a URL of jwks is fetched so often, or when its Cache-Control says so, and on an unknown kid"},
    {"token", "jwks_ca", CONFIG_TEXT, AT(token.jwks_ca), .max = 4096,
     .help = "PEM file of the certificates to trust for URLs of jwks (default: the system's)"},
    {"token", "jwks_plain_http", CONFIG_BOOL, AT(token.jwks_plain_http), .fallback = "false",
     .help = "take http URLs of other hosts than loopback: whoever is on the way can put keys in"},
    {"token", "jwks_symmetric", CONFIG_BOOL, AT(token.jwks_symmetric), .fallback = "false",
     .help = "take secret (oct) keys of a URL: whoever can read it can sign tokens"},
    {"token", "issuer", CONFIG_TEXT, AT(token_issuer), .max = 1024,
     .help = "required iss claim, where jwks names none"},
    {"token", "audience", CONFIG_TEXT, AT(token_audience), .max = 1024, .help = "required aud claim"},
    {"token", "account_claim", CONFIG_TEXT, AT(account_claim), .fallback = "account_id", .max = 255,
     .help = "claim that names the account"},
    {"token", "leeway_s", CONFIG_INTEGER, AT(leeway_s), .fallback = "30", .min = 0, .max = 3600, .unit = "s",
     .help = "tolerated difference between clocks"},
    {"token", "cache", CONFIG_INTEGER, AT(token_cache), .fallback = "4096", .min = 1, .max = 1000000,
     .unit = "tokens", .help = "verified tokens that are remembered"},
    {"avro", "command_schema_id", CONFIG_INTEGER, AT(command_schema_id), .fallback = "-1", .min = -1,
     .max = INT32_MAX, .help = "Confluent schema id of commands; -1: single-object encoding only"},
    {"avro", "result_schema_id", CONFIG_INTEGER, AT(result_schema_id), .fallback = "-1", .min = -1,
     .max = INT32_MAX, .help = "Confluent schema id of results; -1: single-object encoding"},
    {"admin", "address", CONFIG_ADDRESS, AT(admin_address), .fallback = "127.0.0.1",
     .help = "address of the admin listener"},
    {"admin", "port", CONFIG_INTEGER, AT(admin_port), .fallback = "8091", .min = 1, .max = 65535,
     .help = "port of the admin listener"},
    {"log", "level", CONFIG_CHOICE, AT(log_level), .fallback = "info", .choices = LOG_LEVELS,
     .help = "least level"},
    {"log", "format", CONFIG_CHOICE, AT(log_format), .fallback = "logfmt", .choices = LOG_FORMATS,
     .help = "form of the lines on stderr"},
};

struct token_sources worker_token_sources(const struct worker_settings *s)
{
    struct token_sources sources = s->token;
    sources.issuer = s->token_issuer;
    return sources;
}

static void check_settings(const void *settings, struct buffer *faults)
{
    const struct worker_settings *s = settings;
    if (s->auth == WORKER_AUTH_TOKEN && !s->token.keys && !s->token.jwks)
        buffer_add_text(
            faults, "[token] keys: required with [worker] auth = token, or jwks (GOLD_LABEL_TOKEN_KEYS)\n");
    if (s->auth == WORKER_AUTH_TOKEN) {
        /* Keys that cannot be read are faults of the configuration. */
        const struct token_sources sources = worker_token_sources(s);
        token_keys_free(token_keys_open(&sources, faults));
    }
    postgres_check_conninfo(s->conninfo, faults);
    const char *const ours[] = {s->commands_topic, s->dlq_topic};
    reply_topics_check(s->reply_topics, ours, sizeof ours / sizeof *ours, faults);
}

const struct config_program *worker_program(void)
{
    static const struct config_program program = {
        .name = "gold-label-worker",
        .summary = "stores gold labels from Kafka in PostgreSQL and says per command what became of it",
        .options = OPTIONS,
        .n_options = sizeof OPTIONS / sizeof *OPTIONS,
        .check_property = kafka_check_property,
        .check_settings = check_settings,
    };
    return &program;
}
