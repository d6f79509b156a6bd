// Constants that are computed by running them.

#include "lib/Execute/EvaluateConstants.h"
#include "lib/Execute/LoadedProgram.h"

using namespace mlir;

namespace tenon {

namespace {

class Evaluator {
public:
  explicit Evaluator(unsigned compileThreads) {
    // The ops stand as the graph's passes left them, and nothing is folded on the way: the run does
    // it.
    options.stage = Stage::Target;
    options.foldConstants = false;
    options.compileThreads = compileThreads;
  }

  FailureOr<SmallVector<ElementsAttr>> evaluate(ModuleOp module);

private:
  llvm::Expected<SmallVector<ElementsAttr>> run(ModuleOp module);

  LoadOptions options;
  /// Programs that ran, with their results, which the context keeps anyway.
  std::vector<std::pair<OwningOpRef<ModuleOp>, SmallVector<ElementsAttr>>> known;
};

} // namespace

llvm::Expected<SmallVector<ElementsAttr>> Evaluator::run(ModuleOp module) {
  llvm::Expected<LoadedProgram> program = LoadedProgram::load(module, options);
  if (!program)
    return program.takeError();
  llvm::Expected<std::vector<HostTensor>> results = program->run({});
  if (!results)
    return results.takeError();
  SmallVector<ElementsAttr> constants;
  for (HostTensor &result : *results)
    constants.push_back(std::move(result).takeConstant());
  return constants;
}

FailureOr<SmallVector<ElementsAttr>> Evaluator::evaluate(ModuleOp module) {
  for (auto &[program, results] : known)
    if (OperationEquivalence::isEquivalentTo(*program, module,
                                             OperationEquivalence::IgnoreLocations))
      return results;
  llvm::Expected<SmallVector<ElementsAttr>> results = run(module);
  if (!results)
    return emitError(module.getLoc())
           << "cannot fold constants: " << llvm::toString(results.takeError());
  known.emplace_back(module.clone(), *results);
  return *results;
}

ConstantEvaluator makeConstantEvaluator(unsigned compileThreads) {
  auto evaluator = std::make_shared<Evaluator>(compileThreads);
  return [evaluator](ModuleOp module) { return evaluator->evaluate(module); };
}

} // namespace tenon
