/* http_connection.c - the server's list of connections, and the end of those that drip. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "wire/http_internal.h"

void http_phase_set(struct http_connection *connection, enum http_phase phase, size_t bytes)
{
    if (connection == NULL)
        return;
    pthread_mutex_lock(&connection->server->lock);
    connection->phase = phase;
    connection->since = clock_seconds();
    connection->bytes = bytes;
    pthread_mutex_unlock(&connection->server->lock);
}

void http_on_connection(void *context, struct MHD_Connection *mhd, void **socket_context,
                        enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = context;
    struct http_connection *connection = *socket_context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connection = calloc(1, sizeof(*connection));
        *socket_context = connection;
        if (connection == NULL)
            return;
        connection->server = server;
        connection->since = clock_seconds();
        connection->fd = server->mhd.info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        pthread_mutex_lock(&server->lock);
        connection->next = server->connections;
        if (connection->next)
            connection->next->back = &connection->next;
        connection->back = &server->connections;
        server->connections = connection;
        server->connection_count++;
        pthread_mutex_unlock(&server->lock);
    } else if (connection != NULL) {
        pthread_mutex_lock(&server->lock);
        *connection->back = connection->next;
        if (connection->next)
            connection->next->back = connection->back;
        server->connection_count--;
        pthread_mutex_unlock(&server->lock);
        free(connection);
    }
}

/* A drip a second would keep a connection for ever: header and reply have twice the time of an idle one, and 1 kB of a
 * body or reply must pass a second. */
void http_tick(struct http_server *server)
{
    const double now = clock_seconds();

    pthread_mutex_lock(&server->lock);
    for (struct http_connection *one = server->connections; one; one = one->next) {
        const double allowed = 2.0 * server->limits.idle_s + (double)one->bytes / 1000;

        if (one->phase == HTTP_HANDLED || now - one->since <= allowed)
            continue;
        shutdown(one->fd, SHUT_RDWR); /* its thread sees the end and closes it */
        one->since = now;
        server->overdue++;
    }
    pthread_mutex_unlock(&server->lock);
}
