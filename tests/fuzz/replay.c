/* Runs a fuzz entry over every file of a folder, in the order of their names, and over the empty input. Linked with one entry:
 * `replay_fuzz_x FOLDER`. Fails when the folder or a file cannot be read, or there is no file. */
#include "common/buffer.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool read_file(const char *folder, const char *name, struct buffer *out)
{
    struct buffer path = {0};
    buffer_printf(&path, "%s/%s", folder, name);
    buffer_add_char(&path, '\0');
    FILE *file = path.failed ? NULL : fopen(path.at, "rb");
    buffer_dispose(&path);
    if (!file)
        return false;

    enum { PIECE = 64 * 1024 };
    char *to;
    while ((to = buffer_reserve(out, PIECE)) != NULL) {
        size_t n = fread(to, 1, PIECE, file);
        out->len += n;
        if (n < PIECE)
            break;
    }
    bool good = !ferror(file) && !out->failed;
    fclose(file);
    return good;
}

/* In memory of exactly that size, so that the sanitizer sees every read behind the end. */
static bool run(struct slice input)
{
    uint8_t *exact = malloc(input.len ? input.len : 1);
    if (!exact)
        return false;
    if (input.len > 0)
        memcpy(exact, input.at, input.len);
    LLVMFuzzerTestOneInput(exact, input.len);
    free(exact);
    return true;
}

static bool replay(const char *folder, const char *name)
{
    struct buffer content = {0};
    bool good = read_file(folder, name, &content) && run(buffer_slice(&content));
    if (!good)
        perror(name);
    buffer_dispose(&content);
    return good;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }

    struct dirent **entries;
    int n = scandir(argv[1], &entries, is_input, alphasort);
    if (n <= 0) {
        fprintf(stderr, "%s: no inputs\n", argv[1]);
        return 1;
    }

    bool good = run(SLICE_NONE);
    for (int i = 0; i < n; i++) {
        good = replay(argv[1], entries[i]->d_name) && good;
        free(entries[i]);
    }
    free(entries);
    printf("%d inputs\n", n);
    return good ? 0 : 1;
}
