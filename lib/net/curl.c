/* curl.c - libcurl, opened by name. */
#include <dlfcn.h>
#include <string.h>

#include "net/internal.h"

/* The same interface, with OpenSSL or with GnuTLS below it. */
static const char *const libraries[] = { "libcurl.so.4", "libcurl-gnutls.so.4" };

static int find(void *library, const char *name, void *function, struct error *err)
{
    void *found = dlsym(library, name);

    if (found == NULL)
        return error_set(err, ERROR_IO, "libcurl has no %s", name);
    memcpy(function, &found, sizeof(found)); /* ISO C has no cast for it, POSIX says the bytes are the same */
    return 0;
}

/* It stays open: it has state that outlives a handle. */
int curl_find(struct curl_calls *calls, struct error *err)
{
    void *library = NULL;

    for (size_t i = 0; i < COUNT(libraries) && library == NULL; i++)
        library = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        error_set(err, ERROR_IO, "libcurl.so.4 is not on this system; addresses need it");
        return error_hint(err, "install it: apt-get install libcurl4");
    }
    calls->library = library;
    return find(library, "curl_easy_init", &calls->begin, err) < 0 ||
                   find(library, "curl_easy_cleanup", &calls->end, err) < 0 ||
                   find(library, "curl_easy_setopt", &calls->set, err) < 0 ||
                   find(library, "curl_easy_perform", &calls->perform, err) < 0 ||
                   find(library, "curl_easy_getinfo", &calls->ask, err) < 0 ||
                   find(library, "curl_easy_strerror", &calls->explain, err) < 0 ||
                   find(library, "curl_slist_append", &calls->list_add, err) < 0 ||
                   find(library, "curl_slist_free_all", &calls->list_free, err) < 0
               ? -1
               : 0;
}

int curl_find_multi(struct curl_multi_calls *calls, const struct curl_calls *easy, struct error *err)
{
    return find(easy->library, "curl_multi_init", &calls->begin, err) < 0 ||
                   find(easy->library, "curl_multi_cleanup", &calls->end, err) < 0 ||
                   find(easy->library, "curl_multi_add_handle", &calls->add, err) < 0 ||
                   find(easy->library, "curl_multi_remove_handle", &calls->remove, err) < 0 ||
                   find(easy->library, "curl_multi_perform", &calls->perform, err) < 0 ||
                   find(easy->library, "curl_multi_poll", &calls->poll, err) < 0 ||
                   find(easy->library, "curl_multi_info_read", &calls->told, err) < 0
               ? -1
               : 0;
}
