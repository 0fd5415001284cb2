/* mine.c - see mine.h. */
#include "data/mine.h"

#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "data/internal.h"

struct mine {
    char *path;
    struct output *output; /* until there is a sample: its level is the first thing written */
    struct shard shard;
    struct header header;
};

struct mine *mine_open(const char *path, struct error *err)
{
    struct mine *mine = sys_alloc(sizeof(*mine));

    if (mine != NULL)
        mine->path = strdup(path);
    if (mine == NULL || mine->path == NULL) {
        free(mine);
        error_memory(err);
        return NULL;
    }
    mine->output = output_open(path, err);
    if (mine->output != NULL)
        return mine;
    mine_abort(mine);
    return NULL;
}

static int begin(struct mine *mine, enum privacy privacy, struct error *err)
{
    struct output *output = mine->output;

    mine->output = NULL;
    mine->header.privacy = privacy;
    return shard_begin(&mine->shard, output, mine->path, &mine->header, err);
}

static int level(struct mine *mine, enum privacy privacy, struct error *err)
{
    if (mine->output != NULL)
        return begin(mine, privacy, err);
    if (privacy <= mine->header.privacy)
        return 0;
    error_set(err, ERROR_USAGE, "%s samples after %s ones", privacy_name(privacy), privacy_name(mine->header.privacy));
    return error_hint(err, "name the most private data first");
}

int mine_add(struct mine *mine, const struct source *source, const struct item *item, const char *class_text,
             const char *json, struct error *err)
{
    const struct facts facts = {
        class_text != NULL         ? class_text
        : item->class_text != NULL ? class_shown(source, item)
                                   : NULL,
        json,
    };

    if (level(mine, source_privacy(source), err) < 0 || shard_add_with(&mine->shard, item, &facts, err) < 0)
        return error_in(err, "%s", mine->path);
    return 0;
}

int64_t mine_count(const struct mine *mine)
{
    return mine->shard.samples;
}

int mine_commit(struct mine *mine, struct error *err)
{
    int rc = mine->output != NULL ? begin(mine, PRIVACY_EDGE, err) : 0;

    if (rc == 0)
        rc = shard_commit(&mine->shard, err);
    mine_abort(mine);
    return rc;
}

void mine_abort(struct mine *mine)
{
    if (mine == NULL)
        return;
    shard_abort(&mine->shard);
    output_abort(mine->output);
    free(mine->path);
    free(mine);
}
