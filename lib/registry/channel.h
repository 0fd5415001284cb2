/* channel.h - how the room itself reads channels. */
#ifndef REGISTRY_CHANNEL_H
#define REGISTRY_CHANNEL_H

#include "registry/internal.h"
#include "registry/release.h"

enum { DOCUMENT_BYTES = 64 * 1024 };

/* The trusted comment of its signature; NULL: out of memory. */
const char *release_comment(struct arena *arena, const struct release *release);
/* The release behind a descriptor of its manifest, checked as channel_find() says. */
MUST_CHECK int channel_read(struct remote *remote, const struct tree *descriptor, const struct reference *reference,
                            const struct trust *trust, struct arena *arena, struct release *release, struct error *err);
/* channel_find() that also tells what the name means when it is no channel. */
MUST_CHECK int channel_descriptor(struct remote *remote, const struct reference *reference, const struct trust *trust,
                                  struct arena *arena, const struct tree **descriptor, struct release **release,
                                  struct error *err);
/* From the newest to the first. */
MUST_CHECK int channel_history(struct remote *remote, const struct reference *reference, const struct trust *trust,
                               const struct release *newest, struct arena *arena, struct release **list, int *count,
                               struct error *err);

#endif
