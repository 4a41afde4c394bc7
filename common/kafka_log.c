#include "common/kafka_internal.h"

#include "common/log.h"
#include <string.h>

static enum log_level level_of_syslog(int level)
{
    if (level <= 3)
        return LOG_LEVEL_ERROR;
    if (level <= 4)
        return LOG_LEVEL_WARNING;
    return level <= 6 ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
}

void kafka_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    /* One [kafka] section serves producers and consumers: a property of the other kind is no fault. */
    if (strcmp(facility, "CONFWARN") == 0)
        return;
    log_write(level_of_syslog(level), "librdkafka",
              (const struct log_field[]){LOG_STR("client", rd_kafka_name(rk)), LOG_STR("facility", facility),
                                         LOG_STR("text", text)},
              3);
}

/* With the topic and partition or the group that the error is about. */
static void log_consumer_error(rd_kafka_t *rk, rd_kafka_resp_err_t err, const char *reason,
                               const rd_kafka_message_t *m)
{
    char group[256] = "";
    size_t size = sizeof group;
    struct log_field fields[5] = {LOG_STR("client", rd_kafka_name(rk)),
                                  LOG_STR("error", rd_kafka_err2name(err)), LOG_STR("reason", reason)};

    if (err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
        (void)rd_kafka_conf_get(rd_kafka_conf(rk), "group.id", group, &size);
        /* librdkafka looks for a coordinator though the group is never joined: that it may not is no fault. */
        if (strcmp(group, KAFKA_NO_GROUP) == 0)
            return;
        fields[3] = (struct log_field)LOG_STR("group", group);
    } else if (m && m->rkt) {
        fields[3] = (struct log_field)LOG_STR("topic", rd_kafka_topic_name(m->rkt));
        fields[4] = (struct log_field)LOG_INT("partition", m->partition);
    }
    log_write(LOG_LEVEL_WARNING, "kafka consumer", fields, sizeof fields / sizeof *fields);
}

/* Whether an error says that partitions are not there any more, or may not be seen. */
static bool is_out_of_sight(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
           err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}

void kafka_consumer_note_error(struct kafka_consumer *c, rd_kafka_t *rk, rd_kafka_resp_err_t err,
                               const char *reason, const rd_kafka_message_t *m)
{
    c->out_of_sight = c->out_of_sight || is_out_of_sight(err);
    log_consumer_error(rk, err, reason, m);
}

bool kafka_is_still_loading(struct kafka_loading *l, const char *facility, const char *text, int64_t now_us)
{
    enum { PATIENCE_US = 5 * 1000 * 1000 };

    if (strcmp(facility, "GETPID") != 0 ||
        !strstr(text, rd_kafka_err2str(RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS)))
        return false;
    if (l->last_us == 0 || now_us - l->last_us > PATIENCE_US)
        l->since_us = now_us;
    l->last_us = now_us;
    return now_us - l->since_us < PATIENCE_US;
}
