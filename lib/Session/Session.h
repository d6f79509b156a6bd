// A compiled model ready to run, and the values that go in and out. Wraps the runtime's C
// interface.
#ifndef TENON_LIB_SESSION_SESSION_H
#define TENON_LIB_SESSION_SESSION_H

#include "lib/Tensors/InputFiles.h"
#include <memory>

namespace tenon {

class Session {
public:
  static llvm::Expected<Session> load(const std::string &path, const tenon_context_options &options,
                                      const tenon_load_options &loadOptions = {});

  const tenon_model *model() const { return loaded.get(); }
  tenon_context *context() const { return running.get(); }
  size_t numInputs() const { return tenon_model_num_inputs(model()); }
  size_t numOutputs() const { return tenon_model_num_outputs(model()); }
  const tenon_tensor_info &input(size_t index) const {
    return *tenon_model_input(model(), static_cast<int32_t>(index));
  }
  const tenon_tensor_info &output(size_t index) const {
    return *tenon_model_output(model(), static_cast<int32_t>(index));
  }

  /// Runs once on inputs in the model's order and copies the results.
  llvm::Expected<std::vector<Value>> run(std::vector<Value> &inputs);
  /// Runs once and shows the results where they are, until the next run.
  llvm::Expected<llvm::ArrayRef<tenon_value>> view(std::vector<Value> &inputs);
  /// The same on inputs wherever they lie.
  llvm::Expected<llvm::ArrayRef<tenon_value>> view(llvm::ArrayRef<tenon_value> inputs);

private:
  struct FreeModel {
    void operator()(tenon_model *model) const { tenon_model_free(model); }
  };
  struct FreeContext {
    void operator()(tenon_context *context) const { tenon_context_free(context); }
  };
  std::unique_ptr<tenon_model, FreeModel> loaded;
  std::unique_ptr<tenon_context, FreeContext> running; // goes first
  std::vector<tenon_value> results;
};

/// What is around the tensors of an input or output, from the outside in.
inline llvm::ArrayRef<int32_t> kindsOf(const tenon_tensor_info &info) {
  return {info.kinds, static_cast<size_t>(info.num_kinds)};
}

/// The same as files are read for it.
InputType inputTypeOf(const tenon_tensor_info &info);

/// What the runtime's last failing call complained about.
llvm::Error runtimeError();

/// "float[batch,3,224,224]", "optional(sequence(float[?,7]))", "map(int64,float)".
std::string describeSignature(const tenon_tensor_info &info);

} // namespace tenon

#endif
