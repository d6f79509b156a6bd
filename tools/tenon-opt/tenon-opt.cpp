// Runs any pass or part of the pipeline on IR in text form.

#include "dialects/Target/Cpu/CpuDialect.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "passes/Codegen/Cpu/Strategies.h"
#include "passes/Pipelines/Compile.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<tenon::TenonDialect, tenon::cpu::CpuDialect, mlir::func::FuncDialect>();
  tenon::cpu::registerStrategies(registry);
  tenon::registerPassesAndPipelines();
  return mlir::failed(mlir::MlirOptMain(argc, argv, "Tenon's optimizer driver\n", registry));
}
