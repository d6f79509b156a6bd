/* PNG, with libpng: samples of 8 bits, as the file has them, without any correction of colours. */
#include "runtime/images/formats.h"

#include <stdlib.h>
#include <string.h>

#include <png.h>

typedef struct source {
  tn_reading *reading;
  size_t at;
  png_bytep *rows;
  int32_t code;
} source;

static void fail(png_structp png, png_const_charp message) {
  source *s = png_get_error_ptr(png);
  s->code = tn_refuse(s->reading, TENON_PICTURE_DAMAGED, "the PNG picture cannot be decoded: %s",
                      message);
  png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static void read_bytes(png_structp png, png_bytep to, size_t count) {
  source *s = png_get_io_ptr(png);
  if (s->reading->count - s->at < count)
    png_error(png, "it ends too early");
  memcpy(to, s->reading->bytes + s->at, count);
  s->at += count;
}

/* Asks for grey or RGB in 8 bits, with alpha only if that is wanted. */
static void choose_samples(png_structp png, png_infop info, bool keeps_alpha) {
  png_set_expand(png);
  png_set_strip_16(png);
  bool is_grey = !(png_get_color_type(png, info) & PNG_COLOR_MASK_COLOR);
  if (!keeps_alpha) {
    png_set_strip_alpha(png);
    return;
  }
  if (is_grey)
    png_set_gray_to_rgb(png);
  png_set_add_alpha(png, 255, PNG_FILLER_AFTER);
}

/* What is changed here and read after a jump lies in `s`. */
static void read_file(png_structp png, png_infop info, source *s) {
  tn_reading *r = s->reading;
  if (setjmp(png_jmpbuf(png)))
    return;
  png_set_read_fn(png, s, read_bytes);
  png_read_info(png, info);
  choose_samples(png, info, r->wanted == 4);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  s->code = tn_make_samples(r, png_get_image_height(png, info), png_get_image_width(png, info),
                            png_get_channels(png, info));
  if (s->code)
    return;
  s->rows = malloc((size_t)r->picture.height * sizeof *s->rows);
  if (!s->rows) {
    s->code = tn_refuse(r, TENON_PICTURE_NO_MEMORY, "no memory for the rows of a PNG picture");
    return;
  }
  for (int64_t y = 0; y < r->picture.height; ++y)
    s->rows[y] = tn_row(r, y);
  png_read_image(png, s->rows);
  png_read_end(png, NULL);
}

int32_t tn_read_png(tn_reading *r) {
  source s = {.reading = r};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &s, fail, ignore);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (info)
    read_file(png, info, &s);
  else
    s.code = tn_refuse(r, TENON_PICTURE_NO_MEMORY, "no memory to decode a PNG picture");
  png_destroy_read_struct(&png, &info, NULL);
  free(s.rows);
  return s.code;
}
