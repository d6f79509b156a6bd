// Models without their weights (see the header).

#include "lib/Editing/LightModel.h"
#include "lib/Support/Files.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;

namespace tenon {

/// Smaller constants stay in the message.
static constexpr size_t leastBytes = 1 << 12;
static constexpr StringLiteral dataName = "weights";

void LightModel::Remove::operator()(const std::string *folder) const {
  sys::fs::remove_directories(*folder);
  delete folder;
}

static bool isExternal(const onnx::TensorProto &tensor) {
  return tensor.data_location() == onnx::TensorProto::EXTERNAL;
}

/// Moves the elements of a tensor to the end of the file.
static Error putOut(onnx::TensorProto &tensor, OutputFile &file, uint64_t &size) {
  constexpr uint64_t alignment = 64;
  uint64_t offset = alignTo(size, alignment);
  const std::string &elements = tensor.raw_data();
  if (Error error = file.write(ArrayRef(elements.data(), elements.size()), offset))
    return error;
  size = offset + elements.size();
  auto addEntry = [&](const char *key, const std::string &value) {
    onnx::StringStringEntryProto &entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  };
  addEntry("location", dataName.str());
  addEntry("offset", std::to_string(offset));
  tensor.clear_raw_data();
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  return Error::success();
}

Expected<LightModel> LightModel::create(const std::shared_ptr<ModelFile> &model) {
  LightModel result(model);
  if (any_of(model->graph().initializer(), isExternal))
    return std::move(result);
  SmallString<128> folder;
  if (std::error_code error = sys::fs::createUniqueDirectory("tenon", folder))
    return makeError("cannot make a temporary directory: " + error.message());
  result.folder.reset(new std::string(folder));
  Expected<OutputFile> file = OutputFile::create((folder + "/" + dataName).str());
  if (!file)
    return file.takeError();
  uint64_t size = 0;
  onnx::ModelProto light = model->proto();
  for (onnx::TensorProto &tensor : *light.mutable_graph()->mutable_initializer())
    if (tensor.raw_data().size() >= leastBytes)
      if (Error error = putOut(tensor, *file, size))
        return std::move(error);
  if (Error error = file->commit(/*executable=*/false))
    return std::move(error);
  Expected<std::shared_ptr<ModelFile>> made =
      ModelFile::create(std::move(light), model->name(), folder);
  if (!made)
    return made.takeError();
  result.model = std::move(*made);
  return std::move(result);
}

} // namespace tenon
