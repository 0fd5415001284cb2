/*
 * camera.h - a live stream of pictures: from a camera's address, which is asked again when it breaks off, or from
 * standard input. Frames are named frame-000000 and so on, over all connections; those that come faster than they are
 * answered are dropped, and counted (data.h, source_open_latest()).
 *
 * A stream ends where its server says so: by the length of the body, its last chunk, or multipart's last boundary. Any
 * other end is a link that broke. What breaks off before a first picture has come and is not the link's fault, such as a
 * page instead of pictures, is an error at once.
 *
 * A connection makes progress with its tenth picture, or with one that comes ten seconds after it began: a camera that sends
 * a picture and then rubbish, over and over, is asked ever more rarely and then no more.
 */
#ifndef INFER_CAMERA_H
#define INFER_CAMERA_H

#include "data/data.h"

struct camera_options {
    int retries;             /* in a row that made no progress */
    double stall_seconds;    /* for one picture */
    double progress_seconds; /* after which one picture is progress; 0: ten */
};

struct camera;
/* address: http(s)://..., or "-". Errors: ERROR_USAGE; those of net_open(). */
MUST_CHECK struct camera *camera_open(const char *address, const struct camera_options *options, struct error *err);
void camera_close(struct camera *camera); /* after its source. NULL is fine */
struct feed *camera_feed(struct camera *camera);
/* What to call it in messages. */
const char *camera_shown(const struct camera *camera);
/* Why it had to connect again, each once: for a note. false: nothing new. */
bool camera_remark(struct camera *camera, struct error *why);

#endif
