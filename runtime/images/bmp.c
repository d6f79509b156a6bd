/* BMP: a header of one of several lengths, perhaps a palette, rows from the bottom, padded to four
 * bytes; palettes' indices may be run-length coded. */
#include "runtime/images/formats.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_HEADER = 14, CORE_HEADER = 12, INFO_HEADER = 40 };
enum { PLAIN = 0, RUNS_OF_8 = 1, RUNS_OF_4 = 2, MASKS = 3, MASKS_WITH_ALPHA = 6 };

typedef struct bitmap {
  int64_t width, height;
  bool is_top_down;
  uint32_t bits, compression;
  uint32_t masks[4]; /* red, green, blue, alpha */
  uint8_t palette[256][3];
  uint32_t num_colors;
  size_t pixels; /* where they begin */
} bitmap;

static uint32_t u16(const uint8_t *p) { return p[0] | (uint32_t)p[1] << 8; }
static uint32_t u32(const uint8_t *p) { return u16(p) | u16(p + 2) << 16; }

static int32_t damaged(tn_reading *r, const char *what) {
  return tn_refuse(r, TENON_PICTURE_DAMAGED, "the BMP picture %s", what);
}

static int32_t read_masks(tn_reading *r, bitmap *b, size_t header) {
  bool has_masks = b->compression == MASKS || b->compression == MASKS_WITH_ALPHA;
  if (!has_masks) {
    bool is_short = b->bits == 16;
    memcpy(b->masks,
           is_short ? (uint32_t[]){0x7c00, 0x3e0, 0x1f, 0}
                    : (uint32_t[]){0xff0000, 0xff00, 0xff, 0},
           sizeof b->masks);
    return TENON_PICTURE_OK;
  }
  if (b->bits != 16 && b->bits != 32)
    return damaged(r, "has masks for pixels of a palette");
  /* Behind a short header, or part of a long one: the same place. */
  size_t count = header >= 56 || b->compression == MASKS_WITH_ALPHA ? 4 : 3;
  if (r->count < FILE_HEADER + INFO_HEADER + 4 * count)
    return damaged(r, "ends too early");
  for (size_t i = 0; i < count; ++i)
    b->masks[i] = u32(r->bytes + FILE_HEADER + INFO_HEADER + 4 * i);
  return TENON_PICTURE_OK;
}

static int32_t read_palette(tn_reading *r, bitmap *b, size_t header) {
  if (b->bits > 8)
    return TENON_PICTURE_OK;
  size_t entry = header == CORE_HEADER ? 3 : 4;
  uint32_t most = 1u << b->bits;
  if (!b->num_colors || b->num_colors > most)
    b->num_colors = most;
  size_t begin = FILE_HEADER + header;
  if (begin > r->count || (r->count - begin) / entry < b->num_colors)
    return damaged(r, "ends in its palette");
  for (uint32_t i = 0; i < b->num_colors; ++i)
    for (int c = 0; c < 3; ++c)
      b->palette[i][c] = r->bytes[begin + i * entry + 2 - (size_t)c];
  return TENON_PICTURE_OK;
}

static bool is_known(const bitmap *b) {
  switch (b->compression) {
  case PLAIN:
    return b->bits == 1 || b->bits == 4 || b->bits == 8 || b->bits == 16 || b->bits == 24 ||
           b->bits == 32;
  case RUNS_OF_8:
    return b->bits == 8 && !b->is_top_down;
  case RUNS_OF_4:
    return b->bits == 4 && !b->is_top_down;
  case MASKS:
  case MASKS_WITH_ALPHA:
    return b->bits == 16 || b->bits == 32;
  default:
    return false;
  }
}

static int32_t read_header(tn_reading *r, bitmap *b) {
  const uint8_t *p = r->bytes;
  size_t header = r->count >= FILE_HEADER + 4 ? u32(p + FILE_HEADER) : 0;
  if ((header != CORE_HEADER && header < INFO_HEADER) || header > r->count ||
      r->count < FILE_HEADER + header)
    return damaged(r, "has a damaged header");
  b->pixels = u32(p + 10);
  p += FILE_HEADER;
  if (header == CORE_HEADER) {
    b->width = u16(p + 4);
    b->height = u16(p + 6);
    b->bits = u16(p + 10);
  } else {
    b->width = (int32_t)u32(p + 4);
    b->height = (int32_t)u32(p + 8);
    b->bits = u16(p + 14);
    b->compression = u32(p + 16);
    b->num_colors = u32(p + 32);
  }
  b->is_top_down = b->height < 0;
  if (b->is_top_down)
    b->height = -b->height;
  if (!is_known(b))
    return tn_refuse(r, TENON_PICTURE_DAMAGED,
                     "BMP pictures of %u bits with compression %u are not known", b->bits,
                     b->compression);
  int32_t code = read_masks(r, b, header);
  return code ? code : read_palette(r, b, header);
}

/* The bits of a mask, as a number of 0 to 255. */
static uint8_t apply_mask(uint32_t pixel, uint32_t mask) {
  if (!mask)
    return 0;
  int shift = __builtin_ctz(mask);
  uint64_t largest = mask >> shift, sample = (pixel & mask) >> shift;
  return (uint8_t)((sample * 255 * 2 + largest) / (2 * largest));
}

static void put_pixel(tn_reading *r, const bitmap *b, int64_t x, int64_t y, uint32_t pixel) {
  uint8_t *to = tn_row(r, b->is_top_down ? y : b->height - 1 - y) + x * r->picture.channels;
  if (b->bits <= 8) {
    memcpy(to, b->palette[pixel], 3);
    if (r->picture.channels == 4)
      to[3] = 255;
    return;
  }
  for (int32_t c = 0; c < r->picture.channels; ++c)
    to[c] = c == 3 && !b->masks[3] ? 255 : apply_mask(pixel, b->masks[c]);
}

static uint32_t take_pixel(const uint8_t *row, int64_t x, uint32_t bits) {
  if (bits < 8) {
    int64_t bit = x * bits;
    return row[bit / 8] >> (8 - bits - (uint32_t)(bit % 8)) & ((1u << bits) - 1);
  }
  uint32_t pixel = 0;
  for (uint32_t i = 0; i < bits / 8; ++i)
    pixel |= (uint32_t)row[x * (bits / 8) + i] << 8 * i;
  return pixel;
}

static int32_t read_plain(tn_reading *r, const bitmap *b) {
  int64_t stride = (b->width * b->bits + 31) / 32 * 4;
  if ((int64_t)(r->count - b->pixels) / stride < b->height)
    return damaged(r, "ends too early");
  for (int64_t y = 0; y < b->height; ++y)
    for (int64_t x = 0; x < b->width; ++x)
      put_pixel(r, b, x, y, take_pixel(r->bytes + b->pixels + y * stride, x, b->bits));
  return TENON_PICTURE_OK;
}

/* Where the next pixel of run-length coded data goes. */
typedef struct pen {
  int64_t x, y;
} pen;

static void put_run(tn_reading *r, const bitmap *b, pen *at, uint32_t pixel) {
  if (at->x < b->width && at->y < b->height)
    put_pixel(r, b, at->x, at->y, pixel);
  ++at->x;
}

/* Pairs of a length and what it repeats; length 0 escapes: 0 ends a row, 1 the picture, 2 moves,
 * and more are so many pixels as they are, padded to two bytes. */
static int32_t read_runs(tn_reading *r, const bitmap *b) {
  const uint8_t *p = r->bytes + b->pixels, *end = r->bytes + r->count;
  bool is_half = b->bits == 4;
  pen at = {0, 0};
  while (end - p >= 2) {
    uint32_t length = *p++, value = *p++;
    if (length) {
      for (uint32_t i = 0; i < length; ++i)
        put_run(r, b, &at, !is_half ? value : i % 2 ? value & 15 : value >> 4);
    } else if (value == 0) {
      at = (pen){0, at.y + 1};
    } else if (value == 1) {
      return TENON_PICTURE_OK;
    } else if (value == 2) {
      if (end - p < 2)
        break;
      at.x += p[0];
      at.y += p[1];
      p += 2;
    } else {
      size_t bytes = is_half ? (value + 1) / 2 : value;
      if ((size_t)(end - p) < bytes)
        break;
      for (uint32_t i = 0; i < value; ++i)
        put_run(r, b, &at, !is_half ? p[i] : i % 2 ? p[i / 2] & 15 : p[i / 2] >> 4);
      p += bytes < (size_t)(end - p) ? bytes + bytes % 2 : bytes;
    }
    if (at.y >= b->height)
      return TENON_PICTURE_OK;
  }
  return damaged(r, "ends too early");
}

int32_t tn_read_bmp(tn_reading *r) {
  bitmap b = {0};
  int32_t code = read_header(r, &b);
  if (code)
    return code;
  if (b.pixels > r->count)
    return damaged(r, "ends too early");
  bool has_alpha = r->wanted == 4 && b.bits > 8 && b.masks[3];
  code = tn_make_samples(r, b.height, b.width, has_alpha ? 4 : 3);
  if (code)
    return code;
  bool is_plain = b.compression != RUNS_OF_8 && b.compression != RUNS_OF_4;
  return is_plain ? read_plain(r, &b) : read_runs(r, &b);
}
