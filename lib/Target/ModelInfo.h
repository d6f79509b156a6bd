// What the rest of the compiler tells lib/Target about a model: its signature and, for each
// instruction set it was compiled for, its kernels and buffers. Plain data, mirrored by the tables
// of runtime/abi.h.
#ifndef TENON_LIB_TARGET_MODELINFO_H
#define TENON_LIB_TARGET_MODELINFO_H

#include "dialects/Target/TargetInterfaces.h"
#include <cstdint>
#include <string>
#include <vector>

namespace tenon {

/// A dimension: constant (value >= 0), or the symbol of that number, or free (both -1).
struct DimInfo {
  int64_t value = -1;
  int32_t symbol = -1;
};

struct TensorInfo {
  std::string name;
  int32_t dtype = 0; // ONNX's TensorProto.DataType
  std::vector<DimInfo> dims;
  /// What is around the tensor, from the outside in (TENON_KIND_* in runtime/abi.h), and how to
  /// take the fields above then.
  std::vector<int32_t> kinds;
  bool hasRank = true;
  int32_t keyDtype = 0; // of maps
  /// The keys of a table of maps; the others stay empty.
  std::vector<int64_t> integerKeys;
  std::vector<std::string> stringKeys;
};

/// Numbers of an input and of the output that is its next value.
struct StateInfo {
  int32_t input = 0, output = 0;
};

struct KernelInfo {
  std::string name;  // also the name of the kernel's function, unique within a variant
  std::string nodes; // the ONNX nodes it came from, comma separated
  int64_t flops = 0; // per call; 0 if unknown
  int64_t bytes = 0;
  int64_t scratchBytes = 0; // of each task, in the context's region
  int64_t maxTasks = 0;     // of a launch; 0 if sizes tell
  std::string precision;    // the element types it multiplies, or that of its results
  /// What it makes of zeros in its weights, and why it has no better instructions; for reports, not
  /// in the binary.
  std::string remarks;
};

/// The model as compiled for one instruction set.
struct VariantInfo {
  TargetAttrInterface target;
  int64_t arenaBytes = 0;
  std::vector<KernelInfo> kernels;
};

struct ModelInfo {
  std::string name;
  std::string compilerVersion;
  uint64_t checksum = 0; // XXH3-64 of the ONNX file
  std::vector<TensorInfo> inputs, outputs;
  std::vector<std::string> symbols;
  std::vector<StateInfo> states;
  std::vector<std::string> strings;  // by handle: the empty one first; none if no element is one
  std::vector<VariantInfo> variants; // best first
  bool usesObjects = false;          // computes with sequences, optionals or maps
  bool decodesImages = false;
};

/// `name` as a C identifier: what tenon_model_<name> is made of.
std::string sanitizeModelName(llvm::StringRef name);

/// Ends the names of a variant's functions, e.g. ".x86_64_v4": tells variants apart in one file,
/// and a kernel named after its op from the C function of that name.
std::string getVariantSuffix(const VariantInfo &variant);

} // namespace tenon

#endif // TENON_LIB_TARGET_MODELINFO_H
