/* TIFF, with libtiff, whose conversion to RGBA knows all kinds of samples and the orientation. */
#include "runtime/images/formats.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

typedef struct source {
  tn_reading *reading;
  uint64_t at;
  char message[200]; /* the first error */
} source;

static tmsize_t read_bytes(thandle_t handle, void *to, tmsize_t count) {
  source *s = handle;
  if (s->at >= s->reading->count || count <= 0)
    return 0;
  uint64_t left = s->reading->count - s->at;
  size_t taken = (uint64_t)count < left ? (size_t)count : (size_t)left;
  memcpy(to, s->reading->bytes + s->at, taken);
  s->at += taken;
  return (tmsize_t)taken;
}

static tmsize_t write_nothing(thandle_t handle, void *from, tmsize_t count) {
  (void)handle;
  (void)from;
  (void)count;
  return 0;
}

static toff_t seek(thandle_t handle, toff_t offset, int whence) {
  source *s = handle;
  s->at = offset + (whence == SEEK_CUR ? s->at : whence == SEEK_END ? s->reading->count : 0);
  return s->at;
}

static int close_nothing(thandle_t handle) {
  (void)handle;
  return 0;
}

static toff_t get_size(thandle_t handle) { return ((source *)handle)->reading->count; }

static int note_error(TIFF *tiff, void *user, const char *module, const char *format,
                      va_list arguments) {
  (void)tiff;
  (void)module;
  source *s = user;
  if (!*s->message)
    vsnprintf(s->message, sizeof s->message, format, arguments);
  return 1;
}

static int ignore(TIFF *tiff, void *user, const char *module, const char *format,
                  va_list arguments) {
  (void)tiff;
  (void)user;
  (void)module;
  (void)format;
  (void)arguments;
  return 1;
}

static TIFF *open_file(source *s) {
  TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
  if (!options)
    return NULL;
  TIFFOpenOptionsSetErrorHandlerExtR(options, note_error, s);
  TIFFOpenOptionsSetWarningHandlerExtR(options, ignore, NULL);
  TIFF *tiff = TIFFClientOpenExt("picture", "rm", s, read_bytes, write_nothing, seek, close_nothing,
                                 get_size, NULL, NULL, options);
  TIFFOpenOptionsFree(options);
  return tiff;
}

static int32_t damaged(const source *s) {
  return tn_refuse(s->reading, TENON_PICTURE_DAMAGED, "the TIFF picture cannot be decoded: %s",
                   *s->message ? s->message : "no reason is known");
}

static int32_t read_pixels(source *s, TIFF *tiff, uint32_t width, uint32_t height) {
  tn_reading *r = s->reading;
  uint32_t *pixels = malloc((size_t)width * height * sizeof *pixels);
  if (!pixels)
    return tn_refuse(r, TENON_PICTURE_NO_MEMORY, "no memory for %u x %u pixels of a TIFF picture",
                     width, height);
  bool is_read = TIFFReadRGBAImageOriented(tiff, width, height, pixels, ORIENTATION_TOPLEFT, 1);
  int32_t channels = r->picture.channels;
  for (size_t i = 0; is_read && i < (size_t)width * height; ++i) {
    uint8_t *to = r->picture.samples + i * (size_t)channels;
    to[0] = TIFFGetR(pixels[i]);
    to[1] = TIFFGetG(pixels[i]);
    to[2] = TIFFGetB(pixels[i]);
    if (channels == 4)
      to[3] = TIFFGetA(pixels[i]);
  }
  free(pixels);
  return is_read ? TENON_PICTURE_OK : damaged(s);
}

int32_t tn_read_tiff(tn_reading *r) {
  source s = {.reading = r};
  TIFF *tiff = open_file(&s);
  if (!tiff)
    return damaged(&s);
  uint32_t width = 0, height = 0;
  TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
  int32_t code = tn_make_samples(r, height, width, r->wanted == 4 ? 4 : 3);
  if (!code)
    code = read_pixels(&s, tiff, width, height);
  TIFFClose(tiff);
  return code;
}
