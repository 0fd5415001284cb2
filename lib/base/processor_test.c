#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/file.h"
#include "base/internal.h"
#include "base/processor.h"

static void the_name_is_what_tells_processors_apart(void **state)
{
    static const struct {
        const char *text, *name;
    } cases[] = {
        { "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\nmodel name\t: Xeon  \n"
          "stepping\t: 7\n\nprocessor\t: 1\ncpu family\t: 7\nmodel name\t: other\n",
          "Xeon 6 85" },
        { "processor\t: 0\nBogoMIPS\t: 108.00\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd0b\n",
          "0x41 0xd0b" },
        { "model name\t: first\n\nCPU part\t: 0xd0b\n", "first" },
        { "processor\t: 0\n\nCPU implementer\t: 0x41\nCPU part\t: 0xc07\n", "0x41 0xc07" },
        { "model name\n\nmodel\tname: x\n: y\n", "unknown" },
        { "", "unknown" },
    };
    char path[] = "/tmp/coedge-processor-XXXXXX", name[PROCESSOR_NAME];
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(file_write(path, cases[i].text, strlen(cases[i].text), NULL), 0);
        processor_of(path, name);
        assert_string_equal(name, cases[i].name);
    }
    close(fd);
    unlink(path);
    processor_of(path, name);
    assert_string_equal(name, "unknown");
}

/* A line of 2000 characters is several lines to the reader, and each value ends somewhere. */
static void long_names_are_cut(void **state)
{
    char path[] = "/tmp/coedge-processor-XXXXXX", name[PROCESSOR_NAME], text[2100] = "model name\t: ";
    int fd = mkstemp(path);

    (void)state;
    memset(text + strlen(text), 'x', 2000);
    assert_int_equal(file_write(path, text, strlen(text), NULL), 0);
    processor_of(path, name);
    assert_in_range(strlen(name), 10, PROCESSOR_NAME - 1);
    close(fd);
    unlink(path);
}

static void this_one_has_a_name(void **state)
{
    char name[PROCESSOR_NAME];

    (void)state;
    processor_name(name);
    assert_in_range(strlen(name), 1, PROCESSOR_NAME - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_name_is_what_tells_processors_apart),
        cmocka_unit_test(long_names_are_cut),
        cmocka_unit_test(this_one_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
