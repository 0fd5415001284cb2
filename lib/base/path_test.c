#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"

static char home[4096], folder[64];

static int enter(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/coedge-path-XXXXXX");
    return getcwd(home, sizeof(home)) && mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return chdir(home) == 0 && system(command) == 0 ? 0 : -1;
}

static void folders_are_made_with_their_parents(void **state)
{
    char absolute[256];
    struct error err = { 0 };

    (void)state;
    assert_int_equal(path_make_folders("a//b/c/", NULL), 0);
    assert_int_equal(path_make_folders("a/b/c", NULL), 0);
    assert_true(path_is_folder("a/b/c"));
    snprintf(absolute, sizeof(absolute), "%s/x/y", folder);
    assert_int_equal(path_make_folders(absolute, NULL), 0);
    assert_true(path_is_folder("x/y"));
    assert_int_equal(path_make_folders("/", NULL), 0);
    assert_int_equal(file_write("file", "", 0, NULL), 0);
    assert_int_equal(path_make_folders("file/b", &err), -1);
    assert_int_equal(err.kind, ERROR_IO);
    assert_string_equal(err.message, "file: cannot make the folder: File exists");
#ifdef COEDGE_FAULTS
    assert_int_equal(setenv("COEDGE_FAULT", "mkdir:1:EROFS", 1), 0);
    assert_int_equal(path_make_folders("new", &err), -1);
    assert_int_equal(unsetenv("COEDGE_FAULT"), 0);
    assert_string_equal(err.message, "new: cannot make the folder: Read-only file system");
#endif
}

static void what_is_there_is_told_apart(void **state)
{
    (void)state;
    assert_int_equal(file_write("file", "", 0, NULL), 0);
    assert_true(path_exists("file"));
    assert_false(path_is_folder("file"));
    assert_true(path_is_folder("."));
    assert_false(path_exists("absent"));
    assert_false(path_is_folder("absent"));
}

static void the_name_is_the_last_component(void **state)
{
    static const struct {
        const char *path, *name;
    } cases[] = {
        { "a", "a" }, { "a/b.tar", "b.tar" }, { "/a/b", "b" }, { "/b", "b" }, { "a/b/", "b/" },
        { "", "" },   { "/", "/" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(path_name(cases[i].path), cases[i].name);
}

static void lists_are_sorted_by_bytes_and_leave_hidden_out(void **state)
{
    static const char *const made[] = { "b", "a", "B", ".hidden", "a.x", "\303\244", "10", "9" };
    static const char *const want[] = { "10", "9", "B", "a", "a.x", "b", "\303\244" };
    struct arena arena = { 0 };
    char **names, name[16];
    size_t count;

    (void)state;
    assert_int_equal(folder_list(".", &arena, &names, &count, NULL), 0);
    assert_int_equal(count, 0);
    assert_null(names[0]);
    for (size_t i = 0; i < COUNT(made); i++)
        assert_int_equal(file_write(made[i], "", 0, NULL), 0);
    assert_int_equal(folder_list(".", &arena, &names, &count, NULL), 0);
    assert_int_equal(count, COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++)
        assert_string_equal(names[i], want[i]);
    assert_null(names[count]);
    assert_int_equal(mkdir("many", 0777), 0);
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "many/%03d", i);
        assert_int_equal(symlink("x", name), 0);
    }
    assert_int_equal(folder_list("many", &arena, &names, &count, NULL), 0);
    assert_int_equal(count, 200);
    assert_string_equal(names[199], "199");
    arena_free(&arena);
}

static void no_folder_no_list(void **state)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    char **names;
    size_t count;

    (void)state;
    assert_int_equal(folder_list("absent", &arena, &names, &count, &err), -1);
    assert_int_equal(err.kind, ERROR_IO);
    assert_string_equal(err.message, "absent: cannot list the folder: No such file or directory");
    arena_free(&arena);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(folders_are_made_with_their_parents),
        IN_FOLDER(what_is_there_is_told_apart),
        IN_FOLDER(the_name_is_the_last_component),
        IN_FOLDER(lists_are_sorted_by_bytes_and_leave_hidden_out),
        IN_FOLDER(no_folder_no_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
