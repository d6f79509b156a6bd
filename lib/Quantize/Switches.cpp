// Parts of models whose further inputs say what of them is lowered (see the header).

#include "lib/Quantize/Switches.h"
#include "lib/Editing/RaiseOpset.h"
#include "lib/Quantize/Conversions.h"

namespace tenon::quantize {

llvm::Error raiseForSwitches(ModelEditor &model) {
  constexpr int64_t firstOpsetOfWhere = 9;
  return model.getOpset() < firstOpsetOfWhere ? raiseOpset(model) : llvm::Error::success();
}

std::string addInput(ModelEditor &model, llvm::StringRef name, int32_t dtype,
                     llvm::ArrayRef<int64_t> dims) {
  std::string unique = model.makeName(name);
  onnx::ValueInfoProto &info = *model.graph().add_input();
  info.set_name(unique);
  onnx::TypeProto::Tensor &type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(dtype);
  type.mutable_shape();
  for (int64_t dim : dims)
    type.mutable_shape()->add_dim()->set_dim_value(dim);
  return unique;
}

std::string addElement(ModelEditor &model, llvm::StringRef vector, int64_t position) {
  std::string index = model.addConstant("position", makeTensor<int64_t>(TENON_INT64, {}, position));
  std::string element = model.makeName((vector + "_element").str());
  model.addNode("Gather", element + "_Gather", {vector.str(), index}, {element});
  return element;
}

std::string addSwitch(ModelEditor &model, llvm::StringRef switches, int64_t position,
                      llvm::StringRef value, llvm::StringRef rounded) {
  std::string isOn = addElement(model, switches, position);
  std::string chosen = model.makeName((value + "_chosen").str());
  model.addNode("Where", chosen + "_Where", {isOn, rounded.str(), value.str()}, {chosen});
  return chosen;
}

void replaceOperands(ModelEditor &model, llvm::ArrayRef<onnx::NodeProto *> readers,
                     llvm::StringRef value, llvm::StringRef by) {
  for (onnx::NodeProto *reader : readers)
    for (int operand = 0; operand < reader->input_size(); ++operand)
      if (reader->input(operand) == value)
        model.setOperand(*reader, operand, by);
}

tenon_value viewElements(int32_t dtype, llvm::ArrayRef<int64_t> dims,
                         llvm::ArrayRef<char> elements) {
  tenon_value value = {};
  value.kind = TENON_TENSOR;
  value.tensor.dtype = dtype;
  value.tensor.rank = static_cast<int32_t>(dims.size());
  value.tensor.dims = dims.data();
  // Inputs are not written to.
  value.tensor.data = const_cast<char *>(elements.data());
  value.tensor.bytes = elements.size();
  return value;
}

} // namespace tenon::quantize
