// Runs any pass or part of the pipeline on IR in text form.

#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "passes/Codegen/Passes.h"
#include "passes/Codegen/Targets.h"
#include "passes/Pipelines/Compile.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<tenon::TenonDialect, mlir::func::FuncDialect>();
  tenon::registerAllTargets(registry);
  tenon::registerCodeDialects(registry);
  tenon::registerPassesAndPipelines();
  return mlir::failed(mlir::MlirOptMain(argc, argv, "Tenon's optimizer driver\n", registry));
}
