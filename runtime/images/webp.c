/* WebP, with libwebp. Of an animation the first picture. */
#include "runtime/images/formats.h"

#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

static int32_t damaged(tn_reading *r) {
  return tn_refuse(r, TENON_PICTURE_DAMAGED, "the WebP picture cannot be decoded");
}

static int32_t read_still(tn_reading *r, const WebPBitstreamFeatures *features) {
  bool keeps_alpha = r->wanted == 4;
  int32_t code = tn_make_samples(r, features->height, features->width, keeps_alpha ? 4 : 3);
  if (code)
    return code;
  int stride = features->width * r->picture.channels;
  size_t size = (size_t)stride * (size_t)features->height;
  uint8_t *samples = keeps_alpha
                         ? WebPDecodeRGBAInto(r->bytes, r->count, r->picture.samples, size, stride)
                         : WebPDecodeRGBInto(r->bytes, r->count, r->picture.samples, size, stride);
  return samples ? TENON_PICTURE_OK : damaged(r);
}

static int32_t read_first(tn_reading *r, const WebPBitstreamFeatures *features) {
  int32_t code = tn_make_samples(r, features->height, features->width, r->wanted == 4 ? 4 : 3);
  if (code)
    return code;
  WebPData data = {r->bytes, r->count};
  WebPAnimDecoder *decoder = WebPAnimDecoderNew(&data, NULL);
  uint8_t *pixels = NULL;
  int time;
  bool is_read = decoder && WebPAnimDecoderGetNext(decoder, &pixels, &time);
  int32_t channels = r->picture.channels;
  for (int64_t i = 0; is_read && i < r->picture.height * r->picture.width; ++i)
    memcpy(r->picture.samples + i * channels, pixels + 4 * i, (size_t)channels);
  WebPAnimDecoderDelete(decoder);
  return is_read ? TENON_PICTURE_OK : damaged(r);
}

int32_t tn_read_webp(tn_reading *r) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(r->bytes, r->count, &features) != VP8_STATUS_OK)
    return damaged(r);
  return features.has_animation ? read_first(r, &features) : read_still(r, &features);
}
