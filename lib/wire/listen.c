/* listen.c - sockets to listen on: made here, or handed over by systemd. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire/http.h"

enum { BACKLOG = 512, FIRST_INHERITED = 3 };

static int refuse_form(const char *text, struct error *err)
{
    error_set(err, ERROR_USAGE, "'%.200s' is no place to listen", text);
    return error_hint(err, "ADDR:PORT, such as 127.0.0.1:8080, :8080 for every address, or unix:PATH");
}

/* ---- Unix sockets ---- */

/* A socket whose server is gone: nobody answers there. */
static bool is_stale(const struct sockaddr_un *address)
{
    struct stat st;
    int fd, gone;

    if (lstat(address->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    gone = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 && errno == ECONNREFUSED;
    close(fd);
    return gone;
}

static int open_unix(struct listener *listener, const char *path, struct arena *arena, struct error *err)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (*path == '\0' || strlen(path) >= sizeof(address.sun_path))
        return error_set(err, ERROR_USAGE, "unix:%.200s: expected a path of at most %zu bytes", path,
                         sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, strlen(path));
    listener->name = arena_printf(arena, "unix:%s", path);
    listener->path = arena_strdup(arena, path);
    if (listener->name == NULL || listener->path == NULL)
        return error_memory(err);
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0)
        return error_errno(err, ERROR_IO, "unix:%s", path);
    if (is_stale(&address))
        unlink(path);
    if (bind(listener->fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
        if (listen(listener->fd, BACKLOG) == 0)
            return 0;
        unlink(path);
    }
    error_errno(err, ERROR_IO, "unix:%s", path);
    close(listener->fd);
    return -1;
}

/* ---- TCP ---- */

static const char *name_of(int fd, struct arena *arena)
{
    struct sockaddr_storage address = { 0 };
    socklen_t length = sizeof(address);
    char host[64], port[16];

    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        return NULL;
    if (address.ss_family == AF_UNIX)
        return arena_printf(arena, "unix:%s", ((const struct sockaddr_un *)&address)->sun_path);
    if (getnameinfo((const struct sockaddr *)&address, length, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return NULL;
    return arena_printf(arena, address.ss_family == AF_INET6 ? "http://[%s]:%s" : "http://%s:%s", host, port);
}

/* "ADDR:PORT" apart; brackets of an IPv6 address go. */
static int part(const char *text, struct arena *arena, char **host, const char **port, struct error *err)
{
    const char *colon = strrchr(text, ':');
    int64_t number;
    size_t length;

    if (colon == NULL || text_to_int(colon + 1, &number) < 0 || number < 0 || number > 65535)
        return refuse_form(text, err);
    *port = colon + 1;
    length = (size_t)(colon - text);
    if (length > 1 && text[0] == '[' && colon[-1] == ']')
        *host = arena_strndup(arena, text + 1, length - 2);
    else if (memchr(text, ':', length) != NULL)
        return refuse_form(text, err);
    else
        *host = arena_strndup(arena, text, length);
    return *host ? 0 : error_memory(err);
}

static int bind_first(const struct addrinfo *list, struct error *err, const char *text)
{
    const int yes = 1;

    for (const struct addrinfo *one = list; one; one = one->ai_next) {
        int fd = socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
        if (bind(fd, one->ai_addr, one->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
            return fd;
        error_errno(err, ERROR_IO, "%s", text);
        close(fd);
        return -1;
    }
    return error_errno(err, ERROR_IO, "%s", text);
}

static int open_tcp(struct listener *listener, const char *text, struct arena *arena, struct error *err)
{
    const struct addrinfo wish = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list;
    const char *port = NULL;
    char *host = NULL;
    int rc;

    if (part(text, arena, &host, &port, err) < 0)
        return -1;
    rc = getaddrinfo(*host ? host : NULL, port, &wish, &list);
    if (rc != 0)
        return error_set(err, ERROR_USAGE, "%s: %s", text, gai_strerror(rc));
    listener->fd = bind_first(list, err, text);
    freeaddrinfo(list);
    if (listener->fd < 0)
        return -1;
    listener->name = name_of(listener->fd, arena);
    if (listener->name != NULL)
        return 0;
    close(listener->fd);
    return error_memory(err);
}

int listener_open(struct listener *listener, const char *text, struct arena *arena, struct error *err)
{
    *listener = (struct listener){ .fd = -1 };
    return strncmp(text, "unix:", 5) == 0 ? open_unix(listener, text + 5, arena, err)
                                          : open_tcp(listener, text, arena, err);
}

void listener_shut(struct listener *listener)
{
    if (listener->inherited)
        return;
    if (listener->path != NULL)
        unlink(listener->path);
    listener->path = NULL;
    shutdown(listener->fd, SHUT_RDWR);
}

void listener_close(struct listener *listener)
{
    if (listener->fd < 0)
        return;
    listener_shut(listener);
    close(listener->fd);
    listener->fd = -1;
}

/* ---- systemd ---- */

int listeners_inherited(struct listener **listener, int *count, struct arena *arena, struct error *err)
{
    const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
    int64_t many, whose;

    *count = 0;
    if (fds == NULL || pid == NULL || text_to_int(pid, &whose) < 0 || whose != getpid())
        return 0;
    if (text_to_int(fds, &many) < 0 || many < 0 || many > 64)
        return error_set(err, ERROR_USAGE, "LISTEN_FDS is '%.40s', expected at most 64", fds);
    *listener = arena_array(arena, (size_t)many + 1, sizeof(**listener));
    if (*listener == NULL)
        return error_memory(err);
    for (; *count < many; (*count)++) {
        struct listener *one = &(*listener)[*count];
        int listens = 0;
        socklen_t length = sizeof(listens);

        one->fd = FIRST_INHERITED + *count;
        one->inherited = true;
        if (getsockopt(one->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) < 0 || !listens)
            return error_set(err, ERROR_USAGE, "LISTEN_FDS: descriptor %d does not listen", one->fd);
        fcntl(one->fd, F_SETFD, FD_CLOEXEC);
        fcntl(one->fd, F_SETFL, fcntl(one->fd, F_GETFL) | O_NONBLOCK);
        one->name = name_of(one->fd, arena);
        if (one->name == NULL)
            return error_memory(err);
    }
    return 0;
}

void service_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd;

    if (path == NULL || *path == '\0' || strlen(path) >= sizeof(address.sun_path))
        return;
    memcpy(address.sun_path, path, strlen(path));
    if (*path == '@')
        address.sun_path[0] = '\0'; /* an abstract name */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
    close(fd);
}
