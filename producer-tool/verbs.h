/* The verbs of `gold-label`, one per cmd_*.c. */
#pragma once
#include "producer-tool/options.h"

extern const struct verb VERB_SEND;
extern const struct verb VERB_RESULTS;
extern const struct verb VERB_DLQ_LIST;
extern const struct verb VERB_DLQ_SHOW;
extern const struct verb VERB_DLQ_REPLAY;
extern const struct verb VERB_STATUS;
extern const struct verb VERB_TOKEN;
extern const struct verb VERB_HELP;

/* All of them, those of two words beside each other. */
const struct verb *const *verbs_all(size_t *n);
/* The verb that the arguments begin with, and how many of them are its name; NULL when there is none. */
const struct verb *verbs_find(int argc, char *const *argv, int *used);
/* Whether it is the first word of verbs of two. */
bool verbs_begin_with(const char *word);
/* On standard output: the verbs, the settings, where to read on. */
void verbs_print_help(void);
/* On standard output: the verbs of two words that begin with this one. */
void verbs_print_help_of(const char *word);
/* A man page (roff) of section 1: of the tool, beside those of its verbs. */
void verbs_print_man(FILE *to);
/* Says what is wrong and which verbs there are; returns the exit code for it, 2. */
int verbs_refuse(const char *what);
