/*
 * synth.h - a solder joint as numbers: what synth_scene.c draws from the dice and
 * synth_draw.c turns into pixels.
 *
 * Lengths are in units of 1/64 of a picture's side, so a picture looks the same
 * at every size. Only +, -, *, / and square roots are used: IEEE 754 makes them,
 * and so the pictures, the same on every CPU.
 */
#ifndef DATA_SYNTH_H
#define DATA_SYNTH_H

#include "data/data.h"

enum synth_class { SYNTH_GOOD, SYNTH_INSUFFICIENT, SYNTH_EXCESS, SYNTH_BRIDGE, SYNTH_VOID, SYNTH_COLD };

struct vec2 {
    float x, y;
};
struct colour {
    float r, g, b;
};

/* A pad with its lead and solder. The lead is a round pin, or a flat one that comes in along -y. */
struct joint {
    struct vec2 at;
    bool flat;         /* surface mount: rounded rectangles instead of circles */
    struct vec2 pad;   /* half sides (both the radius when round) */
    float core;        /* pin's radius, or half the flat lead's width */
    float core_end;    /* flat: how far the lead reaches, in y */
    float grow;        /* solder's edge outside the pad's, may be negative */
    float rough;       /* how uneven that edge is */
    float height;      /* of the solder at the lead, or of the dome */
    bool dome;         /* convex, over the lead: too much solder */
    bool bare;         /* solder only where `cover` lets it */
    struct vec2 cover; /* bare: centre of the disc that solder keeps to */
    float cover_radius;
};

struct hole {
    struct vec2 at;
    float radius;
};

enum { MAX_JOINTS = 3, MAX_HOLES = 2, MAX_LINES = 5 };

/* A stroke on the board: a trace under the mask, or silkscreen. */
struct stroke {
    struct vec2 from, to;
    float half_width;
    bool silk;
};

struct scene {
    uint32_t texture;               /* seed of all noise */
    struct vec2 shift, turn;        /* picture to scene: turn is (cos, sin) */
    struct joint joint[MAX_JOINTS]; /* 0 is the one that is judged */
    int joint_count;
    bool bridged;
    struct vec2 bridge_to; /* from joint 0's centre */
    float bridge_width;
    struct hole hole[MAX_HOLES];
    int hole_count;
    struct stroke stroke[MAX_LINES];
    int stroke_count;
    float dull; /* 0 mirror-like .. 1 grainy and matt */
    /* what the camera and the lamp do */
    struct colour board, light; /* mask's colour; lamp's gains */
    float lamp[3];              /* unit vector towards the lamp */
    float ambient, vignette, blur, noise;
};

/* Draws the numbers of sample i. */
enum synth_class synth_scene(struct scene *scene, const struct synth_options *options, int64_t i);

/* Smooth noise of -1..1 with features of about one unit. */
float synth_noise(uint32_t seed, float x, float y);

#endif
