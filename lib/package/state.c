#include <string.h>

#include "package/internal.h"

static int fill(struct model_state *state, struct arena *arena, const struct safetensors *st, const unsigned char *data,
                struct error *err)
{
    state->tensor = arena_array(arena, (size_t)st->count + 1, sizeof(*state->tensor));
    state->name = arena_array(arena, (size_t)st->count + 1, sizeof(*state->name));
    if (state->tensor == NULL || state->name == NULL)
        return error_memory(err);
    for (int i = 0; i < st->count; i++) {
        const struct safetensors_entry *entry = &st->entry[i];
        void *bytes = arena_alloc(arena, entry->end - entry->begin + 1); /* in the file they may lie unaligned */

        state->name[i] = arena_strdup(arena, entry->name);
        if (state->name[i] == NULL || bytes == NULL)
            return error_memory(err);
        memcpy(bytes, data + entry->begin, entry->end - entry->begin);
        state->tensor[i] = (struct tensor){ .dtype = entry->dtype, .shape = entry->shape, .data = bytes };
    }
    state->count = st->count;
    return 0;
}

int package_take_state(struct model *model, struct error *err)
{
    struct arena scratch = { 0 };
    struct model_state *state;
    struct members members;
    struct safetensors st;
    int rc;

    if (!(model->extras >> EXTRA_STATE & 1))
        return 0;
    if (members_read(&members, model->source.bytes, model->source.count, err) < 0)
        return -1;
    state = arena_alloc(&model->arena, sizeof(*state));
    if (state == NULL)
        return error_memory(err);
    rc = safetensors_parse(&st, &scratch, members.state.at, members.state.count, err);
    if (rc == 0)
        rc = fill(state, &model->arena, &st, members.state.at + st.data_offset, err);
    arena_free(&scratch);
    if (rc < 0)
        return error_in(err, MEMBER_STATE);
    model->state = state;
    model->extras &= ~(1U << EXTRA_STATE);
    return 0;
}
