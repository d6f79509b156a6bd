/* JPEG, with libjpeg-turbo: its exact inverse transform and the linear interpolation of colours
 * that ONNX asks for are its defaults. */
#include "runtime/images/formats.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
/* Codes of messages; needs jpeglib.h. */
#include <jerror.h>

/* libjpeg reports errors by a call that must not return. */
typedef struct errors {
  struct jpeg_error_mgr base;
  jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
} errors;

static void escape_error(j_common_ptr info) {
  errors *e = (errors *)info->err;
  info->err->format_message(info, e->message);
  longjmp(e->escape, 1);
}

/* A warning, or with a level above 0 what nobody wants to know. Bytes between the parts of a file
 * are harmless; but where data ends or is no code of the format, libjpeg would go on with grey, for
 * as long as the size in a damaged header says. */
static void note_warning(j_common_ptr info, int level) {
  int code = info->err->msg_code;
  bool is_damage = code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE ||
                   code == JWRN_ARITH_BAD_CODE || code == JWRN_MUST_RESYNC;
  if (level < 0 && is_damage)
    escape_error(info);
}

/* Inks that Adobe's programs write inverted, as what they let through. */
static void convert_inks(uint8_t *pixels, int64_t count, bool is_inverted) {
  for (int64_t i = 0; i < count; ++i) {
    const uint8_t *inks = pixels + 4 * i;
    uint32_t k = is_inverted ? inks[3] : 255u - inks[3];
    for (int c = 0; c < 3; ++c)
      pixels[3 * i + c] = (uint8_t)((is_inverted ? inks[c] : 255u - inks[c]) * k / 255);
  }
}

static int32_t read_rows(tn_reading *r, struct jpeg_decompress_struct *jpeg) {
  int32_t code =
      tn_make_samples(r, jpeg->output_height, jpeg->output_width, (int32_t)jpeg->output_components);
  while (!code && jpeg->output_scanline < jpeg->output_height) {
    JSAMPROW row = tn_row(r, jpeg->output_scanline);
    jpeg_read_scanlines(jpeg, &row, 1);
  }
  if (!code)
    jpeg_finish_decompress(jpeg);
  return code;
}

/* What is changed here and read after a jump lies in `r` and `jpeg`. */
static int32_t read_file(tn_reading *r, struct jpeg_decompress_struct *jpeg, errors *e) {
  if (setjmp(e->escape))
    return tn_refuse(r, TENON_PICTURE_DAMAGED, "the JPEG picture cannot be decoded: %s",
                     e->message);
  jpeg_create_decompress(jpeg);
  jpeg_mem_src(jpeg, r->bytes, r->count);
  jpeg_read_header(jpeg, TRUE);
  bool has_inks = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
  jpeg->out_color_space = jpeg->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE
                          : has_inks                              ? JCS_CMYK
                                                                  : JCS_RGB;
  jpeg_start_decompress(jpeg);
  int32_t code = read_rows(r, jpeg);
  if (!code && has_inks) {
    convert_inks(r->picture.samples, r->picture.height * r->picture.width, jpeg->saw_Adobe_marker);
    r->picture.channels = 3;
  }
  return code;
}

int32_t tn_read_jpeg(tn_reading *r) {
  struct jpeg_decompress_struct jpeg;
  errors e;
  memset(&jpeg, 0, sizeof jpeg);
  jpeg.err = jpeg_std_error(&e.base);
  e.base.error_exit = escape_error;
  e.base.emit_message = note_warning;
  int32_t code = read_file(r, &jpeg, &e);
  jpeg_destroy_decompress(&jpeg);
  return code;
}
