#include "infer/tuned.h"

#include <sys/stat.h>
#include <unistd.h>

#include "infer/tiny.h"

#define HOSTILE "testdata/hostile/tuned"

static const struct tuned_key example = { .cpu = "cpu", .folder = "cpu", .model = "m" };

static enum op_way way_of(const struct tiny *t, const char *node)
{
    return t->model.graph.node[graph_find_node(&t->model.graph, node)].way;
}

static int parse(struct tiny *t, const char *text)
{
    return tuned_parse(&t->model, &example, text, strlen(text), &t->err);
}

static void nodes_go_as_the_file_says(void **state)
{
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_must(&t, parse(&t, "{\"format\": 1, \"cpu\": \"cpu\", \"model\": \"m\", \"batch\": 4,"
                            " \"nodes\": {\"fc\": \"winograd 4x4\", \"gone\": \"direct\", \"relu\": \"depthwise\"}}"));
    assert_int_equal(way_of(&t, "relu"), OP_WAY_DEPTHWISE);
    assert_int_equal(way_of(&t, "flat"), OP_WAY_ANY);
    assert_int_equal(way_of(&t, "fc"), OP_WAY_WINOGRAD_4);
    tiny_end(&t);
}

static void a_node_without_a_known_way_undoes_the_others(void **state)
{
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    assert_int_equal(parse(&t, "{\"format\": 1, \"cpu\": \"cpu\", \"model\": \"m\","
                               " \"nodes\": {\"relu\": \"direct\", \"fc\": \"winograd 9x9\"}}"),
                     -1);
    assert_string_equal(t.err.message, "nodes: 'fc' has no such way as 'winograd 9x9', expected 'direct', "
                                       "'winograd 2x2', 'winograd 4x4' or 'depthwise'");
    assert_int_equal(way_of(&t, "relu"), OP_WAY_ANY);
    tiny_end(&t);
}

/* Cut short, of other kinds, of another processor or model: one line that names the file, and nothing set. */
static void whatever_else_is_refused(void **state)
{
    struct arena arena = { 0 };
    char **name, path[256];
    size_t count;
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    tiny_must(&t, folder_list(HOSTILE, &arena, &name, &count, &t.err));
    assert_true(count >= 15);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof(path), HOSTILE "/%s", name[i]);
        if (tuned_read(&t.model, &example, path, &t.err) != -1)
            fail_msg("%s is taken", path);
        assert_int_equal(t.err.kind, ERROR_INPUT);
        assert_ptr_equal(strstr(t.err.message, path), t.err.message);
        assert_null(strchr(t.err.message, '\n'));
        assert_string_not_equal(t.err.hint, "");
        for (int n = 0; n < t.model.graph.node_count; n++)
            assert_int_equal(t.model.graph.node[n].way, OP_WAY_ANY);
    }
    arena_free(&arena);
    tiny_end(&t);
}

static void what_is_not_there_is_no_error_and_what_is_too_large_is(void **state)
{
    char path[] = "/tmp/coedge-tuned-XXXXXX";
    int fd = mkstemp(path);
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    assert_int_equal(ftruncate(fd, (1 << 20) + 1), 0);
    assert_int_equal(tuned_read(&t.model, &example, path, &t.err), -1);
    assert_int_equal(t.err.kind, ERROR_LIMIT);
    close(fd);
    unlink(path);
    assert_int_equal(tuned_read(&t.model, &example, path, &t.err), 0);
    assert_int_equal(tuned_read(&t.model, &example, "/dev/null/x.json", &t.err), 0);
    assert_int_equal(way_of(&t, "fc"), OP_WAY_ANY);
    tiny_end(&t);
}

/* A fifo would be waited for, and a device be read for ever: neither in nor out. */
static void only_regular_files_are_opened(void **state)
{
    char folder[] = "/tmp/coedge-tuned-XXXXXX", path[64];
    struct arena arena = { 0 };
    struct tiny t;

    (void)state;
    tiny_begin(&t);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/x.json", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(tuned_read(&t.model, &example, path, &t.err), -1);
    assert_int_equal(t.err.kind, ERROR_IO);
    assert_non_null(strstr(t.err.message, "/x.json: not a regular file"));
    t.err = (struct error){ 0 };
    assert_null(tuned_create(path, &arena, &t.err));
    assert_non_null(strstr(t.err.message, "/x.json: not a regular file"));
    unlink(path);
    rmdir(folder);
    arena_free(&arena);
    tiny_end(&t);
}

/* Another weight is another model; what is written for one is read for that one alone. */
static void what_is_written_is_read_for_the_same_model(void **state)
{
    struct tune_node nodes[] = { { .name = "relu", .usual = "-", .way = OP_WAY_DIRECT },
                                 { .name = "fc", .usual = "-", .way = OP_WAY_ANY } };
    const struct tune tune = { .node = nodes, .count = 2, .chosen = 1, .ratio = 0.9 };
    char store[] = "/tmp/coedge-tuned-XXXXXX", command[64];
    struct arena arena = { 0 };
    struct tuned_key key;
    struct kern kern;
    struct output *out;
    const char *path;
    struct tiny t;

    (void)state;
    assert_non_null(mkdtemp(store));
    assert_int_equal(kern_init(&kern, "portable", NULL), 0);
    tiny_begin(&t);
    tiny_must(&t, tuned_key(&key, &t.model, &(struct job){ .kern = &kern }, &arena, &t.err));
    assert_ptr_equal(strstr(key.cpu, "portable "), key.cpu);
    assert_ptr_equal(strstr(key.folder, "portable-"), key.folder);
    assert_int_equal(strspn(key.folder, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(key.folder));
    path = tuned_path(&key, store, &arena);
    out = tuned_create(path, &arena, &t.err);
    assert_non_null(out);
    assert_int_equal(tuned_read(&t.model, &key, path, &t.err), 0); /* nothing yet */
    tiny_must(&t, tuned_write(out, &key, &tune, 2, &arena, &t.err));
    assert_int_equal(tuned_read(&t.model, &key, path, &t.err), 1);
    assert_int_equal(way_of(&t, "relu"), OP_WAY_DIRECT);
    assert_int_equal(way_of(&t, "fc"), OP_WAY_ANY);
    key.model[0] = key.model[0] == '0' ? '1' : '0';
    assert_int_equal(tuned_read(&t.model, &key, path, &t.err), -1);
    snprintf(command, sizeof(command), "rm -r %s", store);
    assert_int_equal(system(command), 0);
    arena_free(&arena);
    tiny_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_go_as_the_file_says),
        cmocka_unit_test(a_node_without_a_known_way_undoes_the_others),
        cmocka_unit_test(whatever_else_is_refused),
        cmocka_unit_test(what_is_not_there_is_no_error_and_what_is_too_large_is),
        cmocka_unit_test(only_regular_files_are_opened),
        cmocka_unit_test(what_is_written_is_read_for_the_same_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
