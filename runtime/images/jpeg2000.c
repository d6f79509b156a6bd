/* JPEG 2000, with OpenJPEG: files and bare codestreams. */
#include "runtime/images/formats.h"

#include <stdio.h>
#include <string.h>

#include <openjpeg.h>

typedef struct source {
  tn_reading *reading;
  size_t at;
  char message[200]; /* the first error */
} source;

static OPJ_SIZE_T read_bytes(void *to, OPJ_SIZE_T count, void *user) {
  source *s = user;
  size_t left = s->reading->count - s->at;
  if (!left)
    return (OPJ_SIZE_T)-1;
  size_t taken = count < left ? count : left;
  memcpy(to, s->reading->bytes + s->at, taken);
  s->at += taken;
  return taken;
}

static OPJ_OFF_T skip_bytes(OPJ_OFF_T count, void *user) {
  source *s = user;
  size_t left = s->reading->count - s->at;
  if (count < 0)
    return -1;
  size_t skipped = (uint64_t)count < left ? (size_t)count : left;
  s->at += skipped;
  return (OPJ_OFF_T)skipped;
}

static OPJ_BOOL seek(OPJ_OFF_T offset, void *user) {
  source *s = user;
  if (offset < 0 || (uint64_t)offset > s->reading->count)
    return OPJ_FALSE;
  s->at = (size_t)offset;
  return OPJ_TRUE;
}

static void note_error(const char *message, void *user) {
  source *s = user;
  if (*s->message)
    return;
  snprintf(s->message, sizeof s->message, "%s", message);
  s->message[strcspn(s->message, "\n")] = '\0';
}

static int32_t damaged(const source *s) {
  return tn_refuse(s->reading, TENON_PICTURE_DAMAGED, "the JPEG 2000 picture cannot be decoded: %s",
                   *s->message ? s->message : "no reason is known");
}

static opj_stream_t *open_stream(source *s) {
  opj_stream_t *stream = opj_stream_default_create(OPJ_TRUE);
  if (!stream)
    return NULL;
  opj_stream_set_user_data(stream, s, NULL);
  opj_stream_set_user_data_length(stream, s->reading->count);
  opj_stream_set_read_function(stream, read_bytes);
  opj_stream_set_skip_function(stream, skip_bytes);
  opj_stream_set_seek_function(stream, seek);
  return stream;
}

/* A component's sample at a pixel, in 8 bits. */
static int32_t sample(const opj_image_comp_t *c, uint32_t x, uint32_t y) {
  uint32_t column = x / c->dx < c->w ? x / c->dx : c->w - 1;
  uint32_t row = y / c->dy < c->h ? y / c->dy : c->h - 1;
  int64_t value = c->data[(size_t)row * c->w + column];
  if (c->sgnd)
    value += (int64_t)1 << (c->prec - 1);
  value = c->prec > 8 ? value >> (c->prec - 8) : value * 255 / (((int64_t)1 << c->prec) - 1);
  return value < 0 ? 0 : value > 255 ? 255 : (int32_t)value;
}

static uint8_t clamp(double value) {
  return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)(value + 0.5);
}

/* From luminance and differences of colours (ITU-R BT.601). */
static void convert_colors(uint8_t *pixel) {
  double y = pixel[0], cb = pixel[1] - 128.0, cr = pixel[2] - 128.0;
  pixel[0] = clamp(y + 1.402 * cr);
  pixel[1] = clamp(y - 0.344136 * cb - 0.714136 * cr);
  pixel[2] = clamp(y + 1.772 * cb);
}

static bool is_usable(const opj_image_t *image) {
  for (uint32_t c = 0; c < image->numcomps; ++c) {
    const opj_image_comp_t *comp = &image->comps[c];
    if (!comp->data || !comp->w || !comp->h || !comp->dx || !comp->dy || !comp->prec ||
        comp->prec > 31)
      return false;
  }
  return image->numcomps > 0;
}

/* Of one or two components the first is grey, of four the last may be opacity. */
static int32_t copy_pixels(source *s, const opj_image_t *image) {
  tn_reading *r = s->reading;
  if (!is_usable(image))
    return damaged(s);
  int32_t colors = image->numcomps < 3 ? 1 : 3;
  bool keeps_alpha = colors == 3 && image->numcomps > 3 && r->wanted == 4;
  int32_t code = tn_make_samples(r, (int64_t)image->y1 - image->y0, (int64_t)image->x1 - image->x0,
                                 keeps_alpha ? 4 : colors);
  if (code)
    return code;
  for (int64_t y = 0; y < r->picture.height; ++y)
    for (int64_t x = 0; x < r->picture.width; ++x) {
      uint8_t *pixel = tn_row(r, y) + x * r->picture.channels;
      for (int32_t c = 0; c < r->picture.channels; ++c)
        pixel[c] = (uint8_t)sample(&image->comps[c], (uint32_t)x, (uint32_t)y);
      if (colors == 3 && image->color_space == OPJ_CLRSPC_SYCC)
        convert_colors(pixel);
    }
  return TENON_PICTURE_OK;
}

/* The decoder asks for twelve bytes and more for each pixel that the header promises. */
static int32_t check_size(source *s, const opj_image_t *image) {
  int64_t pixels = ((int64_t)image->x1 - image->x0) * ((int64_t)image->y1 - image->y0);
  int64_t plausible = ((int64_t)1 << 22) + ((int64_t)s->reading->count << 12);
  if (pixels <= plausible && (int64_t)image->numcomps <= 4)
    return TENON_PICTURE_OK;
  return tn_refuse(s->reading, TENON_PICTURE_DAMAGED,
                   "%zu bytes of JPEG 2000 promise %lld pixels of %u components", s->reading->count,
                   (long long)pixels, image->numcomps);
}

static int32_t decode(source *s, opj_codec_t *codec, opj_stream_t *stream) {
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  opj_set_error_handler(codec, note_error, s);
  opj_image_t *image = NULL;
  if (!opj_setup_decoder(codec, &parameters) || !opj_read_header(stream, codec, &image))
    return damaged(s);
  int32_t code = check_size(s, image);
  if (!code)
    code = opj_decode(codec, stream, image) && opj_end_decompress(codec, stream)
               ? copy_pixels(s, image)
               : damaged(s);
  opj_image_destroy(image);
  return code;
}

int32_t tn_read_jpeg2000(tn_reading *r) {
  source s = {.reading = r};
  opj_stream_t *stream = open_stream(&s);
  opj_codec_t *codec = opj_create_decompress(r->bytes[0] ? OPJ_CODEC_J2K : OPJ_CODEC_JP2);
  int32_t code = stream && codec
                     ? decode(&s, codec, stream)
                     : tn_refuse(r, TENON_PICTURE_NO_MEMORY, "no memory to decode JPEG 2000");
  opj_destroy_codec(codec);
  opj_stream_destroy(stream);
  return code;
}
