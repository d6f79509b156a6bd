// An ONNX model in memory: the parsed protobuf message and what it refers to.
//
// Reading never trusts the file. Every failure is an llvm::Error whose text starts with the file's
// name. Large constants of the imported module point into a ModelFile and share its ownership, so
// weights exist once, however long the module lives.

#ifndef TENON_LIB_IMPORTER_MODELFILE_H
#define TENON_LIB_IMPORTER_MODELFILE_H

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <onnx/onnx_pb.h>

namespace tenon {

/// Graphs in attributes of nodes of graphs in ... deeper than this are refused, which bounds the
/// recursion of everything that walks a model.
inline constexpr int maxSubgraphDepth = 64;

class ModelFile {
public:
  /// Reads and checks the file at `path`.
  static llvm::Expected<std::shared_ptr<ModelFile>> open(llvm::StringRef path);

  /// Checks a model in memory. `name` is used in messages; external data is looked for in `folder`,
  /// and refused when there is none.
  static llvm::Expected<std::shared_ptr<ModelFile>>
  parse(llvm::StringRef bytes, llvm::StringRef name = "model", llvm::StringRef folder = "");

  /// Checks a message that was made or changed in memory. `name` and `folder` are as above.
  static llvm::Expected<std::shared_ptr<ModelFile>>
  create(onnx::ModelProto model, llvm::StringRef name, llvm::StringRef folder = "");

  const onnx::ModelProto &proto() const { return model; }
  const onnx::GraphProto &graph() const { return model.graph(); }
  /// The path as the user gave it.
  llvm::StringRef name() const { return displayName; }
  /// Where external data is looked for; empty if nowhere.
  llvm::StringRef getFolder() const { return folder; }
  /// XXH3-64 of the file's bytes, external data not included.
  uint64_t checksum() const { return digest; }
  int64_t irVersion() const { return model.ir_version(); }

  /// `length` bytes of a file in the model's folder (up to its end if `length` is nullopt). They
  /// stay mapped as long as the ModelFile lives.
  llvm::Expected<llvm::ArrayRef<char>> externalData(llvm::StringRef location, uint64_t offset,
                                                    std::optional<uint64_t> length);
  /// The elements of a tensor whose data_location is EXTERNAL: `bytes` of them, or an error.
  llvm::Expected<llvm::ArrayRef<char>> externalElements(const onnx::TensorProto &tensor,
                                                        uint64_t bytes);

private:
  ModelFile(llvm::StringRef name, llvm::StringRef folder)
      : displayName(name.str()), folder(folder.str()) {}

  llvm::Error check() const;
  llvm::Expected<llvm::MemoryBuffer *> mapExternalFile(llvm::StringRef location);

  std::string displayName, folder;
  uint64_t digest = 0;
  onnx::ModelProto model;
  llvm::StringMap<std::unique_ptr<llvm::MemoryBuffer>> externalFiles;
};

/// Why `bytes` do not parse as `message`: truncated, not protobuf at all, or nested too deeply.
std::string diagnoseParseFailure(llvm::StringRef bytes,
                                 const google::protobuf::Descriptor *message);

/// An error that says `message`.
llvm::Error makeError(const llvm::Twine &message);

} // namespace tenon

#endif
