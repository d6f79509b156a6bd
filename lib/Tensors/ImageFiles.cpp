// Reading of files with the library that decodes pictures for models (runtime/images).

#include "lib/Tensors/Image.h"
#include "runtime/images/images.h"
#include "llvm/Support/MemoryBuffer.h"

namespace tenon {

llvm::Expected<Image> readImageFile(llvm::StringRef path, int64_t channels) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return llvm::createStringError(path + ": cannot be read: " + file.getError().message());
  llvm::StringRef bytes = (*file)->getBuffer();
  tenon_picture picture;
  char why[256] = "";
  if (tenon_read_picture(bytes.data(), bytes.size(), static_cast<int32_t>(channels), &picture, why,
                         sizeof why))
    return llvm::createStringError(path + ": " + why);
  int64_t count = picture.height * picture.width * channels;
  Image image = {picture.width, picture.height, channels,
                 std::vector<float>(picture.samples, picture.samples + count)};
  std::free(picture.samples);
  return image;
}

} // namespace tenon
