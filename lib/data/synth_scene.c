/* synth_scene.c - the dice of one solder joint: what is on the board, and how a site lights it. */
#include <math.h>

#include "data/synth.h"

const char *const synth_labels[6] = {
    [SYNTH_GOOD] = "good",     [SYNTH_INSUFFICIENT] = "insufficient",
    [SYNTH_EXCESS] = "excess", [SYNTH_BRIDGE] = "bridge",
    [SYNTH_VOID] = "void",     [SYNTH_COLD] = "cold",
};

static float between(struct rng *rng, float low, float high)
{
    return low + (high - low) * rng_uniform(rng);
}

static bool chance(struct rng *rng, float share)
{
    return rng_uniform(rng) < share;
}

/* (cos, sin) of an angle in turns, -1..1, by their series: libm's last bits differ between machines. */
static struct vec2 turn_of(float turns)
{
    double x = 6.28318530717958648 * (turns - floorf(turns + 0.5F)), xx = x * x;
    double cosine = 1 - xx / 2 * (1 - xx / 12 * (1 - xx / 30 * (1 - xx / 56 * (1 - xx / 90 * (1 - xx / 132)))));
    double sine = x * (1 - xx / 6 * (1 - xx / 20 * (1 - xx / 42 * (1 - xx / 72 * (1 - xx / 110 * (1 - xx / 156))))));

    return (struct vec2){ (float)cosine, (float)sine };
}

/* ---- the site: where its lamp stands, what its boards look like ---- */

struct site {
    float azimuth, rise; /* lamp: in turns; height over the board as its z before it is made unit */
    float warm, green;   /* colour of the light: red against blue, green against both */
    float bright, ambient, vignette, blur, noise, tilt;
    struct colour board;
};

/* Public pictures come from a well-kept line. */
static const struct site public_site = {
    .azimuth = 0.36F,
    .rise = 1.1F,
    .bright = 1,
    .ambient = 0.42F,
    .vignette = 0.12F,
    .blur = 0.10F,
    .noise = 3,
    .board = { 0.10F, 0.36F, 0.20F },
};

/* A named site is as far from that as drift says, in a direction that is its name's. */
static struct site site_of(const struct synth_options *options)
{
    static const struct colour masks[] = {
        { 0.08F, 0.30F, 0.14F }, { 0.08F, 0.16F, 0.42F }, { 0.42F, 0.09F, 0.10F },
        { 0.13F, 0.14F, 0.13F }, { 0.20F, 0.42F, 0.12F },
    };
    struct site site = public_site;
    struct rng rng = rng_make(0, rng_stream(options->site, 0, 0));
    float drift = (float)options->drift;
    const struct colour *mask;

    if (options->site[0] == '\0')
        return site;
    site.azimuth += drift * (chance(&rng, 0.5F) ? 1 : -1) * between(&rng, 0.15F, 0.45F);
    site.rise += drift * between(&rng, -0.5F, 0.7F);
    site.warm += drift * between(&rng, -0.22F, 0.22F);
    site.green += drift * between(&rng, -0.08F, 0.08F);
    site.bright *= 1 + drift * between(&rng, -0.32F, 0.22F);
    site.ambient += drift * between(&rng, -0.14F, 0.14F);
    site.vignette += drift * between(&rng, 0, 0.3F);
    site.blur += drift * between(&rng, 0, 0.12F);
    site.noise += drift * between(&rng, 0, 5);
    site.tilt += drift * between(&rng, -0.06F, 0.06F);
    mask = &masks[rng_below(&rng, (uint32_t)COUNT(masks))];
    site.board.r += drift * (mask->r - site.board.r);
    site.board.g += drift * (mask->g - site.board.g);
    site.board.b += drift * (mask->b - site.board.b);
    return site;
}

static void light_scene(struct scene *scene, const struct site *site, struct rng *rng)
{
    struct vec2 turn = turn_of(site->azimuth + between(rng, -0.07F, 0.07F));
    float rise = site->rise + between(rng, -0.2F, 0.2F);
    float length = sqrtf(1 + rise * rise), bright = site->bright * between(rng, 0.86F, 1.14F);
    float warm = site->warm + between(rng, -0.05F, 0.05F), green = site->green + between(rng, -0.02F, 0.02F);
    float tint = between(rng, 0.8F, 1.25F);

    scene->lamp[0] = turn.x / length;
    scene->lamp[1] = turn.y / length;
    scene->lamp[2] = rise / length;
    scene->light = (struct colour){ bright * (1 + warm), bright * (1 + green), bright * (1 - warm) };
    scene->ambient = site->ambient + between(rng, -0.05F, 0.05F);
    scene->vignette = site->vignette * between(rng, 0.6F, 1.4F);
    scene->blur = site->blur * between(rng, 0.5F, 1.5F);
    scene->noise = site->noise * between(rng, 0.7F, 1.3F);
    scene->board = (struct colour){ site->board.r * tint * between(rng, 0.8F, 1.2F), site->board.g * tint,
                                    site->board.b * tint * between(rng, 0.75F, 1.25F) };
    scene->turn = turn_of(site->tilt + between(rng, -0.025F, 0.025F) + 0.25F * (float)rng_below(rng, 4));
    scene->shift = (struct vec2){ between(rng, -4, 4), between(rng, -4, 4) };
}

/* ---- the board ---- */

/* A sound joint; its neighbours are of the same make. */
static struct joint sound_joint(struct rng *rng)
{
    struct joint joint = { .flat = chance(rng, 0.5F) };

    if (joint.flat) {
        joint.pad = (struct vec2){ between(rng, 7.5F, 9.5F), between(rng, 13, 16) };
        joint.core = joint.pad.x * between(rng, 0.50F, 0.62F);
        joint.core_end = between(rng, 1, 4);
    } else {
        float radius = between(rng, 11.5F, 14);

        joint.pad = (struct vec2){ radius, radius };
        joint.core = radius * between(rng, 0.30F, 0.38F);
    }
    joint.grow = between(rng, -0.8F, 0.2F);
    joint.rough = between(rng, 0.2F, 0.7F);
    joint.height = joint.flat ? between(rng, 5, 7) : between(rng, 8, 11);
    return joint;
}

static void place_neighbours(struct scene *scene, struct rng *rng)
{
    struct joint *main = &scene->joint[0];
    float pitch = 2 * main->pad.x + between(rng, 7, 11);

    scene->joint_count = MAX_JOINTS;
    for (int i = 1; i < MAX_JOINTS; i++) {
        scene->joint[i] = *main;
        scene->joint[i].at.x = i == 1 ? -pitch : pitch;
        scene->joint[i].grow = between(rng, -0.8F, 0.2F);
    }
    if (chance(rng, 0.3F)) /* the end of a row */
        scene->joint_count--;
}

static void draw_strokes(struct scene *scene, struct rng *rng)
{
    scene->stroke_count = MAX_LINES;
    for (int i = 0; i < MAX_LINES; i++) {
        struct stroke *stroke = &scene->stroke[i];
        float y = between(rng, 16, 34) * (chance(rng, 0.5F) ? 1 : -1);

        stroke->silk = i == 0;
        stroke->half_width = stroke->silk ? between(rng, 0.8F, 1.4F) : between(rng, 1.4F, 3);
        if (stroke->silk) /* beside the row of pads */
            stroke->from = (struct vec2){ -50, y }, stroke->to = (struct vec2){ between(rng, -10, 50), y };
        else if (i < 3) /* a trace that leaves a pad */
            stroke->from = scene->joint[i - 1].at,
            stroke->to = (struct vec2){ stroke->from.x + between(rng, -14, 14), y < 0 ? -50 : 50 };
        else
            stroke->from = (struct vec2){ -50, y }, stroke->to = (struct vec2){ 50, y + between(rng, -25, 25) };
    }
    if (chance(rng, 0.4F)) /* no silkscreen here */
        scene->stroke[0] = scene->stroke[--scene->stroke_count];
}

/* ---- what is wrong with it ---- */

static void make_insufficient(struct joint *joint, struct rng *rng)
{
    struct vec2 away = turn_of(rng_uniform(rng));
    float reach = joint->flat ? joint->pad.y : joint->pad.x;

    joint->bare = true;
    joint->height *= between(rng, 0.45F, 0.7F);
    joint->rough = between(rng, 0.6F, 1.4F);
    joint->cover_radius = reach * between(rng, 0.55F, 0.72F);
    joint->cover = (struct vec2){ joint->at.x + away.x * reach * 0.3F, joint->at.y + away.y * reach * 0.3F };
}

static void make_excess(struct joint *joint, struct rng *rng)
{
    joint->dome = true;
    joint->grow = between(rng, 1.6F, 3.4F);
    joint->height = between(rng, 11, 15);
    joint->rough = between(rng, 0.3F, 0.9F);
}

static void make_bridge(struct scene *scene, struct rng *rng)
{
    struct joint *to = &scene->joint[scene->joint_count == 2 ? 1 : 1 + (int)rng_below(rng, 2)];
    float y = scene->joint[0].flat ? between(rng, -0.55F, 0.55F) * scene->joint[0].pad.y : between(rng, -4, 4);

    scene->bridged = true;
    scene->bridge_to = (struct vec2){ to->at.x, y };
    scene->bridge_width = between(rng, 2.8F, 6);
}

/* Blow holes lie on the solder, clear of the lead: the middle of the ring between lead and edge. */
static void make_void(struct scene *scene, struct rng *rng)
{
    struct joint *joint = &scene->joint[0];

    scene->hole_count = chance(rng, 0.25F) ? 2 : 1;
    for (int i = 0; i < scene->hole_count; i++) {
        struct hole *hole = &scene->hole[i];
        struct vec2 way = turn_of(rng_uniform(rng));

        hole->radius = between(rng, 2.5F, i == 0 ? 4.2F : 3);
        if (joint->flat) {
            hole->at = (struct vec2){ between(rng, -0.4F, 0.4F) * joint->pad.x,
                                      joint->core_end + between(rng, 0.3F, 0.6F) * (joint->pad.y - joint->core_end) };
        } else {
            float middle = joint->core + between(rng, 0.4F, 0.6F) * (joint->pad.x - joint->core);

            hole->at = (struct vec2){ way.x * middle, way.y * middle };
        }
    }
}

static void make_cold(struct scene *scene, struct rng *rng)
{
    scene->dull = between(rng, 0.75F, 1);
    scene->joint[0].rough = between(rng, 1.6F, 2.8F);
    scene->joint[0].height *= between(rng, 0.7F, 1.1F);
    scene->joint[0].grow += between(rng, -0.6F, 0.8F);
}

enum synth_class synth_scene(struct scene *scene, const struct synth_options *options, int64_t i)
{
    enum synth_class class = (enum synth_class)(options->only_count > 0 ? options->only[i % options->only_count]
                                                                        : (int)(i % 6));
    struct site site = site_of(options);
    struct rng rng = rng_make(options->seed, rng_stream(options->site, 1, (uint64_t)i));

    *scene = (struct scene){ .texture = rng_u32(&rng) };
    light_scene(scene, &site, &rng);
    scene->joint[0] = sound_joint(&rng);
    scene->dull = between(&rng, 0, 0.22F);
    place_neighbours(scene, &rng);
    draw_strokes(scene, &rng);
    if (class == SYNTH_INSUFFICIENT)
        make_insufficient(&scene->joint[0], &rng);
    else if (class == SYNTH_EXCESS)
        make_excess(&scene->joint[0], &rng);
    else if (class == SYNTH_BRIDGE)
        make_bridge(scene, &rng);
    else if (class == SYNTH_VOID)
        make_void(scene, &rng);
    else if (class == SYNTH_COLD)
        make_cold(scene, &rng);
    return class;
}
