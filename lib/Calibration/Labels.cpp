// The classes of samples (see the header).

#include "lib/Calibration/Labels.h"
#include "lib/Tensors/ArrayFile.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Path.h"

namespace tenon::quantize {

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

llvm::Expected<std::vector<int64_t>> readLabels(const Tensor &tensor, llvm::StringRef origin) {
  if (isFloatingPoint(tensor.dtype) || tensor.dtype == TENON_STRING)
    return makeError(origin + ": labels are integers, not " + describeTensorType(tensor));
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < tensor.numElements(); ++i)
    labels.push_back(static_cast<int64_t>(tensor.element(i)));
  return labels;
}

/// Labels by the names of files, with or without their folders.
static llvm::Expected<std::vector<int64_t>> orderByFile(const llvm::StringMap<int64_t> &byName,
                                                        llvm::StringRef path,
                                                        llvm::ArrayRef<std::string> files) {
  std::vector<int64_t> labels;
  for (llvm::StringRef file : files) {
    auto entry = byName.find(file);
    if (entry == byName.end())
      entry = byName.find(llvm::sys::path::filename(file));
    if (entry == byName.end())
      return makeError(path + ": has no label for '" + file + "'");
    labels.push_back(entry->second);
  }
  return labels;
}

static llvm::Expected<std::vector<int64_t>> readLabelText(llvm::StringRef path,
                                                          llvm::ArrayRef<std::string> files) {
  auto text = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!text)
    return makeError(path + ": cannot be read: " + text.getError().message());
  llvm::SmallVector<llvm::StringRef> lines;
  (*text)->getBuffer().split(lines, '\n');
  std::vector<int64_t> ordered;
  llvm::StringMap<int64_t> byName;
  for (auto [number, line] : llvm::enumerate(lines)) {
    line = line.trim();
    if (line.empty())
      continue;
    size_t end = line.find_last_of(" \t,");
    llvm::StringRef name = end == llvm::StringRef::npos ? "" : line.take_front(end).rtrim(" \t,");
    int64_t label = 0;
    if (line.substr(end + 1).getAsInteger(10, label))
      return makeError(path + ":" + llvm::Twine(number + 1) + ": expected a label, found '" + line +
                       "'");
    if (name.empty())
      ordered.push_back(label);
    else
      byName[name] = label;
  }
  if (byName.empty())
    return ordered;
  if (!ordered.empty())
    return makeError(path + ": some lines name files, and others do not");
  return orderByFile(byName, path, files);
}

llvm::Expected<std::vector<int64_t>> readLabelFile(llvm::StringRef path,
                                                   llvm::ArrayRef<std::string> files) {
  llvm::StringRef extension = llvm::sys::path::extension(path);
  if (!extension.equals_insensitive(".npy") && !extension.equals_insensitive(".npz"))
    return readLabelText(path, files);
  llvm::Expected<std::vector<FileArray>> arrays = FileArray::open(path);
  if (!arrays)
    return arrays.takeError();
  if (arrays->size() != 1)
    return makeError(path + ": has " + llvm::Twine(arrays->size()) + " arrays, not one");
  return readLabels(arrays->front().readAll(), path);
}

} // namespace tenon::quantize
