/* The pieces that a man page is made of (groff_man(7)). */
#pragma once
#include <stdio.h>

/* The title and the section NAME of the page `name`(`section`). */
void roff_head(const char *name, int section, const char *summary, FILE *to);

/* Text: nothing in it is a request or an escape. Dashes are those of the keyboard, so that options can be copied. */
void roff_text(const char *text, FILE *to);
/* Text on a line of its own, with a full stop. */
void roff_sentence(const char *text, FILE *to);
/* A paragraph per line. */
void roff_paragraphs(const char *text, FILE *to);
/* Lines as they are. */
void roff_block(const char *text, FILE *to);
/* The heading of a section; `name` is one word or in quotes. */
void roff_section(const char *name, FILE *to);
