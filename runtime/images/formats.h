/* What the readers of formats share. */
#ifndef TENON_RUNTIME_IMAGES_FORMATS_H
#define TENON_RUNTIME_IMAGES_FORMATS_H

#include "runtime/images/images.h"

#include <stdbool.h>

/* A picture while it is read. Readers decode to 1, 3 or 4 channels, as it suits the file; 4 only if
 * `wanted` is 4. Samples that they have begun stay in `picture` if they fail. */
typedef struct tn_reading {
  const uint8_t *bytes;
  size_t count;
  int32_t wanted;
  tenon_picture picture;
  char *why;
  size_t why_size;
} tn_reading;

/* Says what is wrong and returns `code`. */
int32_t tn_refuse(tn_reading *r, int32_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Memory for the samples of a picture of this size, which may be anything; zeros. */
int32_t tn_make_samples(tn_reading *r, int64_t height, int64_t width, int32_t channels);

static inline uint8_t *tn_row(const tn_reading *r, int64_t y) {
  return r->picture.samples + (size_t)(y * r->picture.width * r->picture.channels);
}

int32_t tn_read_bmp(tn_reading *r);
int32_t tn_read_pnm(tn_reading *r);
int32_t tn_read_jpeg(tn_reading *r);
int32_t tn_read_jpeg2000(tn_reading *r);
int32_t tn_read_png(tn_reading *r);
int32_t tn_read_tiff(tn_reading *r);
int32_t tn_read_webp(tn_reading *r);

#endif
