#include "common/roff.h"

#include <stdbool.h>
#include <string.h>

static void put(const char *text, size_t len, FILE *to)
{
    bool line_begins = true;
    for (const char *at = text; at < text + len; at++) {
        if (line_begins && (*at == '.' || *at == '\''))
            fputs("\\&", to);
        line_begins = *at == '\n';
        if (*at == '\\')
            fputs("\\e", to);
        else if (*at == '-')
            fputs("\\-", to);
        else
            fputc(*at, to);
    }
}

void roff_head(const char *name, int section, const char *summary, FILE *to)
{
    fputs(".TH ", to);
    roff_text(name, to);
    fprintf(to, " %d \"\" \"gold\\-label " GOLD_LABEL_VERSION "\" \"Gold labels\"\n", section);
    roff_section("NAME", to);
    roff_text(name, to);
    fputs(" \\- ", to);
    roff_text(summary, to);
    fputc('\n', to);
}

void roff_text(const char *text, FILE *to)
{
    put(text, strlen(text), to);
}

void roff_sentence(const char *text, FILE *to)
{
    size_t len = strlen(text);
    put(text, len, to);
    fputs(len && text[len - 1] == '.' ? "\n" : ".\n", to);
}

void roff_paragraphs(const char *text, FILE *to)
{
    for (const char *at = text; *at;) {
        size_t len = strcspn(at, "\n");
        fputs(".PP\n", to);
        put(at, len, to);
        fputc('\n', to);
        at += len + (at[len] == '\n');
    }
}

void roff_block(const char *text, FILE *to)
{
    fputs(".nf\n", to);
    roff_text(text, to);
    fputs(".fi\n", to);
}

void roff_section(const char *name, FILE *to)
{
    fprintf(to, ".SH %s\n", name);
}
