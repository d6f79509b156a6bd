// Programs from text, and tensors for them.
#ifndef TENON_TEST_UNIT_EXECUTE_TESTPROGRAMS_H
#define TENON_TEST_UNIT_EXECUTE_TESTPROGRAMS_H

#include "lib/Driver/Context.h"
#include "lib/Execute/LoadedProgram.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

namespace tenon::testing {

class ExecuteTest : public ::testing::Test {
protected:
  ExecuteTest() {
    context.printOpOnDiagnostic(false);
    driver::prepareContext(context);
  }

  mlir::OwningOpRef<mlir::ModuleOp> parse(llvm::StringRef text) {
    return mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  }

  LoadedProgram load(llvm::StringRef text, const LoadOptions &options = {}) {
    return llvm::cantFail(LoadedProgram::load(*parse(text), options));
  }

  /// What loading the text complains about.
  std::string loadError(llvm::StringRef text) {
    llvm::Expected<LoadedProgram> program = LoadedProgram::load(*parse(text));
    return program ? "" : llvm::toString(program.takeError());
  }

  template <typename T>
  HostTensor tensor(llvm::ArrayRef<int64_t> shape, mlir::Type element, llvm::ArrayRef<T> values) {
    HostTensor tensor = HostTensor::allocate(mlir::RankedTensorType::get(shape, element));
    llvm::copy(values, reinterpret_cast<T *>(tensor.bytes.getMutableData().data()));
    return tensor;
  }
  HostTensor floats(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<float> values) {
    return tensor<float>(shape, mlir::Float32Type::get(&context), values);
  }

  static std::vector<float> floatsOf(const HostTensor &tensor) {
    return tensor.bytes.getDataAs<float>().vec();
  }

  mlir::MLIRContext context;
};

/// Inputs of a run.
template <typename... Tensors> std::vector<HostTensor> list(Tensors &&...tensors) {
  std::vector<HostTensor> all;
  (all.push_back(std::move(tensors)), ...);
  return all;
}

} // namespace tenon::testing

#endif
