/*
 * registry.h - where packages, updates and shards are kept under names: an OCI image
 * layout directory, here or behind a web server, and the local store of what is installed.
 *
 * An artifact is a manifest with the file's bytes as layers of at most 16 MiB, in order;
 * pulled bytes are the pushed ones. Blobs are named by their digest and never change;
 * index.json is replaced whole, under a lock, so a reader sees the old or the new one.
 *
 * Source: OCI Image Format Specification 1.1 (image-layout, manifest, descriptor, guidance for artifacts).
 */
#ifndef REGISTRY_REGISTRY_H
#define REGISTRY_REGISTRY_H

#include "base/arena.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/job.h"
#include "base/tree.h"
#include "net/net.h"

/* ---- references: DIR/NAME:TAG or http(s)://HOST/PATH/NAME:TAG; REMOTE/NAME:TAG with `remotes:` of coedge.yaml ---- */
struct reference {
    const char *folder;       /* the layout, or its address */
    const char *name;         /* "solder" */
    const char *tag;          /* "latest" when not given */
    const struct tree *trust; /* what coedge.yaml says of the remote's keys: a path or a list of them; or NULL */
};
/*
 * remotes: the `remotes:` map of coedge.yaml ({NAME: {url: DIR, trust: FILE}}) or NULL.
 * Errors: ERROR_USAGE (empty or odd names, a scheme this version does not speak).
 */
MUST_CHECK int reference_parse(struct reference *reference, struct arena *arena, const char *text,
                               const struct tree *remotes, struct error *err);
/* ERROR_USAGE for an address: nothing is written over a network. */
MUST_CHECK int reference_writable(const struct reference *reference, struct error *err);

/* ---- remotes: a layout's folder, or the same files behind http:// or https:// ---- */
struct remote;
/* limits NULL: the usual ones. `folder` as in a reference. Errors: ERROR_IO when libcurl is wanted and missing. */
MUST_CHECK struct remote *remote_open(const char *folder, const struct net_limits *limits, const struct job *job,
                                      struct error *err);
void remote_close(struct remote *remote); /* NULL is fine */

/* ---- push and pull ---- */
struct artifact {
    const char *type;    /* "application/vnd.coedge.model.v1", ...update.v1, ...dataset.v1 */
    const char *title;   /* file name for other tools */
    const char *privacy; /* level and content as annotations; NULL: none */
    const char *content;
    struct digest digest; /* of the whole bytes */
    int64_t size;
    struct digest manifest;
    int layers, layers_new;
};

/* Writes blobs, manifest and index; the reference moves last. artifact->digest and below are filled. */
MUST_CHECK int registry_push(const struct reference *reference, const void *bytes, size_t count,
                             struct artifact *artifact, const struct job *job, struct error *err);
/* Digests of manifest, layers and whole are checked before `out` gets the last byte. ERROR_ANSWER: no such name or
 * tag, with how to list them as hint. ERROR_TRUST: a digest or size differs. */
MUST_CHECK int registry_pull(struct remote *remote, const struct reference *reference, struct output *out,
                             struct artifact *artifact, struct arena *arena, const struct job *job, struct error *err);
/*
 * registry_export - what the reference means, a tag's artifact or a channel's newest release with all that a device
 * needs, into the layout `to`, made when missing, under the same name. Every digest is checked; the name moves last.
 * artifact->size, layers and layers_new count blobs of any kind. Errors: as registry_pull; ERROR_USAGE when a plain tag
 * would take a channel's place.
 */
MUST_CHECK int registry_export(struct remote *remote, const struct reference *reference, const char *to,
                               struct artifact *artifact, struct arena *arena, const struct job *job,
                               struct error *err);
/* [{name, digest}] of a layout; name as NAME:TAG. */
MUST_CHECK int registry_list(struct remote *remote, struct arena *arena, struct tree **list, struct error *err);

/* ---- the local store: COEDGE_STORE, else XDG_DATA_HOME/coedge, else ~/.local/share/coedge ---- */
MUST_CHECK int store_folder(struct arena *arena, const char **folder, struct error *err);
/*
 * store_install - puts the bytes under packages/ and lets installed/NAME/TAG mean them, in one step.
 * What it meant before is installed/NAME/TAG.previous. 1: changed, 0: was there already.
 */
MUST_CHECK int store_install(const struct reference *reference, const void *bytes, size_t count, struct arena *arena,
                             const char **path, struct error *err);
/* Whether the name means the package of this digest, undamaged. */
MUST_CHECK int store_means(const struct reference *reference, const struct digest *package, struct arena *arena,
                           bool *means, struct error *err);
/* "@NAME[:TAG]" to the path of its package. ERROR_INPUT when not installed, with the way to get it; ERROR_USAGE when it is no name. */
MUST_CHECK int store_find(struct arena *arena, const char *name, const char **path, struct error *err);

#endif
