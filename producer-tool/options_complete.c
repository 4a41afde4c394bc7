#include "producer-tool/options.h"

#include <string.h>

/* The first word of a name; the second one, or NULL. */
static struct slice first_word(const char *name)
{
    return slice_make(name, strcspn(name, " "));
}

static const char *second_word(const char *name)
{
    const char *space = strchr(name, ' ');
    return space ? space + 1 : NULL;
}

static void put_first_words(const struct verb *const *verbs, size_t n, FILE *to)
{
    for (size_t i = 0; i < n; i++) {
        struct slice word = first_word(verbs[i]->name);
        if (i == 0 || !slice_equal(word, first_word(verbs[i - 1]->name)))
            fprintf(to, "%s%.*s", i ? " " : "", (int)word.len, word.at);
    }
}

/* `name) words="…";;` for each first word that has second ones. */
static void put_second_words(const struct verb *const *verbs, size_t n, FILE *to)
{
    for (size_t i = 0; i < n; i++) {
        if (!second_word(verbs[i]->name))
            continue;
        struct slice word = first_word(verbs[i]->name);
        bool begins = i == 0 || !slice_equal(word, first_word(verbs[i - 1]->name));
        bool ends = i + 1 == n || !slice_equal(word, first_word(verbs[i + 1]->name));
        if (begins)
            fprintf(to, "        %.*s) words=\"", (int)word.len, word.at);
        fprintf(to, "%s%s", begins ? "" : " ", second_word(verbs[i]->name));
        if (ends)
            fputs("\" ;;\n", to);
    }
}

static void put_choices(const struct verb *v, FILE *to)
{
    for (size_t i = 0; i < v->n_options; i++) {
        const struct verb_option *o = &v->options[i];
        if (o->kind != OPTION_CHOICE)
            continue;
        fprintf(to, "        '%s --%s') words=\"", v->name, o->name);
        for (size_t c = 0; o->choices[c]; c++)
            fprintf(to, "%s%s", c ? " " : "", o->choices[c]);
        fputs("\" ;;\n", to);
    }
}

static void put_files(const struct verb *v, FILE *to)
{
    for (size_t i = 0; i < v->n_options; i++) {
        if (strcmp(v->options[i].value, "FILE") == 0)
            fprintf(to, "        '%s --%s') files=1 ;;\n", v->name, v->options[i].name);
        else if (v->options[i].kind != OPTION_FLAG && v->options[i].kind != OPTION_CHOICE)
            fprintf(to, "        '%s --%s') return ;;\n", v->name, v->options[i].name);
    }
}

/* As help --names has them: dlq-list. */
static void put_verb_names(const struct verb *const *verbs, size_t n, FILE *to)
{
    for (size_t i = 0; i < n; i++) {
        char page[OPTIONS_PAGE_SIZE];
        options_page_of(verbs[i], page);
        fprintf(to, " %s", page + strlen("gold-label-"));
    }
}

static void put_options(const struct verb *v, const struct verb *const *verbs, size_t n, FILE *to)
{
    fprintf(to, "        '%s') words=\"--help", v->name);
    for (size_t i = 0; i < v->n_options; i++)
        fprintf(to, " --%s", v->options[i].name);
    if (v->operand && strncmp(v->operand, "VERB", 4) == 0)
        put_verb_names(verbs, n, to);
    fprintf(to, "\"%s ;;\n", v->operand && strncmp(v->operand, "FILE", 4) == 0 ? "; files=1" : "");
}

void options_print_completion(const struct verb *const *verbs, size_t n, FILE *to)
{
    fputs("# shellcheck shell=bash\n"
          "# Completion of gold-label for bash: source it, or put it into\n"
          "# /usr/share/bash-completion/completions/gold-label.\n"
          "_gold_label() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
          "    local verb='' words='' files=''\n"
          "    COMPREPLY=()\n"
          "    # --option=value is three words here.\n"
          "    if [[ $word == = ]]; then\n"
          "        word=''\n"
          "    elif [[ $previous == = ]]; then\n"
          "        previous=${COMP_WORDS[COMP_CWORD - 2]}\n"
          "    fi\n"
          "    if ((COMP_CWORD == 1)); then\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"",
          to);
    put_first_words(verbs, n, to);
    fputs(" --help --version\" -- \"$word\")\n"
          "        return\n"
          "    fi\n"
          "    verb=${COMP_WORDS[1]}\n"
          "    case $verb in\n",
          to);
    put_second_words(verbs, n, to);
    fputs("    esac\n"
          "    if [[ -n $words ]]; then\n"
          "        if ((COMP_CWORD == 2)); then\n"
          "            mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
          "            return\n"
          "        fi\n"
          "        verb+=\" ${COMP_WORDS[2]}\"\n"
          "        words=''\n"
          "    fi\n"
          "    case \"$verb $previous\" in\n",
          to);
    for (size_t i = 0; i < n; i++) {
        put_choices(verbs[i], to);
        put_files(verbs[i], to);
    }
    fputs("    esac\n"
          "    [[ -n $words$files ]] || case $verb in\n",
          to);
    for (size_t i = 0; i < n; i++)
        put_options(verbs[i], verbs, n, to);
    fputs("    esac\n"
          "    mapfile -t COMPREPLY < <(\n"
          "        compgen -W \"$words\" -- \"$word\"\n"
          "        [[ -z $files ]] || compgen -f -- \"$word\"\n"
          "    )\n"
          "    # Words are no file names: a folder called results would make results/ of the verb.\n"
          "    [[ -z $files ]] || compopt -o filenames 2>/dev/null\n"
          "}\n"
          "complete -F _gold_label gold-label\n",
          to);
}
