// Writes what a C programmer wants to know before the first call: what goes in, what comes out, in
// which order, and how to run it.
#include "lib/Target/Header.h"
#include "runtime/abi.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace tenon {
namespace {

constexpr StringLiteral dtypeNames[] = {
    "undefined",      "float32",    "uint8",          "int8",       "uint16",   "int16",
    "int32",          "int64",      "string",         "bool",       "float16",  "float64",
    "uint32",         "uint64",     "complex64",      "complex128", "bfloat16", "float8e4m3fn",
    "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4",      "int4",     "float4e2m1",
    "float8e8m0",     "uint2",      "int2",
};

/// Text from a model may hold anything; a comment must not end early.
std::string commentText(StringRef text) {
  std::string result;
  for (char c : text)
    result += isPrint(c) ? c : '?';
  size_t at;
  while ((at = result.find("*/")) != std::string::npos)
    result.replace(at, 2, "* /");
  return result;
}

class HeaderWriter {
public:
  explicit HeaderWriter(const ModelInfo &model)
      : model(model), identifier(sanitizeModelName(model.name)), os(text) {}

  std::string write();

private:
  void writeTensor(size_t index, const TensorInfo &tensor);
  std::string describeKinds(const TensorInfo &tensor);
  void writeSignature();
  void writeStates();
  void writeExample();
  void writeNumbers(StringRef kind, ArrayRef<TensorInfo> tensors);

  const ModelInfo &model;
  std::string identifier;
  std::string text;
  raw_string_ostream os;
};

/// "sequence of " for each kind around a tensor.
std::string HeaderWriter::describeKinds(const TensorInfo &tensor) {
  std::string result;
  for (int32_t kind : tensor.kinds)
    result += kind == TENON_KIND_SEQUENCE   ? "sequence of "
              : kind == TENON_KIND_OPTIONAL ? "optional "
              : tensor.keyDtype == 7        ? "map from int64 to "
                                            : "map from string to ";
  return result;
}

void HeaderWriter::writeTensor(size_t index, const TensorInfo &tensor) {
  os << " *   " << index << "  " << commentText(tensor.name) << "  ";
  bool known = tensor.dtype >= 0 && size_t(tensor.dtype) < std::size(dtypeNames);
  os << describeKinds(tensor) << (known ? dtypeNames[tensor.dtype] : StringLiteral("unknown"));
  if (!tensor.hasRank || (!tensor.kinds.empty() && tensor.kinds.back() == TENON_KIND_MAP)) {
    os << "\n";
    return;
  }
  os << " [";
  ListSeparator comma;
  for (const DimInfo &dim : tensor.dims) {
    os << comma;
    if (dim.value >= 0)
      os << dim.value;
    else if (dim.symbol >= 0 && size_t(dim.symbol) < model.symbols.size())
      os << commentText(model.symbols[dim.symbol]);
    else
      os << '?';
  }
  os << "]\n";
}

void HeaderWriter::writeSignature() {
  os << "/* " << commentText(model.name) << ", compiled by Tenon " << model.compilerVersion
     << " for ";
  ListSeparator comma;
  for (const VariantInfo &variant : model.variants)
    os << comma << variant.target.getTargetName();
  os << ".\n *\n * Inputs\n";
  for (const auto &[index, tensor] : enumerate(model.inputs))
    writeTensor(index, tensor);
  os << " *\n * Outputs\n";
  for (const auto &[index, tensor] : enumerate(model.outputs))
    writeTensor(index, tensor);
}

void HeaderWriter::writeStates() {
  if (model.states.empty())
    return;
  os << " *\n * States: the output is the input's next value, and may be written to its memory.\n";
  for (const StateInfo &state : model.states)
    os << " *   " << commentText(model.inputs[state.input].name) << " = "
       << commentText(model.outputs[state.output].name) << "\n";
}

void HeaderWriter::writeExample() {
  auto isValue = [](const TensorInfo &tensor) { return !tensor.kinds.empty(); };
  bool hasValues = any_of(model.inputs, isValue) || any_of(model.outputs, isValue);
  os << " *\n * Tensors are dense and row-major. Link the object that was compiled with this "
        "header "
        "and the\n * Tenon runtime; tenon/runtime.h documents every call.\n *\n"
     << " *   tenon_model *model;\n *   tenon_context *context;\n"
     << " *   tenon_model_from_desc(&tenon_model_" << identifier << ", &model);\n"
     << " *   tenon_context_create(model, NULL, &context);\n"
     << " *   " << (hasValues ? "tenon_run_values" : "tenon_run") << "(context, inputs, "
     << model.inputs.size() << ", outputs, " << model.outputs.size() << ");\n */\n";
}

void HeaderWriter::writeNumbers(StringRef kind, ArrayRef<TensorInfo> tensors) {
  os << "\n/* Positions of the " << kind << "s. */\nenum {\n";
  StringSet<> used;
  for (const auto &[index, tensor] : enumerate(tensors)) {
    std::string name = sanitizeModelName(tensor.name);
    while (!used.insert(name).second)
      name += "_" + std::to_string(index);
    os << "  " << identifier << "_" << kind << "_" << name << " = " << index << ",\n";
  }
  os << "  " << identifier << "_num_" << kind << "s = " << tensors.size() << "\n};\n";
}

std::string HeaderWriter::write() {
  writeSignature();
  writeStates();
  writeExample();
  std::string guard = "TENON_MODEL_" + StringRef(identifier).upper() + "_H";
  os << "#ifndef " << guard << "\n#define " << guard << "\n\n#ifdef __cplusplus\nextern \"C\" {\n"
     << "#endif\n\nstruct tenon_model_desc;\nextern const struct tenon_model_desc tenon_model_"
     << identifier << ";\n";
  writeNumbers("input", model.inputs);
  writeNumbers("output", model.outputs);
  os << "\n#ifdef __cplusplus\n}\n#endif\n#endif\n";
  return std::move(text);
}

} // namespace

std::string buildHeader(const ModelInfo &model) { return HeaderWriter(model).write(); }

} // namespace tenon
