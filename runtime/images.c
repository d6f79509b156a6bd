/* Pictures become tensors (images/images.h).
 *
 * What knows their formats is a library of its own: a program may have it linked in; else it is
 * opened when a model decodes a picture for the first time. */
#include "runtime/images/images.h"
#include "runtime/objects.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma weak tenon_read_picture

typedef __typeof__(tenon_read_picture) *read_picture_fn;

static struct {
  pthread_once_t once;
  read_picture_fn read;
  char problem[512]; /* why there is none */
} the = {.once = PTHREAD_ONCE_INIT};

static void find_reader(void) {
  the.read = tenon_read_picture;
  if (the.read)
    return;
  const char *path = getenv("TENON_IMAGES");
  if (!path || !*path)
    path = TENON_IMAGES_LIBRARY;
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  void *function = library ? dlsym(library, "tenon_read_picture") : NULL;
  if (function)
    memcpy(&the.read, &function, sizeof function);
  else
    snprintf(the.problem, sizeof the.problem, "%s", dlerror());
}

/* The object for [height, width, channels]. */
static tenon_object *make_pixels(tenon_exec *exec, const tenon_picture *picture, int32_t channels) {
  int64_t dims[] = {picture->height, picture->width, channels};
  tenon_object *made = tn_new_tensor(exec, 1, 3, dims, NULL);
  size_t bytes = (size_t)(picture->height * picture->width * channels);
  if (made && bytes)
    memcpy(made->data, picture->samples, bytes);
  return made;
}

static void swap_red_and_blue(tenon_object *pixels) {
  uint8_t *samples = pixels->data;
  for (int64_t i = 0; i < pixels->dims[0] * pixels->dims[1]; ++i, samples += 3) {
    uint8_t red = samples[0];
    samples[0] = samples[2];
    samples[2] = red;
  }
}

tenon_object *tn_decode_image(tenon_exec *exec, const void *bytes, int64_t count, int32_t pixels,
                              const char *where) {
  pthread_once(&the.once, find_reader);
  if (!the.read) {
    tn_record(exec, TENON_INVALID_VALUE,
              "%sthere is no library to decode pictures with (TENON_IMAGES names it): %s", where,
              the.problem);
    return NULL;
  }
  int32_t channels = pixels == TENON_PIXELS_GREY ? 1 : 3;
  tenon_picture picture;
  char why[256] = "";
  int32_t code = the.read(bytes, (size_t)count, channels, &picture, why, sizeof why);
  /* ONNX: what cannot be decoded is an empty picture. Only what is our limit is an error. */
  if (code == TENON_PICTURE_TOO_LARGE || code == TENON_PICTURE_NO_MEMORY) {
    tn_record(exec, code == TENON_PICTURE_NO_MEMORY ? TENON_OUT_OF_MEMORY : TENON_INVALID_VALUE,
              "%s%s", where, why);
    return NULL;
  }
  tenon_object *made = make_pixels(exec, &picture, channels);
  free(picture.samples);
  if (made && pixels == TENON_PIXELS_BGR)
    swap_red_and_blue(made);
  return made;
}
