/* wrap.c - words into lines. */
#include <string.h>

#include "cli/internal.h"

int text_columns(const char *chars)
{
    int columns = 0;

    for (; *chars; chars++)
        columns += ((unsigned char)*chars & 0xc0) != 0x80; /* not the middle of a character */
    return columns;
}

static void wrap_word(struct wrap *wrap, const char *word, int length)
{
    int columns = 0;

    for (int i = 0; i < length; i++)
        columns += ((unsigned char)word[i] & 0xc0) != 0x80;
    if (wrap->at > wrap->indent && wrap->at + 1 + columns > wrap->columns) {
        fputc('\n', wrap->out);
        wrap->at = 0;
    }
    if (wrap->at < wrap->indent)
        wrap->at += fprintf(wrap->out, "%*s", wrap->indent - wrap->at, "");
    else if (wrap->at > wrap->indent)
        wrap->at += fprintf(wrap->out, " ");
    fprintf(wrap->out, "%.*s", length, word);
    wrap->at += columns;
}

void wrap_words(struct wrap *wrap, const char *words)
{
    while (*(words += strspn(words, " \n"))) {
        size_t length = strcspn(words, " \n");

        wrap_word(wrap, words, (int)length);
        words += length;
    }
}
