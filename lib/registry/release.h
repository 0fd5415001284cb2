/*
 * release.h - channels: names that move, by signed statements.
 *
 * A release says that from now on a channel of a name means a package, for a share of the devices. Its document is a
 * small JSON text, signed in minisign's format; the trusted comment repeats name, channel and version. Versions only
 * rise: to go back is a new release that means an older package. Each document names the manifest before it, so the
 * newest one vouches for the whole history.
 *
 * In a layout a channel is an entry of index.json like any tag, of artifact type application/vnd.coedge.release.v1,
 * with document, signature and the package's own parts as layers: what copies an artifact copies all a device needs.
 *
 * Source: Samuel et al., "Survivable key compromise in software update systems" (2010), and The Update Framework 1.0.34,
 * section 5: rollback, freeze and mix-and-match attacks and what is checked against them.
 */
#ifndef REGISTRY_RELEASE_H
#define REGISTRY_RELEASE_H

#include "base/sign.h"
#include "base/text.h"
#include "registry/registry.h"

/* ---- the document ---- */

/* What a device can fetch: the manifest, and the bytes that come of it. */
struct release_package {
    struct digest package, manifest;
    int64_t size, manifest_size;
};

struct release {
    const char *name, *channel, *message;
    int64_t version;       /* from 1; at most 2^53 - 1, which every reader of JSON can count */
    int64_t date, expires; /* seconds since 1970, UTC */
    double share;          /* percent of the devices */
    struct release_package package;
    bool has_rest; /* what the other devices use */
    struct release_package rest;
    bool has_withdrawn; /* the package that this release takes back */
    struct digest withdrawn;
    bool has_previous; /* the manifest of the release before */
    struct digest previous;
    int64_t previous_size;
    /* ---- not of the document ---- */
    struct digest document;
    const char *key; /* id of the key that signed it; NULL: not checked */
};

/* Texts are the arena's. Keys that this version does not know are passed over. Errors: ERROR_INPUT, with the key. */
MUST_CHECK int release_parse(struct release *release, struct arena *arena, const char *text, size_t length,
                             struct error *err);
void release_write(struct text *out, struct arena *arena, const struct release *release);

/*
 * release_includes - whether a device is in the share. It depends on device, name and package alone: who is in at 5 %
 * is in at 50 %, and another package begins with other devices.
 *
 *   SHA-256 of "coedge share\nDEVICE\nNAME\nPACKAGE", its first eight bytes as a number below 1, times 100 < share
 */
bool release_includes(const struct release *release, const char *device);

/* ERROR_TRUST when it has expired; `now` in seconds. A clock is no earlier than what was signed. */
MUST_CHECK int release_check_date(const struct release *release, int64_t now, struct error *err);

/* "2026-11-29T07:30:00Z" and back. */
enum { DATE_TEXT = 32 };
const char *date_text(char text[DATE_TEXT], int64_t seconds);
MUST_CHECK int date_parse(const char *text, int64_t *seconds, struct error *err);

/* ---- channels: `reference` is NAME:CHANNEL ---- */

/* Keys that count. */
struct trust {
    struct sign_key *key;
    int count; /* 0: signatures are not checked */
};
MUST_CHECK int trust_add(struct trust *trust, struct arena *arena, const char *path, struct error *err);
/* What coedge.yaml says: a path, or a list of them. ERROR_USAGE. */
MUST_CHECK int trust_add_said(struct trust *trust, struct arena *arena, const struct tree *said, struct error *err);

/*
 * channel_find - what a channel means now. *release is NULL when the name is there but no channel.
 * Errors: ERROR_ANSWER: no such name; ERROR_TRUST: not signed by a trusted key, or for another name; ERROR_INPUT.
 */
MUST_CHECK int channel_find(struct remote *remote, const struct reference *reference, const struct trust *trust,
                            struct arena *arena, struct release **release, struct error *err);
/* All of its releases, the newest first. Errors as above: one that is missing, out of order or changed. */
MUST_CHECK int channel_log(struct remote *remote, const struct reference *reference, const struct trust *trust,
                           struct arena *arena, struct release **list, int *count, struct error *err);
/* The package of a release, or what the other devices use, with every digest checked. */
MUST_CHECK int channel_pull(struct remote *remote, const struct release_package *package, struct output *out,
                            struct artifact *artifact, struct arena *arena, const struct job *job, struct error *err);

struct release_wish {
    const char *channel, *message;
    double share;    /* percent */
    int64_t days;    /* until it expires */
    int64_t version; /* rollback: to this one's package; 0: to the one before */
    int64_t now;     /* its date; where a clock says it, not before that of the release before, with a note */
    bool dated;      /* no clock did: it stands as it is */
    bool any;        /* of whatever kind the artifact is; else ERROR_INPUT when it is no package */
    const struct sign_key *key;
    const struct trust *trust; /* who may have signed what is there */
};
/* A new release of the package that `reference` means. *release is what was written. */
MUST_CHECK int release_promote(const struct reference *reference, const struct release_wish *wish, struct arena *arena,
                               const struct release **release, const struct job *job, struct error *err);
/*
 * release_rollback - a new release for all devices that means what the channel meant before: the package of the
 * newest release for all that was not taken back. ERROR_ANSWER when there is none.
 */
MUST_CHECK int release_rollback(const struct reference *reference, const struct release_wish *wish, struct arena *arena,
                                const struct release **release, const struct job *job, struct error *err);

/* ---- what the store knows of channels ---- */

/* One at a time for each name; waits. */
MUST_CHECK int store_lock(const char *name, struct arena *arena, int *lock, struct error *err);
void store_unlock(int lock);
/* This device's number, drawn when it is first asked for. */
MUST_CHECK int store_device(struct arena *arena, const char **device, struct error *err);
/*
 * store_accept - remembers the release as the newest seen of its channel. `now` is in seconds, and no earlier than what was
 * seen, but for a newer release: who signs knows the time better later on.
 * Errors: ERROR_TRUST when it is older than one that was seen, another one of the same version, or expired.
 * `force`: an older one is taken.
 */
MUST_CHECK int store_accept(const struct release *release, int64_t now, bool force, struct arena *arena,
                            struct error *err);
/* The store has seen a release of this channel. */
MUST_CHECK int store_has_channel(const struct reference *reference, struct arena *arena, bool *has, struct error *err);
/* A package that did not do here is not tried again. */
MUST_CHECK int store_quarantine(const struct release *release, const struct digest *package, const char *why,
                                struct arena *arena, struct error *err);
/* ERROR_ANSWER with why it was put there, when it was. */
MUST_CHECK int store_quarantined(const struct digest *package, struct arena *arena, struct error *err);
MUST_CHECK int store_pardon(const struct digest *package, struct arena *arena, struct error *err);

/* ---- a new package on trial ---- */
/*
 * store_try - before store_install(): the package that the name will mean is on trial, if the name means one already.
 * At its fourth start after three that were ended before trial_proved() or trial_end(), the package is left aside
 * (store_quarantine()) and the name means again what it meant before.
 */
MUST_CHECK int store_try(const struct reference *reference, const struct digest *package, int64_t version,
                         struct arena *arena, struct error *err);
struct trial {
    const char *path;
    int fd; /* -1: none */
    bool counted;
    int cut; /* abort_cuts(): whom a signal ends did not fail */
};
/* Before "@NAME:TAG" is read to be run; anything else is never on trial. Notes what it did. Errors: those of store_find(). */
MUST_CHECK int trial_begin(struct trial *trial, const char *name, struct arena *arena, const struct job *job,
                           struct error *err);
/* It answers. Nothing is counted any more. */
void trial_proved(struct trial *trial);
/* It ends in good order, and nobody knows yet: this start does not count. */
void trial_end(struct trial *trial);
/* It could not be loaded, for this reason: the start counts where that is the package's, not the machine's. */
void trial_refused(struct trial *trial, const struct error *why);

#endif
