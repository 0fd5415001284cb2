/* Any bytes as a package's replay.tar: what is learned from it can be kept again, and is then read as it was. */
#include <stdlib.h>
#include <string.h>

#include "data/replay.h"

enum { SIDE = 4, LABELS = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static int load(struct dataset *set, const void *bytes, size_t count, bool pictures)
{
    static const char *const labels[LABELS] = { "good", "void", "2" };
    const struct rehearsal kept = { "replay.tar", bytes, count };
    const struct dataset_options options = { .need_labels = true, .rehearsal = &kept };
    struct preprocess preprocess;
    struct error err = { 0 };

    preprocess_init(&preprocess, 1, SIDE, SIDE);
    if (dataset_load(set, NULL, 0, pictures ? &preprocess : NULL, labels, LABELS, &options, NULL, &err) == 0)
        return 0;
    if (err.kind == ERROR_NONE)
        abort();
    return -1;
}

static void check(const uint8_t *bytes, size_t count, bool pictures)
{
    struct dataset set, back;
    struct error err = { 0 };
    struct text shard = { 0 }, again = { 0 };

    if (load(&set, bytes, count, pictures) < 0)
        return;
    if (replay_write(&shard, &set, 8, 1, NULL, &err) < 0 || load(&back, shard.chars, shard.length, pictures) < 0 ||
        back.privacy != set.privacy || replay_write(&again, &back, 8, 1, NULL, &err) < 0 ||
        again.length != shard.length || memcmp(again.chars, shard.chars, shard.length) != 0)
        abort();
    dataset_free(&set);
    dataset_free(&back);
    text_free(&shard);
    text_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    check(bytes, count, true);
    check(bytes, count, false);
    return 0;
}
