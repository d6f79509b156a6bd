/* Which format a file has, and what all of them need (see images.h). */
#include "runtime/images/formats.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More pixels than this are no picture but an attack on memory. */
static const int64_t MAX_PIXELS = (int64_t)1 << 28;

int32_t tn_refuse(tn_reading *r, int32_t code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(r->why, r->why_size, format, arguments);
  va_end(arguments);
  return code;
}

int32_t tn_make_samples(tn_reading *r, int64_t height, int64_t width, int32_t channels) {
  if (height <= 0 || width <= 0)
    return tn_refuse(r, TENON_PICTURE_DAMAGED, "the picture is empty");
  if (height > MAX_PIXELS / width)
    return tn_refuse(r, TENON_PICTURE_TOO_LARGE, "%lld x %lld pixels are more than %lld",
                     (long long)width, (long long)height, (long long)MAX_PIXELS);
  r->picture =
      (tenon_picture){height, width, channels, calloc((size_t)(height * width), (size_t)channels)};
  return r->picture.samples
             ? TENON_PICTURE_OK
             : tn_refuse(r, TENON_PICTURE_NO_MEMORY, "no memory for %lld x %lld pixels",
                         (long long)width, (long long)height);
}

/* ---- Channels */

/* ITU-R BT.601 in 16 bits of fraction. */
static uint8_t to_grey(const uint8_t *rgb) {
  return (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

static void convert_pixel(const uint8_t *from, int32_t channels, uint8_t *to, int32_t wanted) {
  if (wanted == 1) {
    *to = to_grey(from);
    return;
  }
  for (int32_t c = 0; c < 3; ++c)
    to[c] = from[channels == 1 ? 0 : c];
  if (wanted == 4)
    to[3] = 255;
}

/* Brings what a reader gave to the wanted channels. */
static int32_t convert(tn_reading *r) {
  tenon_picture from = r->picture;
  if (from.channels == r->wanted)
    return TENON_PICTURE_OK;
  r->picture.samples = NULL;
  int32_t code = tn_make_samples(r, from.height, from.width, r->wanted);
  for (int64_t i = 0; !code && i < from.height * from.width; ++i)
    convert_pixel(from.samples + i * from.channels, from.channels,
                  r->picture.samples + i * r->wanted, r->wanted);
  free(from.samples);
  return code;
}

/* ---- Formats */

static bool begins_with(const tn_reading *r, const char *magic, size_t size, size_t offset) {
  return r->count >= offset + size && memcmp(r->bytes + offset, magic, size) == 0;
}

static bool is_pnm(const tn_reading *r) {
  return r->count > 2 && r->bytes[0] == 'P' && r->bytes[1] >= '1' && r->bytes[1] <= '6';
}

static int32_t read_any(tn_reading *r) {
  if (begins_with(r, "\xff\xd8", 2, 0))
    return tn_read_jpeg(r);
  if (begins_with(r, "\x89PNG\r\n\x1a\n", 8, 0))
    return tn_read_png(r);
  if (begins_with(r, "RIFF", 4, 0) && begins_with(r, "WEBP", 4, 8))
    return tn_read_webp(r);
  if (begins_with(r, "\0\0\0\x0cjP  \r\n\x87\n", 12, 0) || begins_with(r, "\xff\x4f\xff\x51", 4, 0))
    return tn_read_jpeg2000(r);
  if (begins_with(r, "II*\0", 4, 0) || begins_with(r, "MM\0*", 4, 0) ||
      begins_with(r, "II+\0", 4, 0) || begins_with(r, "MM\0+", 4, 0))
    return tn_read_tiff(r);
  if (begins_with(r, "BM", 2, 0))
    return tn_read_bmp(r);
  if (is_pnm(r))
    return tn_read_pnm(r);
  return tn_refuse(r, TENON_PICTURE_DAMAGED,
                   "is no JPEG, JPEG 2000, PNG, WebP, TIFF, BMP or PNM picture");
}

int32_t tenon_read_picture(const void *bytes, size_t count, int32_t channels,
                           tenon_picture *picture, char *why, size_t why_size) {
  tn_reading reading = {
      .bytes = bytes, .count = count, .wanted = channels, .why = why, .why_size = why_size};
  int32_t code = read_any(&reading);
  if (!code)
    code = convert(&reading);
  if (code) {
    free(reading.picture.samples);
    reading.picture = (tenon_picture){0};
  }
  *picture = reading.picture;
  return code;
}
