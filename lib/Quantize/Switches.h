// Parts of models whose further inputs say, from run to run, what of them is lowered.
#ifndef TENON_LIB_QUANTIZE_SWITCHES_H
#define TENON_LIB_QUANTIZE_SWITCHES_H

#include "lib/Editing/ModelEditor.h"

namespace tenon::quantize {

/// Where needs version 9 of ONNX's operators; a model of an older one is raised.
llvm::Error raiseForSwitches(ModelEditor &model);

/// Adds an input of the model behind the others. Returns its name.
std::string addInput(ModelEditor &model, llvm::StringRef name, int32_t dtype,
                     llvm::ArrayRef<int64_t> dims);

/// Adds the element of a vector at `position`, a scalar. Returns its name.
std::string addElement(ModelEditor &model, llvm::StringRef vector, int64_t position);

/// Adds `rounded` where the switch at `position` is on, and `value` where it is not.
std::string addSwitch(ModelEditor &model, llvm::StringRef switches, int64_t position,
                      llvm::StringRef value, llvm::StringRef rounded);

/// Lets all of these nodes that read a value read another.
void replaceOperands(ModelEditor &model, llvm::ArrayRef<onnx::NodeProto *> readers,
                     llvm::StringRef value, llvm::StringRef by);

/// What such an input is given: elements that lie elsewhere as long as the run takes.
tenon_value viewElements(int32_t dtype, llvm::ArrayRef<int64_t> dims,
                         llvm::ArrayRef<char> elements);

} // namespace tenon::quantize

#endif
