#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"

/* Every test starts in an empty folder of its own; paths are relative to it. */
static char home[4096], folder[64];

static int enter(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/coedge-file-XXXXXX");
    return getcwd(home, sizeof(home)) && mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "chmod -R u+rwx %s && rm -r %s", folder, folder);
    return chdir(home) == 0 && system(command) == 0 ? 0 : -1;
}

static int files_here(const char *path)
{
    DIR *here = opendir(path);
    int count = 0;

    assert_non_null(here);
    while (readdir(here))
        count++;
    closedir(here);
    return count - 2;
}

static void assert_content(const char *path, const char *want)
{
    char got[64] = "";
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    (void)!fread(got, 1, sizeof(got) - 1, file);
    fclose(file);
    assert_string_equal(got, want);
}

static void nothing_is_there_until_commit(void **state)
{
    struct output *out = output_open("a.txt", NULL);

    (void)state;
    assert_non_null(out);
    assert_int_equal(output_write(out, "hel", 3, NULL), 0);
    assert_int_equal(output_write(out, "lo", 2, NULL), 0);
    assert_false(path_exists("a.txt"));
    assert_int_equal(output_commit(out, NULL), 0);
    assert_content("a.txt", "hello");
    assert_int_equal(files_here("."), 1);
}

static void abort_keeps_the_old_file(void **state)
{
    struct output *out;

    (void)state;
    assert_int_equal(file_write("a.txt", "old", 3, NULL), 0);
    out = output_open("a.txt", NULL);
    assert_non_null(out);
    assert_int_equal(output_write(out, "new", 3, NULL), 0);
    output_abort(out);
    output_abort(NULL);
    assert_content("a.txt", "old");
    assert_int_equal(files_here("."), 1);
}

static void what_is_taken_back_was_never_under_the_name(void **state)
{
    struct output *out = output_open("a.txt", NULL);
    struct input in;

    (void)state;
    assert_non_null(out);
    assert_int_equal(output_write(out, "hello", 5, NULL), 0);
    assert_int_equal(output_take(out, &in, NULL), 0);
    assert_int_equal(files_here("."), 0);
    assert_int_equal(in.count, 5);
    assert_memory_equal(in.bytes, "hello", 5);
    input_close(&in);
    out = output_open("/dev/null", NULL);
    assert_non_null(out);
    assert_int_equal(output_take(out, &in, NULL), -1);
}

static void a_file_is_as_open_as_the_one_it_replaces(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(file_write("a.txt", "old", 3, NULL), 0);
    assert_int_equal(chmod("a.txt", 0640), 0);
    assert_int_equal(file_write("a.txt", "new", 3, NULL), 0);
    assert_int_equal(stat("a.txt", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

static void links_stay_and_what_they_name_is_replaced(void **state)
{
    struct stat st;
    struct error err = { 0 };

    (void)state;
    assert_int_equal(mkdir("deep", 0777), 0);
    assert_int_equal(file_write("deep/real", "old", 3, NULL), 0);
    assert_int_equal(symlink("real", "deep/second"), 0);
    assert_int_equal(symlink("deep/second", "first"), 0);
    assert_int_equal(file_write("first", "new", 3, NULL), 0);
    assert_content("deep/real", "new");
    assert_int_equal(lstat("first", &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(symlink("deep/later", "dangling"), 0);
    assert_int_equal(file_write("dangling", "made", 4, NULL), 0);
    assert_content("deep/later", "made");
    assert_int_equal(symlink("loop", "loop"), 0);
    assert_int_equal(file_write("loop", "x", 1, &err), -1);
    assert_int_equal(err.kind, ERROR_IO);
    assert_int_equal(files_here("."), 4);
    assert_int_equal(files_here("deep"), 3);
}

static void *read_fifo(void *context)
{
    FILE *file = fopen("fifo", "r");

    (void)!fread(context, 1, 5, file);
    fclose(file);
    return NULL;
}

static void fifos_and_devices_are_written_in_place(void **state)
{
    struct error err = { 0 };
    struct stat st;
    char got[8] = "";
    pthread_t reader;

    (void)state;
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_fifo, got), 0);
    assert_int_equal(file_write("fifo", "hello", 5, NULL), 0);
    pthread_join(reader, NULL);
    assert_string_equal(got, "hello");
    assert_int_equal(lstat("fifo", &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    assert_int_equal(file_write("/dev/null", "x", 1, NULL), 0);
    assert_int_equal(file_write("/dev/full", "x", 1, &err), -1);
    assert_int_equal(err.kind, ERROR_IO);
    assert_string_equal(err.message, "/dev/full: cannot write: No space left on device");
}

static void what_cannot_be_written_is_named(void **state)
{
    char longest[300];
    struct error err = { 0 };

    (void)state;
    assert_int_equal(file_write("absent/a.txt", "x", 1, &err), -1);
    assert_string_equal(err.message, "absent/a.txt: cannot create: No such file or directory");
    assert_int_equal(err.kind, ERROR_IO);
    assert_int_equal(file_write(".", "x", 1, &err), -1);
    assert_string_equal(err.message, ".: is a folder, expected a file to write");
    assert_int_equal(file_write("new/", "x", 1, &err), -1);
    assert_string_equal(err.message, "'new/' names no file to write");
    assert_int_equal(file_write("", "x", 1, &err), -1);
    assert_string_equal(err.message, "'' names no file to write");
    memset(longest, 'n', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(file_write(longest, "x", 1, &err), -1);
    assert_int_equal(err.kind, ERROR_IO);
    longest[255] = '\0'; /* the longest name there may be */
    assert_int_equal(file_write(longest, "x", 1, &err), 0);
    assert_int_equal(files_here("."), 1);
}

static void what_the_dead_left_is_swept_and_the_living_is_not(void **state)
{
    struct output *other = output_open("a.txt", NULL);

    (void)state;
    assert_non_null(other);
    fclose(fopen(".a.txt.coedge-1-0.tmp", "w")); /* no one holds its lock */
    fclose(fopen(".b.txt.coedge-1-0.tmp", "w")); /* another name's */
    fclose(fopen(".a.txt.coedge-notes", "w"));   /* not ours */
    assert_int_equal(file_write("a.txt", "first", 5, NULL), 0);
    assert_int_equal(files_here("."), 4);
    assert_false(path_exists(".a.txt.coedge-1-0.tmp"));
    assert_int_equal(output_write(other, "second", 6, NULL), 0);
    assert_int_equal(output_commit(other, NULL), 0);
    assert_content("a.txt", "second");
}

static void abort_all_leaves_no_temporary(void **state)
{
    struct output *a = output_open("a.txt", NULL), *b = output_open("b.txt", NULL);
    struct error err = { 0 };

    (void)state;
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(files_here("."), 2);
    output_abort_all();
    assert_int_equal(files_here("."), 0);
    assert_int_equal(output_commit(a, &err), -1);
    assert_int_equal(err.kind, ERROR_IO);
    output_abort(b);
}

static void a_child_leaves_its_parents_temporaries(void **state)
{
    struct output *out = output_open("a.txt", NULL);
    const pid_t child = fork();
    int status;

    (void)state;
    if (child == 0) {
        output_abort_all();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(output_commit(out, NULL), 0);
    assert_true(path_exists("a.txt"));
}

static void the_table_of_temporaries_is_given_back(void **state)
{
    struct output *outs[257];
    struct error err = { 0 };
    char name[16];
    int open = 0;

    (void)state;
    for (int again = 0; again < 3; again++) {
        for (open = 0; open < 257; open++) {
            snprintf(name, sizeof(name), "%d", open);
            outs[open] = output_open(name, &err);
            if (!outs[open])
                break;
        }
        assert_int_equal(open, 256);
        assert_int_equal(err.kind, ERROR_LIMIT);
        while (open--)
            output_abort(outs[open]);
    }
    assert_int_equal(files_here("."), 0);
}

#ifdef COEDGE_FAULTS
enum { BYTES = 100000 };

static int write_twice(const char *path, const char *bytes, struct error *err)
{
    struct output *out = output_open(path, err);

    if (!out)
        return -1;
    if (output_write(out, bytes, BYTES / 2, err) < 0 || output_write(out, bytes + BYTES / 2, BYTES / 2, err) < 0) {
        output_abort(out);
        return -1;
    }
    return output_commit(out, err);
}

static bool is_old(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size == 3 || st.st_size == BYTES); /* never half */
    return st.st_size == 3;
}

static void any_call_may_fail_and_the_file_is_old_or_new(void **state)
{
    static const char *const calls[] = { "open", "write", "fsync", "close", "rename", "alloc" };
    static const char *const errors[] = { "ENOSPC", "EIO", "EDQUOT", "EROFS" };
    static const char bytes[BYTES] = { 1 };
    int failures = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(calls) * COUNT(errors); i++)
        for (int nth = 1, rc = -1; rc < 0; nth++) {
            struct error err = { 0 };
            char spec[32];

            assert_int_equal(file_write("a.bin", "old", 3, NULL), 0);
            snprintf(spec, sizeof(spec), "%s:%d:%s", calls[i % COUNT(calls)], nth, errors[i / COUNT(calls)]);
            setenv("COEDGE_FAULT", spec, 1);
            rc = write_twice("a.bin", bytes, &err);
            unsetenv("COEDGE_FAULT");
            assert_int_equal(files_here("."), 1);
            if (rc == 0) {
                assert_false(is_old("a.bin"));
                continue;
            }
            failures++;
            assert_int_equal(err.kind, i % COUNT(calls) == COUNT(calls) - 1 ? ERROR_LIMIT : ERROR_IO);
            assert_true(err.kind == ERROR_LIMIT || strncmp(err.message, "a.bin: ", 7) == 0);
            if (!strstr(err.message, "its folder")) /* the new name is there, only not yet for good */
                assert_true(is_old("a.bin"));
        }
    /* opens: temporary and folder; writes: 2; fsync: file and folder; close, rename; allocations: 6 */
    assert_true(failures >= (2 + 2 + 2 + 1 + 1 + 6) * (int)COUNT(errors));
}

static void short_writes_are_continued(void **state)
{
    char spec[32], bytes[1000], got[1001];
    FILE *file;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)i;
    for (int nth = 1; nth <= 3; nth++) {
        snprintf(spec, sizeof(spec), "write:%d:short", nth);
        setenv("COEDGE_FAULT", spec, 1);
        assert_int_equal(file_write("a.bin", bytes, sizeof(bytes), NULL), 0);
        unsetenv("COEDGE_FAULT");
        file = fopen("a.bin", "r");
        assert_int_equal(fread(got, 1, sizeof(got), file), sizeof(bytes));
        fclose(file);
        assert_memory_equal(got, bytes, sizeof(bytes));
    }
}

static void killed_at_any_call_the_file_is_old_or_new(void **state)
{
    static const char *const specs[] = {
        "open:1:kill",  "write:1:kill",  "write:2:kill", "fsync:1:kill",
        "close:1:kill", "rename:1:kill", "open:2:kill",  "fsync:2:kill",
    };
    static const char bytes[BYTES] = { 1 };

    (void)state;
    for (size_t i = 0; i < COUNT(specs); i++) {
        int status;
        pid_t child;

        assert_int_equal(file_write("a.bin", "old", 3, NULL), 0);
        assert_int_equal(files_here("."), 1); /* what the last one left is swept */
        child = fork();
        if (child == 0) {
            setenv("COEDGE_FAULT", specs[i], 1);
            _exit(write_twice("a.bin", bytes, NULL) == 0 ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(is_old("a.bin"), i < 6);
    }
    assert_int_equal(file_write("a.bin", "old", 3, NULL), 0);
    assert_int_equal(files_here("."), 1);
}
#endif

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(nothing_is_there_until_commit),
        IN_FOLDER(abort_keeps_the_old_file),
        IN_FOLDER(what_is_taken_back_was_never_under_the_name),
        IN_FOLDER(a_file_is_as_open_as_the_one_it_replaces),
        IN_FOLDER(links_stay_and_what_they_name_is_replaced),
        IN_FOLDER(fifos_and_devices_are_written_in_place),
        IN_FOLDER(what_cannot_be_written_is_named),
        IN_FOLDER(what_the_dead_left_is_swept_and_the_living_is_not),
        IN_FOLDER(abort_all_leaves_no_temporary),
        IN_FOLDER(a_child_leaves_its_parents_temporaries),
        IN_FOLDER(the_table_of_temporaries_is_given_back),
#ifdef COEDGE_FAULTS
        IN_FOLDER(any_call_may_fail_and_the_file_is_old_or_new),
        IN_FOLDER(short_writes_are_continued),
        IN_FOLDER(killed_at_any_call_the_file_is_old_or_new),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
