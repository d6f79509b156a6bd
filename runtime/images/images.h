/* Pictures in files: JPEG, JPEG 2000, PNG, WebP, TIFF, BMP and PNM.
 *
 * This is a library of its own, libtenon_images, since it needs those that know the formats. The
 * runtime opens it when a model decodes a picture for the first time, or takes it from the program
 * that it is linked into; models without pictures never see it. The compiler's tools read the
 * pictures that they are given with it.
 *
 * What is read may be anything: every size is checked against the data before memory is asked for,
 * and errors of the other libraries are caught and put into words. */
#ifndef TENON_RUNTIME_IMAGES_IMAGES_H
#define TENON_RUNTIME_IMAGES_IMAGES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  TENON_PICTURE_OK = 0,
  TENON_PICTURE_DAMAGED = 1, /* or no picture at all, or one of a kind that nobody knows */
  TENON_PICTURE_TOO_LARGE = 2,
  TENON_PICTURE_NO_MEMORY = 3
};

/* Rows from the top, each of `width` pixels of `channels` samples. */
typedef struct tenon_picture {
  int64_t height, width;
  int32_t channels;
  uint8_t *samples; /* from malloc: the caller frees it */
} tenon_picture;

/* Decodes the picture in `count` bytes, of several the first one, to 1 (grey), 3 (RGB) or 4 (RGBA)
 * channels. Returns one of the codes above; if that is not 0, `why` says what is wrong. Any thread
 * may call this. */
__attribute__((visibility("default"))) int32_t tenon_read_picture(const void *bytes, size_t count,
                                                                  int32_t channels,
                                                                  tenon_picture *picture, char *why,
                                                                  size_t why_size);

#ifdef __cplusplus
}
#endif
#endif
