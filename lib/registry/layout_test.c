/* What other tools find in the folder, and what of theirs is left as it was: OCI Image Format Specification 1.1. */
#include "registry/place.h"
#include "json/json.h"

#include <sys/wait.h>

static const struct tree *read_json(struct place *place, const char *path)
{
    const struct tree *tree = NULL;
    struct input in;
    struct error err = { 0 };

    if (input_open(&in, path, 0, &err) < 0 ||
        json_parse(&place->arena, (const char *)in.bytes, in.count, &tree, &err) < 0)
        fail_msg("%s: %s", path, err.message);
    input_close(&in);
    return tree;
}

static const struct tree *read_index(struct place *place)
{
    return read_json(place, arena_printf(&place->arena, "%s/reg/index.json", place->folder));
}

static const struct tree *read_blob(struct place *place, const char *digest)
{
    assert_int_equal(strncmp(digest, "sha256:", 7), 0);
    return read_json(place, arena_printf(&place->arena, "%s/reg/blobs/sha256/%s", place->folder, digest + 7));
}

static void assert_text(const struct tree *map, const char *key, const char *wanted)
{
    const struct tree *one = tree_get(map, key);

    if (one == NULL || one->kind != TREE_TEXT)
        fail_msg("no text '%s'", key);
    assert_string_equal(one->text, wanted);
}

static void assert_int(const struct tree *map, const char *key, int64_t wanted)
{
    const struct tree *one = tree_get(map, key);

    assert_non_null(one);
    assert_int_equal(one->kind, TREE_INT);
    assert_int_equal(one->integer, wanted);
}

static const char *const sha_of_abc =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; /* FIPS 180 */
static const char *const sha_of_map =
    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"; /* OCI: {} */

static void push_abc(const struct reference *r, struct artifact *artifact)
{
    struct error err = { 0 };

    *artifact = (struct artifact){ .type = "application/vnd.coedge.model.v1",
                                   .title = "m.coedge",
                                   .privacy = "edge-private",
                                   .content = "parameters" };
    if (registry_push(r, "abc", 3, artifact, NULL, &err) < 0)
        fail_msg("%s", err.message);
}

static void the_folder_is_marked_as_a_layout(void **state)
{
    struct place *place = *state;
    struct reference r = reference_in(place, "reg/solder:v1");
    struct artifact artifact;
    const struct tree *index, *entry;

    push_abc(&r, &artifact);
    assert_text(read_json(place, arena_printf(&place->arena, "%s/reg/oci-layout", place->folder)), "imageLayoutVersion",
                "1.0.0");
    index = read_index(place);
    assert_int(index, "schemaVersion", 2);
    assert_text(index, "mediaType", "application/vnd.oci.image.index.v1+json");
    assert_int_equal(tree_get(index, "manifests")->count, 1);
    entry = tree_get(index, "manifests")->first;
    assert_text(entry, "mediaType", "application/vnd.oci.image.manifest.v1+json");
    assert_text(tree_get(entry, "annotations"), "org.opencontainers.image.ref.name", "solder:v1");
}

static void a_manifest_says_what_an_artifact_must(void **state)
{
    struct place *place = *state;
    struct reference r = reference_in(place, "reg/solder:v1");
    struct artifact artifact;
    const struct tree *manifest, *config, *layer, *notes;

    push_abc(&r, &artifact);
    manifest = read_blob(place, tree_get(tree_get(read_index(place), "manifests")->first, "digest")->text);
    assert_int(manifest, "schemaVersion", 2);
    assert_text(manifest, "mediaType", "application/vnd.oci.image.manifest.v1+json");
    assert_text(manifest, "artifactType", "application/vnd.coedge.model.v1");
    config = tree_get(manifest, "config");
    assert_text(config, "mediaType", "application/vnd.oci.empty.v1+json");
    assert_text(config, "digest", sha_of_map);
    assert_int(config, "size", 2);
    assert_int_equal(read_blob(place, sha_of_map)->count, 0);
    assert_int_equal(tree_get(manifest, "layers")->count, 1);
    layer = tree_get(manifest, "layers")->first;
    assert_text(layer, "mediaType", "application/vnd.coedge.part.v1");
    assert_text(layer, "digest", sha_of_abc);
    assert_int(layer, "size", 3);
    notes = tree_get(manifest, "annotations");
    assert_text(notes, "org.opencontainers.image.title", "m.coedge");
    assert_text(notes, "io.coedge.sha256", sha_of_abc + 7);
    assert_text(notes, "io.coedge.privacy", "edge-private");
    assert_text(notes, "io.coedge.content", "parameters");
}

/* The size in a descriptor is that of the file, and a pull says again what a push did. */
static void what_was_pushed_is_told_when_pulled(void **state)
{
    struct place *place = *state;
    struct reference r = reference_in(place, "reg/solder:v1");
    struct artifact pushed, pulled;
    struct output *out = output_open(arena_printf(&place->arena, "%s/out", place->folder), NULL);
    struct remote *remote = remote_open(r.folder, NULL, NULL, NULL);
    const char *path;
    int64_t size;
    struct input in;

    push_abc(&r, &pushed);
    assert_non_null(out);
    assert_non_null(remote);
    assert_int_equal(registry_pull(remote, &r, out, &pulled, &place->arena, NULL, NULL), 0);
    remote_close(remote);
    output_abort(out);
    assert_string_equal(pulled.type, pushed.type);
    assert_string_equal(pulled.title, pushed.title);
    assert_string_equal(pulled.privacy, pushed.privacy);
    assert_string_equal(pulled.content, pushed.content);
    assert_int_equal(pulled.size, 3);
    assert_int_equal(pulled.layers, 1);
    assert_true(digest_equal(&pulled.digest, &pushed.digest));
    assert_true(digest_equal(&pulled.manifest, &pushed.manifest));
    assert_int_equal(blob_path(&place->arena, r.folder, &pushed.manifest, &path, NULL), 0);
    assert_int_equal(input_open(&in, path, 0, NULL), 0);
    size = tree_get(tree_get(read_index(place), "manifests")->first, "size")->integer;
    assert_int_equal(in.count, size);
    input_close(&in);
}

/* As another tool might have left it: keys and entries that this one has no use for. */
static const char foreign[] =
    "{\"schemaVersion\": 2, \"artifactType\": \"application/x\", \"annotations\": {\"org.example\": \"kept\"},\n"
    " \"manifests\": [\n"
    "  {\"mediaType\": \"application/vnd.oci.image.index.v1+json\", \"size\": 7, \"digest\": \"sha512:12\",\n"
    "   \"platform\": {\"architecture\": \"arm64\", \"os\": \"linux\"}, \"urls\": [\"a\", \"b\"]},\n"
    "  {\"mediaType\": \"m\", \"size\": 9, \"digest\": \"sha256:34\", \"data\": \"e30=\",\n"
    "   \"annotations\": {\"org.opencontainers.image.ref.name\": \"v1\", \"other\": \"x\"}}]}\n";

static void what_other_tools_wrote_stays(void **state)
{
    struct place *place = *state;
    struct reference r = reference_in(place, "reg/solder:v1");
    const char *path = arena_printf(&place->arena, "%s/reg/index.json", place->folder);
    const struct tree *index, *first, *second;
    struct artifact artifact;

    assert_int_equal(layout_prepare(&place->arena, r.folder, NULL), 0);
    assert_int_equal(file_write(path, foreign, strlen(foreign), NULL), 0);
    push_abc(&r, &artifact);
    push_abc(&r, &artifact);
    index = read_index(place);
    assert_int_equal(tree_get(index, "manifests")->count, 3);
    first = tree_get(index, "manifests")->first;
    second = first->next;
    assert_text(first, "digest", "sha512:12");
    assert_int(first, "size", 7);
    assert_text(tree_get(first, "platform"), "architecture", "arm64");
    assert_int_equal(tree_get(first, "urls")->count, 2);
    assert_text(second, "data", "e30=");
    assert_text(tree_get(second, "annotations"), "org.opencontainers.image.ref.name", "v1");
    assert_text(tree_get(second, "annotations"), "other", "x");
    assert_text(index, "artifactType", "application/x");
    assert_text(tree_get(index, "annotations"), "org.example", "kept");
    assert_int(index, "schemaVersion", 2);
}

static const char *const odd_indexes[] = { "", "[]", "{}", "{\"manifests\": {}}", "{\"manifests\": [", "not json" };

static void an_index_that_is_none_is_malformed_and_stays(void **state)
{
    struct place *place = *state;
    struct reference r = reference_in(place, "reg/solder:v1");
    const char *path = arena_printf(&place->arena, "%s/reg/index.json", place->folder);
    struct artifact artifact = { .type = "x", .title = "x" };
    struct input in;

    assert_int_equal(layout_prepare(&place->arena, r.folder, NULL), 0);
    for (size_t i = 0; i < COUNT(odd_indexes); i++) {
        struct error err = { 0 };

        assert_int_equal(file_write(path, odd_indexes[i], strlen(odd_indexes[i]), NULL), 0);
        assert_int_equal(registry_push(&r, "abc", 3, &artifact, NULL, &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_non_null(strstr(err.message, "index.json"));
        assert_int_equal(pull_bytes(place, &r, &in, &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
    }
}

/* A name whose descriptor or manifest is not what it should be. */
static const struct {
    const char *entry;
    enum error_kind kind;
    const char *part;
} odd_entries[] = {
    { "{\"size\": 3}", ERROR_INPUT, "digest" },
    { "{\"digest\": \"sha256:12\", \"size\": 3}", ERROR_INPUT, "" },
    { "{\"digest\": \"sha512:12\", \"size\": 3}", ERROR_INPUT, "expected sha256:HEX" },
    { "{\"digest\": \"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}", ERROR_INPUT,
      "size" },
    { "{\"digest\": \"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\", \"size\": -1}",
      ERROR_INPUT, "size" },
    { "{\"digest\": \"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\", \"size\": 4}",
      ERROR_TRUST, "3 bytes, its manifest says 4" },
    { "{\"digest\": \"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\", \"size\": 3}",
      ERROR_INPUT, "manifest" }, /* "abc" is none */
    { "{\"digest\": \"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\", \"size\": 2}",
      ERROR_INPUT, "layers" },
    { "{\"digest\": \"sha256:0000000000000000000000000000000000000000000000000000000000000000\", \"size\": 2}",
      ERROR_INPUT, "missing" },
};

static void a_name_that_means_no_artifact_is_told_so(void **state)
{
    struct place *place = *state;
    struct reference r = reference_in(place, "reg/solder:v1");
    struct artifact artifact;
    struct input in;

    push_abc(&r, &artifact); /* blobs "abc" and {} are there */
    for (size_t i = 0; i < COUNT(odd_entries); i++) {
        struct error err = { 0 };
        const struct tree *entry;

        assert_int_equal(json_parse(&place->arena, odd_entries[i].entry, strlen(odd_entries[i].entry), &entry, NULL),
                         0);
        assert_int_equal(index_set(&place->arena, r.folder, "solder:v1", NULL, entry, NULL), 0);
        assert_int_equal(pull_bytes(place, &r, &in, &err), -1);
        assert_int_equal(err.kind, odd_entries[i].kind);
        if (strstr(err.message, odd_entries[i].part) == NULL)
            fail_msg("'%s' does not say '%s'", err.message, odd_entries[i].part);
    }
}

/* One letter of the title, in a manifest that would do but for its digest. */
static void a_changed_manifest_is_a_matter_of_trust(void **state)
{
    struct place *place = *state;
    struct reference r = reference_in(place, "reg/solder:v1");
    struct artifact artifact;
    struct error err = { 0 };
    struct input in;
    const char *path;
    char *text;

    push_abc(&r, &artifact);
    assert_int_equal(blob_path(&place->arena, r.folder, &artifact.manifest, &path, NULL), 0);
    assert_int_equal(input_open(&in, path, 0, NULL), 0);
    text = arena_strndup(&place->arena, (const char *)in.bytes, in.count);
    input_close(&in);
    *strstr(text, "m.coedge") = 'n';
    assert_int_equal(file_write(path, text, strlen(text), NULL), 0);
    assert_int_equal(pull_bytes(place, &r, &in, &err), -1);
    assert_int_equal(err.kind, ERROR_TRUST);
}

/* What another process has made of a new layout so far, and what nobody makes of one. */
static void a_layout_in_the_making_is_gone_on_with_other_things_are_not(void **state)
{
    struct place *place = *state;
    const char *folder = arena_printf(&place->arena, "%s/reg", place->folder);
    struct error err = { 0 };

    assert_int_equal(path_make_folders(arena_printf(&place->arena, "%s/blobs", folder), NULL), 0);
    assert_int_equal(file_write(arena_printf(&place->arena, "%s/notes", folder), "", 0, NULL), 0);
    assert_int_equal(layout_prepare(&place->arena, folder, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_non_null(strstr(err.message, "'notes'"));
    assert_int_equal(remove(arena_printf(&place->arena, "%s/notes", folder)), 0);
    assert_int_equal(layout_prepare(&place->arena, folder, NULL), 0);
}

enum { WRITERS = 3, TAGS = 12 };

/* Each in a process of its own, as commands are. */
static void writers_at_once_lose_none_of_their_names(void **state)
{
    struct place *place = *state;
    pid_t child[WRITERS];
    struct tree *list;
    int status;

    for (int w = 0; w < WRITERS; w++) {
        child[w] = fork();
        assert_true(child[w] >= 0);
        for (int i = 0; i < TAGS && child[w] == 0; i++) {
            struct reference r = reference_in(place, arena_printf(&place->arena, "reg/w%d:t%d", w, i));
            struct artifact artifact;

            push_abc(&r, &artifact);
        }
        if (child[w] == 0)
            _exit(0);
    }
    for (int w = 0; w < WRITERS; w++) {
        assert_int_equal(waitpid(child[w], &status, 0), child[w]);
        assert_int_equal(status, 0);
    }
    list = list_of(place, "reg");
    assert_int_equal(list->count, WRITERS * TAGS);
}

/* Of two who move a channel from the same release one is told, and who knows nothing of releases moves none. */
static void a_channel_is_moved_by_who_knows_what_it_means(void **state)
{
    struct place *place = *state;
    struct reference r = reference_in(place, "reg/solder:v1");
    struct tree *none = tree_map(&place->arena), *first, *second;
    const struct tree *index;
    struct artifact artifact;
    struct error err = { 0 };

    push_abc(&r, &artifact);
    first = descriptor_make(&place->arena, MEDIA_MANIFEST, &artifact.digest, 3);
    second = descriptor_make(&place->arena, MEDIA_MANIFEST, &artifact.manifest, 1);
    tree_add_text(&place->arena, first, "artifactType", TYPE_RELEASE);
    tree_add_text(&place->arena, second, "artifactType", TYPE_RELEASE);
    assert_int_equal(index_set(&place->arena, r.folder, "solder:v1", first, first, &err), -1);
    assert_int_equal(err.kind, ERROR_NETWORK);
    assert_int_equal(index_set(&place->arena, r.folder, "solder:v1", none, first, NULL), 0);
    assert_int_equal(index_set(&place->arena, r.folder, "solder:v1", none, second, &err), -1);
    assert_int_equal(err.kind, ERROR_NETWORK);
    assert_int_equal(index_set(&place->arena, r.folder, "solder:v1", NULL, second, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_int_equal(index_set(&place->arena, r.folder, "solder:v1", first, second, NULL), 0);
    assert_int_equal(index_set(&place->arena, r.folder, "solder:v1", first, second, &err), -1);
    assert_int_equal(index_read(&place->arena, r.folder, &index, NULL), 0);
    assert_true(descriptor_is_release(index_find(index, "solder:v1")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_folder_is_marked_as_a_layout, place_begin, place_end),
        cmocka_unit_test_setup_teardown(a_manifest_says_what_an_artifact_must, place_begin, place_end),
        cmocka_unit_test_setup_teardown(what_was_pushed_is_told_when_pulled, place_begin, place_end),
        cmocka_unit_test_setup_teardown(what_other_tools_wrote_stays, place_begin, place_end),
        cmocka_unit_test_setup_teardown(an_index_that_is_none_is_malformed_and_stays, place_begin, place_end),
        cmocka_unit_test_setup_teardown(a_name_that_means_no_artifact_is_told_so, place_begin, place_end),
        cmocka_unit_test_setup_teardown(a_changed_manifest_is_a_matter_of_trust, place_begin, place_end),
        cmocka_unit_test_setup_teardown(a_layout_in_the_making_is_gone_on_with_other_things_are_not, place_begin,
                                        place_end),
        cmocka_unit_test_setup_teardown(writers_at_once_lose_none_of_their_names, place_begin, place_end),
        cmocka_unit_test_setup_teardown(a_channel_is_moved_by_who_knows_what_it_means, place_begin, place_end),
    };

    return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
