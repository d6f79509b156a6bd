// The runtime's C interface with owners (see the header).

#include "tools/tenon/Session.h"

namespace tenon::cli {

llvm::Error runtimeError() { return llvm::createStringError(tenon_last_error()); }

llvm::Expected<Session> Session::load(const std::string &path, const tenon_context_options &options,
                                      const tenon_load_options &loadOptions) {
  Session session;
  tenon_model *model = nullptr;
  if (tenon_model_load_with(path.c_str(), &loadOptions, &model) != TENON_OK)
    return runtimeError();
  session.loaded.reset(model);
  tenon_context *context = nullptr;
  if (tenon_context_create(model, &options, &context) != TENON_OK)
    return runtimeError();
  session.running.reset(context);
  return session;
}

llvm::Expected<std::vector<Tensor>> Session::run(std::vector<Tensor> &inputs) {
  std::vector<tenon_tensor> arguments, results(numOutputs());
  for (Tensor &input : inputs)
    arguments.push_back(input.view());
  if (tenon_run(context(), arguments.data(), static_cast<int32_t>(arguments.size()), results.data(),
                static_cast<int32_t>(results.size())) != TENON_OK)
    return runtimeError();
  std::vector<Tensor> outputs;
  for (const tenon_tensor &result : results)
    outputs.push_back(Tensor::copy(result));
  return outputs;
}

std::string describeSignature(const tenon_tensor_info &info) {
  std::string text = std::string(tenon_dtype_name(info.dtype)) + "[";
  for (int32_t axis = 0; axis < info.rank; ++axis) {
    const tenon_dim_info &dim = info.dims[axis];
    text += axis ? "," : "";
    text += dim.value >= 0 ? std::to_string(dim.value) : dim.symbol ? dim.symbol : "?";
  }
  return text + "]";
}

} // namespace tenon::cli
