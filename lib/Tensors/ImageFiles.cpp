// Decoding of PNG and JPEG with the system's libraries.

#include "lib/Tensors/Image.h"
#include "llvm/Support/MemoryBuffer.h"
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <jpeglib.h>
// Codes of messages; needs jpeglib.h.
#include <jerror.h>
#include <png.h>

namespace tenon {

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

/// More pixels than this are no picture but an attack on memory.
static constexpr int64_t maxPixels = int64_t(1) << 28;

static Image makeImage(int64_t width, int64_t height, int64_t channels,
                       const std::vector<uint8_t> &samples) {
  return {width, height, channels, std::vector<float>(samples.begin(), samples.end())};
}

static llvm::Expected<Image> decodePng(llvm::StringRef bytes, int64_t channels) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()))
    return makeError(png.message);
  if (int64_t(png.width) * png.height > maxPixels) {
    png_image_free(&png);
    return makeError("the image is too large");
  }
  png.format = channels == 1 ? PNG_FORMAT_GRAY : channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_RGBA;
  std::vector<uint8_t> samples(PNG_IMAGE_SIZE(png));
  png_color black{};
  if (!png_image_finish_read(&png, &black, samples.data(), 0, nullptr)) {
    std::string message = png.message;
    png_image_free(&png);
    return makeError(message);
  }
  return makeImage(png.width, png.height, channels, samples);
}

namespace {

/// libjpeg reports errors by a call that must not return.
struct JpegErrors {
  jpeg_error_mgr base;
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
};

/// Decoded rows, in memory that a jump past destructors does not lose.
struct JpegTarget {
  const char *bytes;
  size_t size;
  J_COLOR_SPACE colors;
  uint8_t *samples = nullptr;
  int64_t width = 0, height = 0;
};

} // namespace

static void escapeJpegError(j_common_ptr info) {
  auto *errors = reinterpret_cast<JpegErrors *>(info->err);
  info->err->format_message(info, errors->message);
  std::longjmp(errors->escape, 1);
}

/// A warning, or with a level above 0 what nobody wants to know. Bytes between the parts of a file
/// are harmless; but where data ends or is no code of the format, libjpeg would go on with grey,
/// for as long as the size in a damaged header says.
static void noteJpegWarning(j_common_ptr info, int level) {
  int code = info->err->msg_code;
  bool isDamage = code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE ||
                  code == JWRN_ARITH_BAD_CODE || code == JWRN_MUST_RESYNC;
  if (level < 0 && isDamage)
    escapeJpegError(info);
}

/// No object with a destructor may live here: an error jumps out.
static bool readJpeg(jpeg_decompress_struct &jpeg, JpegErrors &errors, JpegTarget &target) {
  if (setjmp(errors.escape))
    return false;
  jpeg_create_decompress(&jpeg);
  jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char *>(target.bytes), target.size);
  jpeg_read_header(&jpeg, TRUE);
  if (int64_t(jpeg.image_width) * jpeg.image_height > maxPixels) {
    std::strcpy(errors.message, "the image is too large");
    return false;
  }
  jpeg.out_color_space = target.colors;
  jpeg_start_decompress(&jpeg);
  target.width = jpeg.output_width;
  target.height = jpeg.output_height;
  size_t rowSize = size_t(jpeg.output_width) * jpeg.output_components;
  target.samples = static_cast<uint8_t *>(std::malloc(rowSize * jpeg.output_height + 1));
  if (!target.samples) {
    std::strcpy(errors.message, "out of memory");
    return false;
  }
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = target.samples + rowSize * jpeg.output_scanline;
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_decompress(&jpeg);
  return true;
}

static llvm::Expected<Image> decodeJpeg(llvm::StringRef bytes, int64_t channels) {
  jpeg_decompress_struct jpeg{};
  JpegErrors errors{};
  jpeg.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = escapeJpegError;
  errors.base.emit_message = noteJpegWarning;
  JpegTarget target{bytes.data(), bytes.size(),
                    channels == 1   ? JCS_GRAYSCALE
                    : channels == 3 ? JCS_RGB
                                    : JCS_EXT_RGBA};
  bool read = readJpeg(jpeg, errors, target);
  jpeg_destroy_decompress(&jpeg);
  Image image;
  if (read)
    image = {target.width, target.height, channels,
             std::vector<float>(target.samples,
                                target.samples + target.width * target.height * channels)};
  std::free(target.samples);
  if (!read)
    return makeError(errors.message);
  return image;
}

llvm::Expected<Image> readImageFile(llvm::StringRef path, int64_t channels) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return makeError(path + ": cannot be read: " + file.getError().message());
  llvm::StringRef bytes = (*file)->getBuffer();
  llvm::Expected<Image> image = Image();
  if (bytes.starts_with("\x89PNG"))
    image = decodePng(bytes, channels);
  else if (bytes.starts_with("\xff\xd8"))
    image = decodeJpeg(bytes, channels);
  else
    return makeError(path + ": is neither a PNG nor a JPEG image");
  if (!image)
    return makeError(path + ": cannot be decoded: " + llvm::toString(image.takeError()));
  return image;
}

} // namespace tenon
