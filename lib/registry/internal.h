/* internal.h - the layout's parts: blobs by digest, index.json. */
#ifndef REGISTRY_INTERNAL_H
#define REGISTRY_INTERNAL_H

#include "registry/registry.h"

#define MEDIA_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_EMPTY "application/vnd.oci.empty.v1+json"
#define MEDIA_LAYER "application/vnd.coedge.part.v1"
#define MEDIA_PARTS "application/vnd.coedge.manifest.v1+json" /* a package's manifest, as a layer of a release */
#define MEDIA_RELEASE "application/vnd.coedge.release.document.v1+json"
#define MEDIA_SIGNATURE "application/vnd.minisign.signature"
#define TYPE_MODEL "application/vnd.coedge.model.v1"
#define TYPE_RELEASE "application/vnd.coedge.release.v1"

enum { LAYER_BYTES = 16 << 20, MANIFEST_BYTES = 8 << 20 };

/* A name or a tag: letters, digits and ._-+, the first a letter or a digit; 128 characters at most. */
bool component_good(const char *text);

/* blobs/sha256/HEX below the layout. */
MUST_CHECK int blob_path(struct arena *arena, const char *folder, const struct digest *digest, const char **path,
                         struct error *err);
/* A file named by the digest of its bytes; a damaged one is written again. 1: written, 0: was there. */
MUST_CHECK int digest_file_write(const char *path, const void *bytes, size_t count, struct error *err);
/* 1: written, 0: was there. */
MUST_CHECK int blob_write(struct arena *arena, const char *folder, const void *bytes, size_t count,
                          struct digest *digest, struct error *err);
/* Whole and checked against its name. ERROR_TRUST when it differs or is not `size` long, ERROR_INPUT when missing. */
MUST_CHECK int blob_read(struct arena *arena, const char *folder, const struct digest *digest, int64_t size,
                         struct input *in, struct error *err);

/* Creates folders and `oci-layout` where missing; ERROR_INPUT when the folder is something else. */
MUST_CHECK int layout_prepare(struct arena *arena, const char *folder, struct error *err);
/* index.json as a tree; an empty index when there is none yet. */
MUST_CHECK int index_read(struct arena *arena, const char *folder, const struct tree **index, struct error *err);
MUST_CHECK int index_parse(struct arena *arena, const char *text, size_t length, const struct tree **index,
                           struct error *err);
/* The descriptor whose ref.name is `name`, or NULL. */
const struct tree *index_find(const struct tree *index, const char *name);
/*
 * index_set - lets `name` mean the manifest, under the layout's lock; all else stays as it is.
 *
 *   before  NULL: what it means now is any artifact, but no release; else the release that it means now (an empty
 *           map: none yet), so that of two who move a channel one is told
 *
 * Errors: ERROR_USAGE for a release where none may be, ERROR_NETWORK for another one than `before`.
 */
MUST_CHECK int index_set(struct arena *arena, const char *folder, const char *name, const struct tree *before,
                         const struct tree *descriptor, struct error *err);
bool descriptor_is_release(const struct tree *descriptor); /* NULL is none */
/* {mediaType, digest, size} */
struct tree *descriptor_make(struct arena *arena, const char *media, const struct digest *digest, int64_t size);
MUST_CHECK int descriptor_read(const struct tree *descriptor, struct digest *digest, int64_t *size, struct error *err);

/*
 * store_return - lets a name mean again what NAME.previous does, if it means the package (hex). `link` is its path,
 * *before begins with the digest of what it means afterwards. 1: changed, 0: it means something else.
 */
MUST_CHECK int store_return(const char *link, const char *package, const char **before, struct arena *arena,
                            struct error *err);

/* ---- remotes ---- */
/* NAME:TAG; NULL: out of memory. */
const char *reference_name(struct arena *arena, const struct reference *reference);
/* Over a network it is asked for once, and lives as long as the remote. */
MUST_CHECK int remote_index(struct remote *remote, struct arena *arena, const struct tree **index, struct error *err);
/* As blob_read; over a network ERROR_NETWORK when missing, and what came is kept until remote_done(). */
MUST_CHECK int remote_blob(struct remote *remote, struct arena *arena, const struct digest *digest, int64_t size,
                           struct input *in, struct error *err);
/* What a name means: ERROR_ANSWER with how to list them as hint when there is none. */
MUST_CHECK int remote_find(struct remote *remote, struct arena *arena, const struct reference *reference,
                           const struct tree **descriptor, struct error *err);
MUST_CHECK int remote_manifest(struct remote *remote, struct arena *arena, const struct tree *descriptor,
                               const struct tree **manifest, struct digest *digest, struct error *err);
/* The layers of the artifact behind a descriptor of its manifest; out NULL: they are only checked. */
MUST_CHECK int pull_descriptor(struct remote *remote, const struct tree *descriptor, struct output *out,
                               struct artifact *artifact, struct arena *arena, const struct job *job,
                               struct error *err);
/* All that was fetched for it is where it belongs. */
void remote_done(struct remote *remote);

#endif
