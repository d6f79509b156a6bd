/* Recording of kernels: per kernel its calls and times, per thread a list of events, both of fixed
 * size and written by one thread each, so that recording neither locks nor allocates. */
#include "runtime/objects.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_PER_LANE = 65536, CACHE_LINE = 128 };

typedef struct event {
  int64_t kernel; /* -1: the run itself */
  int64_t begin, end;
} event;

/* What one thread recorded. */
typedef struct lane {
  _Alignas(CACHE_LINE) event *events;
  int64_t count; /* including those that found no room */
} lane;

struct tn_profile {
  int64_t start;
  int64_t runs, runs_ns;
  int64_t num_kernels;
  tenon_kernel_profile *kernels;
  int num_lanes;
  lane *lanes;
};

int64_t tn_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void add_event(lane *l, int64_t kernel, int64_t begin, int64_t end) {
  int64_t i = l->count++;
  if (i < EVENTS_PER_LANE)
    l->events[i] = (event){kernel, begin, end};
}

void tn_profile_task(tn_profile *profile, int lane_index, int64_t kernel, int64_t begin,
                     int64_t end) {
  add_event(&profile->lanes[lane_index], kernel, begin, end);
}

void tn_profile_launch(tn_profile *profile, int64_t kernel, int64_t begin, int64_t end) {
  if (kernel < 0 || kernel >= profile->num_kernels)
    return;
  tenon_kernel_profile *k = &profile->kernels[kernel];
  int64_t time = end - begin;
  if (!k->calls || time < k->min_ns)
    k->min_ns = time;
  ++k->calls;
  k->total_ns += time;
}

void tn_profile_run(tn_profile *profile, int64_t begin, int64_t end) {
  ++profile->runs;
  profile->runs_ns += end - begin;
  add_event(&profile->lanes[0], -1, begin, end);
}

void tn_profile_free(tn_profile *profile) {
  if (!profile)
    return;
  for (int i = 0; profile->lanes && i < profile->num_lanes; ++i)
    free(profile->lanes[i].events);
  free(profile->lanes);
  free(profile->kernels);
  free(profile);
}

static tn_profile *create(int64_t num_kernels, int num_lanes) {
  tn_profile *profile = calloc(1, sizeof *profile);
  if (!profile)
    return NULL;
  profile->num_kernels = num_kernels;
  profile->num_lanes = num_lanes;
  profile->kernels = calloc((size_t)num_kernels + 1, sizeof *profile->kernels);
  profile->lanes = aligned_alloc(CACHE_LINE, (size_t)num_lanes * sizeof(lane));
  bool complete = profile->kernels && profile->lanes;
  if (profile->lanes)
    memset(profile->lanes, 0, (size_t)num_lanes * sizeof(lane));
  for (int i = 0; complete && i < num_lanes; ++i) {
    profile->lanes[i].events = malloc(EVENTS_PER_LANE * sizeof(event));
    complete = profile->lanes[i].events != NULL;
  }
  if (complete)
    return profile;
  tn_profile_free(profile);
  return NULL;
}

tenon_status tenon_profile_start(tenon_context *context) {
  if (!context)
    return tn_fail(TENON_INVALID_ARGUMENT, "tenon_profile_start: context is null");
  tn_profile *profile = create(context->model->variant->num_kernels, (int)context->exec.threads);
  if (!profile)
    return tn_fail(TENON_OUT_OF_MEMORY, "no memory for a profile");
  profile->start = tn_now();
  tn_profile_free(context->profile);
  context->profile = profile;
  context->profiling = true;
  return TENON_OK;
}

void tenon_profile_stop(tenon_context *context) {
  if (context)
    context->profiling = false;
}

static tenon_status check_recorded(const tenon_context *context) {
  if (!context)
    return tn_fail(TENON_INVALID_ARGUMENT, "tenon_profile: context is null");
  if (!context->profile)
    return tn_fail(TENON_INVALID_ARGUMENT, "nothing was recorded: call tenon_profile_start first");
  return TENON_OK;
}

tenon_status tenon_profile_kernel(const tenon_context *context, int64_t index,
                                  tenon_kernel_profile *profile) {
  tenon_status status = check_recorded(context);
  if (status)
    return status;
  if (index < 0 || index >= context->profile->num_kernels)
    return tn_fail(TENON_INVALID_ARGUMENT, "no kernel %lld: model '%s' has %lld", (long long)index,
                   context->model->desc->name, (long long)context->profile->num_kernels);
  *profile = context->profile->kernels[index];
  return TENON_OK;
}

tenon_status tenon_profile_runs(const tenon_context *context, int64_t *runs, int64_t *total_ns) {
  tenon_status status = check_recorded(context);
  if (status)
    return status;
  if (runs)
    *runs = context->profile->runs;
  if (total_ns)
    *total_ns = context->profile->runs_ns;
  return TENON_OK;
}

static void write_string(FILE *file, const char *text) {
  fputc('"', file);
  for (const unsigned char *c = (const unsigned char *)(text ? text : ""); *c; ++c) {
    if (*c == '"' || *c == '\\')
      fprintf(file, "\\%c", *c);
    else if (*c < 0x20)
      fprintf(file, "\\u%04x", *c);
    else
      fputc(*c, file);
  }
  fputc('"', file);
}

static void write_event(FILE *file, const tenon_context *context, int thread, const event *e) {
  const tenon_variant_desc *variant = context->model->variant;
  bool is_kernel = e->kernel >= 0 && e->kernel < variant->num_kernels;
  const tenon_kernel_desc *kernel = is_kernel ? &variant->kernels[e->kernel] : NULL;
  fputs(",\n{\"ph\":\"X\",\"pid\":1,\"tid\":", file);
  // Microseconds; not by %f, whose decimal point follows the program's locale.
  int64_t begin = e->begin - context->profile->start, time = e->end - e->begin;
  fprintf(file, "%d,\"ts\":%lld.%03lld,\"dur\":%lld.%03lld,\"cat\":\"%s\",\"name\":", thread,
          (long long)begin / 1000, (long long)begin % 1000, (long long)time / 1000,
          (long long)time % 1000, is_kernel ? "kernel" : "run");
  write_string(file, is_kernel ? kernel->name : "run");
  if (is_kernel) {
    fputs(",\"args\":{\"nodes\":", file);
    write_string(file, kernel->nodes);
    fprintf(file, ",\"flops\":%lld,\"bytes\":%lld}", (long long)kernel->flops,
            (long long)kernel->bytes);
  }
  fputc('}', file);
}

/* https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU */
static void write_trace(FILE *file, const tenon_context *context) {
  const tn_profile *profile = context->profile;
  int64_t left_out = 0;
  fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", file);
  fputs("{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":", file);
  write_string(file, context->model->desc->name);
  fputs("}}", file);
  for (int i = 0; i < profile->num_lanes; ++i) {
    const lane *l = &profile->lanes[i];
    fprintf(file,
            ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"name\":\"thread_name\","
            "\"args\":{\"name\":\"tenon-%d\"}}",
            i, i);
    int64_t kept = l->count < EVENTS_PER_LANE ? l->count : EVENTS_PER_LANE;
    left_out += l->count - kept;
    for (int64_t e = 0; e < kept; ++e)
      write_event(file, context, i, &l->events[e]);
  }
  fprintf(file, "\n],\"otherData\":{\"target\":");
  write_string(file, context->model->variant->target);
  fprintf(file, ",\"events_left_out\":%lld}}\n", (long long)left_out);
}

tenon_status tenon_profile_write(const tenon_context *context, const char *path) {
  tenon_status status = check_recorded(context);
  if (status)
    return status;
  if (!path)
    return tn_fail(TENON_INVALID_ARGUMENT, "tenon_profile_write: path is null");
  FILE *file = fopen(path, "we");
  if (!file)
    return tn_fail(TENON_FILE_ERROR, "%s: %s", path, strerror(errno));
  write_trace(file, context);
  bool failed = ferror(file);
  if (fclose(file) || failed)
    return tn_fail(TENON_FILE_ERROR, "%s: cannot write: %s", path, strerror(errno));
  return TENON_OK;
}
