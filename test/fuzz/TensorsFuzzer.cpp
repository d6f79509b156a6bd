// Feeds the readers of input files (.npy, .npz, .pb, .png, .jpg) with bytes that are nearly such
// files: the outcome is a tensor of the size that its type says, or an error.
#include "lib/Target/Runner/npy.h"
#include "lib/Tensors/Image.h"
#include "lib/Tensors/Npy.h"
#include "test/fuzz/FuzzFile.h"

#include <chrono>
#include <cstdlib>

using namespace tenon;

static void check(const Tensor &tensor) {
  size_t size = tensor.dtype == TENON_STRING ? tensor.strings.size() : tensor.bytes.size();
  int64_t wanted = tensor.dtype == TENON_STRING
                       ? tensor.numElements()
                       : tenon_tensor_bytes(tensor.dtype, static_cast<int32_t>(tensor.dims.size()),
                                            tensor.dims.data());
  if (static_cast<int64_t>(size) != wanted)
    __builtin_trap();
}

template <typename T> static void take(llvm::Expected<T> result, void (*use)(const T &)) {
  if (result)
    use(*result);
  else if (llvm::toString(result.takeError()).empty())
    __builtin_trap(); // failing without a word
}

/// What executables of --emit=exe read their inputs with.
static void readWithRunner(const std::string &path) {
  npy_array array{};
  if (npy_read(path.c_str(), &array) == nullptr)
    std::free(array.data);
}

static void read(const uint8_t *data, size_t size) {
  llvm::StringRef bytes(reinterpret_cast<const char *>(data), size);
  fuzz::FuzzFile file(data, size);
  if (bytes.starts_with("\x93NUMPY")) {
    take<Tensor>(readNpyFile(file.path()), check);
    readWithRunner(file.path());
  } else if (bytes.starts_with("PK")) {
    take<std::vector<NamedTensor>>(readNpzFile(file.path()), [](const auto &tensors) {
      for (const NamedTensor &named : tensors)
        check(named.tensor);
    });
  } else if (bytes.starts_with("\x89PNG") || bytes.starts_with("\xff\xd8") ||
             bytes.starts_with("BM") || bytes.starts_with("P") || bytes.starts_with("RIFF")) {
    ImageOptions options;
    options.layout = ImageLayout::ChannelsFirst;
    take<Tensor>(readImageTensor(file.path(), TENON_FLOAT, {1, 3, 5, 4}, options), check);
  } else {
    // Which message a file holds is for the model to say.
    for (std::vector<int32_t> kinds :
         std::initializer_list<std::vector<int32_t>>{{},
                                                     {TENON_SEQUENCE},
                                                     {TENON_SEQUENCE, TENON_MAP},
                                                     {TENON_OPTIONAL},
                                                     {TENON_OPTIONAL, TENON_SEQUENCE},
                                                     {TENON_MAP}})
      take<NamedValue>(readProtoFile(file.path(), kinds), [](const NamedValue &named) {
        Value value = named.value;
        value.forEachTensor([](Tensor &tensor) { check(tensor); });
      });
  }
}

/// A header of some bytes may make a picture of a hundred million pixels, rightly; but then it is
/// no seed of others (-1), which would all take seconds.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto start = std::chrono::steady_clock::now();
  read(data, size);
  return std::chrono::steady_clock::now() - start > std::chrono::milliseconds(200) ? -1 : 0;
}
