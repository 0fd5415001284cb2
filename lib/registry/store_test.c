#include "registry/place.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>

/* A store of this test's own. */
static int store_begin(void **state)
{
    struct place *place;

    if (place_begin(state) < 0)
        return -1;
    place = *state;
    return setenv("COEDGE_STORE", arena_printf(&place->arena, "%s/store", place->folder), 1);
}

static void install(struct place *place, const char *name, const char *bytes, int wanted)
{
    struct reference r = reference_in(place, arena_printf(&place->arena, "reg/%s", name));
    struct error err = { 0 };
    const char *path;
    int rc = store_install(&r, bytes, strlen(bytes), &place->arena, &path, &err);

    if (rc < 0)
        fail_msg("%s", err.message);
    assert_int_equal(rc, wanted);
}

static void assert_means(struct place *place, const char *name, const char *bytes)
{
    struct error err = { 0 };
    const char *path;
    struct input in;

    if (store_find(&place->arena, name, &path, &err) < 0 || input_open(&in, path, 0, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(in.count, strlen(bytes));
    assert_memory_equal(in.bytes, bytes, in.count);
    input_close(&in);
}

static void names_are_found_with_and_without_at_sign_and_tag(void **state)
{
    struct place *place = *state;

    install(place, "solder:v1", "one", 1);
    install(place, "solder", "two", 1);
    install(place, "other:v1", "three", 1);
    assert_means(place, "@solder:v1", "one");
    assert_means(place, "solder:v1", "one");
    assert_means(place, "@solder", "two");
    assert_means(place, "@solder:latest", "two");
    assert_means(place, "@other:v1", "three");
}

static void a_package_lies_under_its_digest_once(void **state)
{
    struct place *place = *state;
    const char *path, *other;
    struct reference r = reference_in(place, "reg/a:x");
    size_t count;
    char **names;

    assert_int_equal(store_install(&r, "abc", 3, &place->arena, &path, NULL), 1);
    r = reference_in(place, "reg/b:y");
    assert_int_equal(store_install(&r, "abc", 3, &place->arena, &other, NULL), 1);
    assert_string_equal(path, other);
    assert_non_null(strstr(path, "/packages/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.coedge"));
    assert_int_equal(folder_list(arena_printf(&place->arena, "%s/store/packages", place->folder), &place->arena, &names,
                                 &count, NULL),
                     0);
    assert_int_equal(count, 1);
}

/* What it meant before the last change, not before the last install. */
static void previous_is_what_a_name_meant_before_the_last_change(void **state)
{
    struct place *place = *state;
    struct error err = { 0 };
    const char *path;

    install(place, "solder:v1", "one", 1);
    assert_int_equal(store_find(&place->arena, "@solder:v1.previous", &path, &err), -1);
    install(place, "solder:v1", "one", 0);
    assert_int_equal(store_find(&place->arena, "@solder:v1.previous", &path, &err), -1);
    install(place, "solder:v1", "two", 1);
    assert_means(place, "@solder:v1.previous", "one");
    install(place, "solder:v1", "two", 0);
    assert_means(place, "@solder:v1.previous", "one");
    install(place, "solder:v1", "three", 1);
    assert_means(place, "@solder:v1.previous", "two");
    install(place, "solder:v1", "two", 1); /* back */
    assert_means(place, "@solder:v1", "two");
    assert_means(place, "@solder:v1.previous", "three");
}

static const char *const odd[] = { "@",
                                   "",
                                   "@:",
                                   "@:v1",
                                   "@.",
                                   "@..",
                                   "@solder:",
                                   "@solder:.",
                                   "@solder:..",
                                   "@../x",
                                   "@solder/x",
                                   "@solder:a/b",
                                   "@solder:../../x",
                                   "@solder:a:b",
                                   "@a b",
                                   "@solder:.v1.new",
                                   "@\x1b[31m" };

static void what_is_no_name_is_a_usage_error(void **state)
{
    struct place *place = *state;

    install(place, "solder:v1", "one", 1);
    for (size_t i = 0; i < COUNT(odd); i++) {
        struct error err = { 0 };
        const char *path;

        if (store_find(&place->arena, odd[i], &path, &err) == 0)
            fail_msg("'%s' was found: %s", odd[i], path);
        if (err.kind != ERROR_USAGE)
            fail_msg("'%s': %s", odd[i], err.message);
    }
}

static void what_is_not_installed_is_told_with_the_way_to_get_it(void **state)
{
    struct place *place = *state;
    struct error err = { 0 };
    const char *path;

    install(place, "solder:v1", "one", 1);
    assert_int_equal(store_find(&place->arena, "@solder:v2", &path, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_string_equal(err.message, "nothing is installed as 'solder:v2'");
    assert_non_null(strstr(err.hint, "coedge pull --install DIR/solder:v2"));
}

static void the_store_lies_where_the_environment_says(void **state)
{
    struct place *place = *state;
    struct error err = { 0 };
    const char *folder, *home = getenv("HOME") ? arena_strdup(&place->arena, getenv("HOME")) : NULL;

    setenv("XDG_DATA_HOME", "/data", 1);
    setenv("HOME", "/home/x", 1);
    setenv("COEDGE_STORE", "/store", 1);
    assert_int_equal(store_folder(&place->arena, &folder, NULL), 0);
    assert_string_equal(folder, "/store");
    setenv("COEDGE_STORE", "", 1);
    assert_int_equal(store_folder(&place->arena, &folder, NULL), 0);
    assert_string_equal(folder, "/data/coedge");
    unsetenv("XDG_DATA_HOME");
    assert_int_equal(store_folder(&place->arena, &folder, NULL), 0);
    assert_string_equal(folder, "/home/x/.local/share/coedge");
    unsetenv("HOME");
    assert_int_equal(store_folder(&place->arena, &folder, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    if (home != NULL)
        setenv("HOME", home, 1);
}

enum { WRITERS = 3, TURNS = 200 };

static void write_on(struct place *place, int writer)
{
    for (int i = 0; i < TURNS; i++) {
        struct reference r = reference_in(place, "reg/solder:v1");
        const char *path, *bytes = arena_printf(&place->arena, "writer %d turn %d", writer, i % 2);

        if (store_install(&r, bytes, strlen(bytes), &place->arena, &path, NULL) < 0)
            _exit(1);
    }
    _exit(0);
}

/* Each writer in a process of its own, as commands are; the reader never finds nothing, nor half a package. */
static void a_name_means_a_whole_package_while_writers_move_it(void **state)
{
    struct place *place = *state;
    pid_t child[WRITERS];
    int status, left = WRITERS;

    install(place, "solder:v1", "writer 0 turn 0", 1);
    for (int w = 0; w < WRITERS; w++) {
        child[w] = fork();
        assert_true(child[w] >= 0);
        if (child[w] == 0)
            write_on(place, w);
    }
    while (left > 0) {
        const char *path;
        struct input in;

        assert_int_equal(store_find(&place->arena, "@solder:v1", &path, NULL), 0);
        assert_int_equal(input_open(&in, path, 0, NULL), 0);
        assert_int_equal(in.count, 15);
        assert_memory_equal(in.bytes, "writer ", 7);
        input_close(&in);
        for (int w = 0; w < WRITERS; w++) {
            if (child[w] < 0 || waitpid(child[w], &status, WNOHANG) != child[w])
                continue;
            assert_int_equal(status, 0);
            child[w] = -1;
            left--;
        }
    }
}

/* This process holds what a writer locks; on a slow machine the other may not have come so far, which is no failure. */
static void a_writer_waits_for_the_one_before(void **state)
{
    struct place *place = *state;
    int status, fd;
    pid_t child;

    install(place, "solder:v1", "one", 1);
    fd = open(arena_printf(&place->arena, "%s/store/installed/solder", place->folder), O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(fd); /* the lock is of the open file, which the parent still has */
        write_on(place, 1);
    }
    usleep(200 * 1000);
    assert_int_equal(waitpid(child, &status, WNOHANG), 0);
    assert_means(place, "@solder:v1", "one");
    assert_int_equal(flock(fd, LOCK_UN), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_are_found_with_and_without_at_sign_and_tag, store_begin, place_end),
        cmocka_unit_test_setup_teardown(a_package_lies_under_its_digest_once, store_begin, place_end),
        cmocka_unit_test_setup_teardown(previous_is_what_a_name_meant_before_the_last_change, store_begin, place_end),
        cmocka_unit_test_setup_teardown(what_is_no_name_is_a_usage_error, store_begin, place_end),
        cmocka_unit_test_setup_teardown(what_is_not_installed_is_told_with_the_way_to_get_it, store_begin, place_end),
        cmocka_unit_test_setup_teardown(the_store_lies_where_the_environment_says, store_begin, place_end),
        cmocka_unit_test_setup_teardown(a_writer_waits_for_the_one_before, store_begin, place_end),
        cmocka_unit_test_setup_teardown(a_name_means_a_whole_package_while_writers_move_it, store_begin, place_end),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
