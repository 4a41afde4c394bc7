#include "producer-tool/send_options.h"

/* In the order of enum summary_wait. */
static const char *const WAITS[] = {"stored", "accepted", NULL};

#define MEMBER(name) offsetof(struct send_options, name)
const struct verb_option SEND_OPTIONS[SEND_N_OPTIONS] = {
    {.name = "run",
     .value = "ID",
     .kind = OPTION_UUID,
     .offset = MEMBER(run),
     .help = "the run of lines without a run_id"},
    {.name = "token-file",
     .value = "FILE",
     .offset = MEMBER(token_file),
     .help = "the bearer token; otherwise $GOLD_LABEL_TOKEN",
     .details =
         "It is the worker's audience that counts. The file is read again while the load runs, as soon as it "
         "changes; when the token has expired, the load waits for a new one. A pipe is read once: the load "
         "stops when its token has expired."},
    {.name = "account",
     .value = "ACC",
     .offset = MEMBER(account),
     .help = "of keys and ids, otherwise the token's account_id",
     .details =
         "It is also written into the commands: enough without a token for a worker with auth = trusted."},
    {.name = "wait",
     .value = "stored|accepted",
     .kind = OPTION_CHOICE,
     .offset = MEMBER(wait),
     .fallback = "stored",
     .choices = WAITS,
     .help = "for the worker's answer, or for Kafka's"},
    {.name = "timeout",
     .value = "S",
     .kind = OPTION_DURATION,
     .offset = MEMBER(timeout_s),
     .fallback = "5m",
     .min = 1,
     .max = 86400,
     .help = "give up when nothing moves for so long",
     .details = "Until then a broker or worker that is away is waited for."},
    {.name = "in-flight",
     .value = "N",
     .kind = OPTION_INTEGER,
     .offset = MEMBER(in_flight),
     .fallback = "10000",
     .min = 1,
     .max = 1000000,
     .help = "lines sent and not yet answered",
     .details = "Also bounded by their bytes, so that memory stays constant."},
    {.name = "rate",
     .value = "N/s",
     .kind = OPTION_RATE,
     .offset = MEMBER(rate),
     .min = 1,
     .max = 10000000,
     .help = "send at most so many lines a second"},
    {.name = "max-errors",
     .value = "N|N%",
     .kind = OPTION_LIMIT,
     .offset = MEMBER(max_errors),
     .help = "stop when more lines are rejected",
     .details = "A share is looked at from the 1000th line on."},
    {.name = "results",
     .value = "FILE",
     .offset = MEMBER(results),
     .help = "write the outcome of each line",
     .details = "One JSON object per line of the input, in its order: line, id, outcome, and code and "
                "message where it is "
                "not good."},
    {.name = "rejects",
     .value = "FILE",
     .offset = MEMBER(rejects),
     .help = "write rejected lines; the reasons to FILE.reasons",
     .details = "Byte for byte, to be mended and sent again; the n-th line of FILE.reasons is about the n-th "
                "of FILE. A "
                "line above 768 KiB that does not come from a plain file is not copied (\"copied\":false)."},
    {.name = "resume",
     .value = "",
     .kind = OPTION_FLAG,
     .offset = MEMBER(resume),
     .help = "go on behind the checkpoint, if there is one",
     .details = "It must belong to the same input (by its SHA-256), run, account, topic and --wait. The "
                "summary counts the "
                "lines before it too; what --results and --rejects hold of lines behind it is cut off and "
                "written anew."},
    {.name = "checkpoint",
     .value = "FILE",
     .offset = MEMBER(checkpoint),
     .help = "where it is (default: input's name.checkpoint)",
     .details = "Kept up to date while a file is sent, and removed when every line is done."},
    {.name = "dry-run",
     .value = "",
     .kind = OPTION_FLAG,
     .offset = MEMBER(dry_run),
     .help = "check the lines and send nothing",
     .details = "Each fault is one line on stderr: file:line:column: member: rule: what is wrong. Neither "
                "brokers nor a "
                "token are needed."},
    {.name = "config", .value = "FILE", .offset = MEMBER(config), .help = "settings; see gold-label --help"},
};
