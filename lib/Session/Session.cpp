// The runtime's C interface with owners (see the header).

#include "lib/Session/Session.h"

namespace tenon {

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

llvm::Expected<llvm::ArrayRef<tenon_value>> Session::view(std::vector<Value> &inputs) {
  std::deque<ValueView> views;
  std::vector<tenon_value> arguments;
  for (Value &input : inputs)
    arguments.push_back(views.emplace_back(input).get());
  return view(arguments);
}

llvm::Expected<llvm::ArrayRef<tenon_value>> Session::view(llvm::ArrayRef<tenon_value> inputs) {
  results.assign(numOutputs(), {});
  if (tenon_run_values(context(), inputs.data(), static_cast<int32_t>(inputs.size()),
                       results.data(), static_cast<int32_t>(results.size())) != TENON_OK)
    return runtimeError();
  return results;
}

llvm::Expected<std::vector<Value>> Session::run(std::vector<Value> &inputs) {
  llvm::Expected<llvm::ArrayRef<tenon_value>> views = view(inputs);
  if (!views)
    return views.takeError();
  std::vector<Value> outputs;
  for (const tenon_value &result : *views)
    outputs.push_back(Value::copy(result));
  return outputs;
}

InputType inputTypeOf(const tenon_tensor_info &info) {
  InputType type{info.name, info.dtype, {}, kindsOf(info).vec()};
  for (int32_t axis = 0; axis < info.rank; ++axis)
    type.dims.push_back(info.dims[axis].value);
  return type;
}

static std::string describeTensorSignature(const tenon_tensor_info &info) {
  std::string text = tenon_dtype_name(info.dtype);
  if (info.rank < 0)
    return text;
  text += "[";
  for (int32_t axis = 0; axis < info.rank; ++axis) {
    const tenon_dim_info &dim = info.dims[axis];
    text += axis ? "," : "";
    text += dim.value >= 0 ? std::to_string(dim.value) : dim.symbol ? dim.symbol : "?";
  }
  return text + "]";
}

std::string describeSignature(const tenon_tensor_info &info) {
  std::string opening, closing;
  for (int32_t kind : kindsOf(info)) {
    opening += kind == TENON_SEQUENCE ? "sequence(" : kind == TENON_OPTIONAL ? "optional(" : "map(";
    closing += ")";
  }
  if (info.key_dtype)
    return opening + tenon_dtype_name(info.key_dtype) + "," + tenon_dtype_name(info.dtype) +
           closing;
  return opening + describeTensorSignature(info) + closing;
}

} // namespace tenon
