// Arrays that stay in their file (see the header): the file is mapped, and rows are copied from
// there. Pages that were read do not stay in memory.

#include "lib/Tensors/ArrayFile.h"
#include "lib/Support/Files.h"
#include "lib/Tensors/Npy.h"
#include "lib/Tensors/Zip.h"
#include "llvm/Support/Path.h"

namespace tenon {

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

Tensor FileArray::read(std::vector<int64_t> shape, size_t offset) const {
  Tensor tensor;
  tensor.dtype = dtype;
  tensor.dims = std::move(shape);
  if (dtype == TENON_STRING) {
    auto begin = whole->strings.begin() + static_cast<int64_t>(offset);
    tensor.strings.assign(begin, begin + tensor.numElements());
    return tensor;
  }
  size_t width = static_cast<size_t>(tenon_dtype_bits(dtype)) / 8;
  const char *begin = elements.data() + offset * width;
  tensor.bytes.assign(begin, begin + tensor.numElements() * width);
  if (memory)
    releasePages(*memory);
  return tensor;
}

Tensor FileArray::readAll() const { return read(dims, 0); }

Tensor FileArray::readRows(int64_t first, int64_t count) const {
  std::vector<int64_t> shape = dims;
  shape[0] = 1;
  size_t rowElements = 1;
  for (int64_t dim : shape)
    rowElements *= dim;
  shape[0] = count;
  return read(std::move(shape), first * rowElements);
}

llvm::Expected<FileArray> FileArray::create(llvm::StringRef name,
                                            std::shared_ptr<llvm::MemoryBuffer> memory,
                                            llvm::StringRef bytes) {
  llvm::Expected<std::optional<NpyLayout>> layout = findNpyElements(bytes);
  if (!layout)
    return layout.takeError();
  FileArray array;
  array.name = name.str();
  if (*layout) {
    array.dtype = (*layout)->dtype;
    array.dims = std::move((*layout)->dims);
    array.memory = std::move(memory);
    array.elements = bytes.drop_front((*layout)->offset);
    return array;
  }
  llvm::Expected<Tensor> tensor = parseNpy(bytes);
  if (!tensor)
    return tensor.takeError();
  array.dtype = tensor->dtype;
  array.dims = tensor->dims;
  array.whole = std::make_shared<const Tensor>(std::move(*tensor));
  array.elements = {array.whole->bytes.data(), array.whole->bytes.size()};
  return array;
}

/// Maps what an entry of an archive contains.
static llvm::Expected<std::shared_ptr<llvm::MemoryBuffer>> unpack(const ZipMember &member) {
  llvm::Expected<FileHandle> file = createScratchFile("");
  if (!file)
    return file.takeError();
  uint64_t end = 0;
  llvm::Error error = unpackZipMember(member, [&](llvm::ArrayRef<char> piece) {
    end += piece.size();
    return writeAt(file->get(), piece, end - piece.size());
  });
  if (error)
    return std::move(error);
  auto buffer = llvm::MemoryBuffer::getOpenFile(file->get(), member.name, end,
                                                /*RequiresNullTerminator=*/false);
  if (!buffer)
    return makeError("cannot be unpacked: " + buffer.getError().message());
  return std::shared_ptr<llvm::MemoryBuffer>(std::move(*buffer));
}

llvm::Expected<std::vector<FileArray>> FileArray::open(llvm::StringRef path) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return makeError(path + ": cannot be read: " + file.getError().message());
  std::shared_ptr<llvm::MemoryBuffer> memory = std::move(*file);
  std::vector<FileArray> arrays;
  if (!llvm::sys::path::extension(path).equals_insensitive(".npz")) {
    llvm::Expected<FileArray> array = create("", memory, memory->getBuffer());
    if (!array)
      return makeError(path + ": " + llvm::toString(array.takeError()));
    arrays.push_back(std::move(*array));
    return arrays;
  }
  llvm::Expected<std::vector<ZipMember>> members = listZip(memory->getBuffer());
  if (!members)
    return makeError(path + ": " + llvm::toString(members.takeError()));
  for (const ZipMember &member : *members) {
    llvm::StringRef name = member.name;
    if (!name.consume_back(".npy"))
      continue;
    auto fail = [&](llvm::Error error) {
      return makeError(path + ": array '" + name + "' " + llvm::toString(std::move(error)));
    };
    std::shared_ptr<llvm::MemoryBuffer> contents = memory;
    llvm::StringRef bytes = member.packed;
    if (member.isStored) {
      auto ignore = [](llvm::ArrayRef<char>) { return llvm::Error::success(); };
      if (llvm::Error error = unpackZipMember(member, ignore))
        return fail(std::move(error));
      releasePages(*memory);
    } else {
      auto unpacked = unpack(member);
      if (!unpacked)
        return fail(unpacked.takeError());
      contents = std::move(*unpacked);
      bytes = contents->getBuffer();
    }
    llvm::Expected<FileArray> array = create(name, std::move(contents), bytes);
    if (!array)
      return fail(array.takeError());
    arrays.push_back(std::move(*array));
  }
  return arrays;
}

} // namespace tenon
