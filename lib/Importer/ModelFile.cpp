// Reading and checking ONNX files (see the header).
//
// The message is parsed from a stream of small blocks rather than from a mapping, so that at no
// time both the file and the message are resident.

#include "lib/Importer/ModelFile.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"
#include <fcntl.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <limits>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;
namespace io = google::protobuf::io;

namespace tenon {

/// ONNX 1.23 writes IR version 14.
static constexpr int64_t maxIrVersion = 14;
/// Each subgraph is three messages deep (graph, node, attribute); the rest is for types and slack.
static constexpr int maxMessageDepth = 3 * maxSubgraphDepth + 40;

Error makeError(const Twine &message) { return createStringError(message); }

/// protobuf prints what it dislikes to stderr; our own messages say more.
static void silenceProtobuf() {
  [[maybe_unused]] static bool once = [] {
    google::protobuf::SetLogHandler(nullptr);
    return true;
  }();
}

static bool parseStream(io::ZeroCopyInputStream &stream, onnx::ModelProto &model) {
  silenceProtobuf();
  io::CodedInputStream coded(&stream);
  coded.SetRecursionLimit(maxMessageDepth);
  coded.SetTotalBytesLimit(std::numeric_limits<int>::max());
  return model.ParseFromCodedStream(&coded) && coded.ConsumedEntireMessage();
}

static std::string systemError() { return std::generic_category().message(errno); }

namespace {
struct FileDescriptor {
  int value;
  ~FileDescriptor() {
    if (value >= 0)
      ::close(value);
  }
};
} // namespace

Expected<std::shared_ptr<ModelFile>> ModelFile::open(StringRef path) {
  std::string name = path.str();
  FileDescriptor file{::open(name.c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat status;
  if (file.value < 0 || ::fstat(file.value, &status) != 0)
    return makeError(name + ": cannot be opened: " + systemError());
  if (S_ISDIR(status.st_mode))
    return makeError(name + ": is a directory, not an ONNX file");
  if (S_ISREG(status.st_mode) && status.st_size == 0)
    return makeError(name + ": the file is empty");
  if (status.st_size > std::numeric_limits<int>::max())
    return makeError(name + ": is larger than 2 GiB, the limit of the format; models of this size "
                            "keep their weights in external data");

  StringRef folder = sys::path::parent_path(path);
  std::shared_ptr<ModelFile> model(new ModelFile(path, folder.empty() ? "." : folder));
  io::FileInputStream stream(file.value, 1 << 20);
  if (!parseStream(stream, model->model)) {
    if (stream.GetErrno())
      return makeError(name +
                       ": cannot be read: " + std::generic_category().message(stream.GetErrno()));
    auto bytes = MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
    if (!bytes)
      return makeError(name + ": cannot be read: " + bytes.getError().message());
    return makeError(name + ": not a valid ONNX file: " +
                     diagnoseParseFailure((*bytes)->getBuffer(), onnx::ModelProto::descriptor()));
  }
  if (auto bytes = MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false))
    model->digest = xxh3_64bits((*bytes)->getBuffer());
  if (Error error = model->check())
    return error;
  return model;
}

Expected<std::shared_ptr<ModelFile>> ModelFile::parse(StringRef bytes, StringRef name,
                                                      StringRef folder) {
  if (bytes.empty())
    return makeError(name + ": the model is empty");
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max()))
    return makeError(name + ": is larger than 2 GiB, the limit of the format");
  std::shared_ptr<ModelFile> model(new ModelFile(name, folder));
  io::ArrayInputStream stream(bytes.data(), bytes.size());
  if (!parseStream(stream, model->model))
    return makeError(name + ": not a valid ONNX model: " +
                     diagnoseParseFailure(bytes, onnx::ModelProto::descriptor()));
  model->digest = xxh3_64bits(bytes);
  if (Error error = model->check())
    return error;
  return model;
}

Expected<std::shared_ptr<ModelFile>> ModelFile::create(onnx::ModelProto model, StringRef name,
                                                       StringRef folder) {
  std::shared_ptr<ModelFile> file(new ModelFile(name, folder));
  file->model = std::move(model);
  std::string bytes;
  if (!file->model.SerializeToString(&bytes))
    return makeError(name + ": is larger than 2 GiB, the limit of the format");
  file->digest = xxh3_64bits(bytes);
  if (Error error = file->check())
    return error;
  return file;
}

Error ModelFile::check() const {
  auto fail = [&](const Twine &reason) { return makeError(displayName + ": " + reason); };
  if (!model.has_graph()) {
    if (!model.has_ir_version() && model.opset_import().empty())
      return fail("not an ONNX model: it has neither a graph nor an IR version");
    return fail("the model has no graph");
  }
  int64_t version = model.ir_version();
  if (!model.has_ir_version())
    return fail("the model has no IR version");
  if (version < 1 || version > maxIrVersion)
    return fail("IR version " + Twine(version) + " is not supported, only 1 to " +
                Twine(maxIrVersion));
  if (version >= 3 && model.opset_import().empty())
    return fail("the model has no opset_import: it does not say which operator versions it uses");
  StringMap<int64_t> versions;
  for (const onnx::OperatorSetIdProto &opset : model.opset_import()) {
    StringRef domain = opset.domain() == "ai.onnx" ? StringRef() : StringRef(opset.domain());
    if (opset.version() < 1)
      return fail("opset_import of domain '" + domain + "' has version " + Twine(opset.version()));
    auto [entry, isNew] = versions.try_emplace(domain, opset.version());
    if (!isNew && entry->second != opset.version())
      return fail("opset_import names domain '" + domain + "' with versions " +
                  Twine(entry->second) + " and " + Twine(opset.version()));
  }
  return Error::success();
}

/// The location must name a file inside the folder once all symbolic links are resolved. The check
/// is made on the resolved path, which is then opened without following a link put there since.
Expected<MemoryBuffer *> ModelFile::mapExternalFile(StringRef location) {
  auto known = externalFiles.find(location);
  if (known != externalFiles.end())
    return known->second.get();
  std::string quoted = "external data file '" + location.str() + "' ";
  if (folder.empty())
    return makeError(quoted + "cannot be read: a model in memory has no folder");
  if (location.empty())
    return makeError("external data has no location");
  if (location.contains('\0'))
    return makeError(quoted + "has a null character in its name");
  if (sys::path::is_absolute(location))
    return makeError(quoted + "is an absolute path; it must be inside the model's folder");
  for (StringRef part : make_range(sys::path::begin(location), sys::path::end(location)))
    if (part == "..")
      return makeError(quoted + "points outside the model's folder");

  SmallString<256> realFolder, realPath, path(folder);
  sys::path::append(path, location);
  if (std::error_code error = sys::fs::real_path(folder, realFolder))
    return makeError(quoted + "cannot be opened: " + error.message());
  if (std::error_code error = sys::fs::real_path(path, realPath))
    return makeError(quoted + "cannot be opened: " + error.message());
  StringRef rest = realPath;
  if (!rest.consume_front(realFolder) || !(rest.starts_with("/") || realFolder == "/"))
    return makeError(quoted + "points outside the model's folder");

  FileDescriptor file{::open(realPath.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  struct stat status;
  if (file.value < 0 || ::fstat(file.value, &status) != 0)
    return makeError(quoted + "cannot be opened: " + systemError());
  if (!S_ISREG(status.st_mode))
    return makeError(quoted + "is not a regular file");
  auto buffer = MemoryBuffer::getOpenFile(sys::fs::convertFDToNativeFile(file.value), realPath,
                                          status.st_size, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return makeError(quoted + "cannot be mapped: " + buffer.getError().message());
  return (externalFiles[location] = std::move(*buffer)).get();
}

Expected<ArrayRef<char>> ModelFile::externalData(StringRef location, uint64_t offset,
                                                 std::optional<uint64_t> length) {
  Expected<MemoryBuffer *> buffer = mapExternalFile(location);
  if (!buffer)
    return buffer.takeError();
  uint64_t size = (*buffer)->getBufferSize();
  uint64_t wanted = length.value_or(offset <= size ? size - offset : 0);
  if (offset > size || wanted > size - offset)
    return makeError("external data file '" + location + "' is too short: it has " + Twine(size) +
                     " bytes, but " + Twine(wanted) + " are needed from offset " + Twine(offset));
  return ArrayRef<char>((*buffer)->getBufferStart() + offset, wanted);
}

Expected<ArrayRef<char>> ModelFile::externalElements(const onnx::TensorProto &tensor,
                                                     uint64_t bytes) {
  StringRef location;
  uint64_t offset = 0;
  std::optional<uint64_t> length;
  for (const onnx::StringStringEntryProto &entry : tensor.external_data()) {
    uint64_t value = 0;
    if (entry.key() == "location") {
      location = entry.value();
    } else if (entry.key() == "offset" || entry.key() == "length") {
      if (StringRef(entry.value()).getAsInteger(10, value))
        return makeError("external data has the bad " + entry.key() + " '" + entry.value() + "'");
      if (entry.key() == "offset")
        offset = value;
      else
        length = value;
    }
  }
  if (length && *length != bytes)
    return makeError("external data has length " + Twine(*length) + ", but the shape needs " +
                     Twine(bytes) + " bytes");
  return externalData(location, offset, bytes);
}

} // namespace tenon
