/* PBM, PGM and PPM: a header in words, then samples as numbers or bytes. */
#include "runtime/images/formats.h"

#include <string.h>

typedef struct cursor {
  const uint8_t *at, *end;
} cursor;

static bool is_blank(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Blanks, and comments to the end of their line. */
static void skip_blanks(cursor *c) {
  while (c->at < c->end && (is_blank(*c->at) || *c->at == '#'))
    if (*c->at++ == '#')
      while (c->at < c->end && *c->at != '\n')
        ++c->at;
}

/* A number of at most `most`; -1 if there is none. */
static int64_t take_number(cursor *c, int64_t most) {
  skip_blanks(c);
  if (c->at == c->end || *c->at < '0' || *c->at > '9')
    return -1;
  int64_t number = 0;
  while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
    if ((number = number * 10 + (*c->at++ - '0')) > most)
      return -1;
  return number;
}

typedef struct header {
  bool is_text, is_bitmap;
  int32_t channels;
  int64_t width, height, largest;
} header;

static bool take_header(cursor *c, header *h) {
  int kind = c->at[1] - '0';
  c->at += 2;
  *h = (header){.is_text = kind <= 3,
                .is_bitmap = kind == 1 || kind == 4,
                .channels = kind % 3 == 0 ? 3 : 1,
                .largest = 1};
  h->width = take_number(c, INT32_MAX);
  h->height = take_number(c, INT32_MAX);
  if (!h->is_bitmap)
    h->largest = take_number(c, 65535);
  if (h->width <= 0 || h->height <= 0 || h->largest <= 0)
    return false;
  /* One blank ends the header of a file of bytes. */
  if (h->is_text)
    return true;
  return c->at < c->end && is_blank(*c->at++);
}

/* A sample of [0, largest] to [0, 255], rounded. */
static uint8_t scale(int64_t sample, int64_t largest) {
  if (sample > largest)
    sample = largest;
  return (uint8_t)((sample * 255 * 2 + largest) / (2 * largest));
}

/* How many bytes of data a picture has at least. */
static int64_t least_bytes(const header *h) {
  int64_t row = h->width * h->channels;
  if (h->is_text)
    return row * h->height;
  return h->height * (h->is_bitmap ? (row + 7) / 8 : h->largest > 255 ? 2 * row : row);
}

/* One digit without blanks around it is a sample of a bitmap. */
static int64_t take_bit(cursor *c) {
  skip_blanks(c);
  if (c->at == c->end || (*c->at != '0' && *c->at != '1'))
    return -1;
  return *c->at++ == '0';
}

static int32_t read_text(tn_reading *r, cursor *c, const header *h) {
  int64_t count = h->width * h->height * h->channels;
  for (int64_t i = 0; i < count; ++i) {
    int64_t sample = h->is_bitmap ? take_bit(c) : take_number(c, 65535);
    if (sample < 0)
      return tn_refuse(r, TENON_PICTURE_DAMAGED, "a sample of the PNM picture is no number");
    r->picture.samples[i] = scale(sample, h->largest);
  }
  return TENON_PICTURE_OK;
}

static void read_bits(tn_reading *r, cursor *c, const header *h) {
  for (int64_t y = 0; y < h->height; ++y, c->at += (h->width + 7) / 8)
    for (int64_t x = 0; x < h->width; ++x)
      tn_row(r, y)[x] = c->at[x / 8] >> (7 - x % 8) & 1 ? 0 : 255;
}

static void read_bytes(tn_reading *r, const cursor *c, const header *h) {
  int64_t count = h->width * h->height * h->channels;
  bool is_wide = h->largest > 255;
  for (int64_t i = 0; i < count; ++i)
    r->picture.samples[i] =
        scale(is_wide ? c->at[2 * i] << 8 | c->at[2 * i + 1] : c->at[i], h->largest);
}

int32_t tn_read_pnm(tn_reading *r) {
  cursor c = {r->bytes, r->bytes + r->count};
  header h;
  if (!take_header(&c, &h))
    return tn_refuse(r, TENON_PICTURE_DAMAGED, "the PNM picture has a damaged header");
  int32_t code = tn_make_samples(r, h.height, h.width, h.channels);
  if (code)
    return code;
  if (c.end - c.at < least_bytes(&h))
    return tn_refuse(r, TENON_PICTURE_DAMAGED, "the PNM picture ends too early");
  if (h.is_text)
    return read_text(r, &c, &h);
  if (h.is_bitmap)
    read_bits(r, &c, &h);
  else
    read_bytes(r, &c, &h);
  return TENON_PICTURE_OK;
}
