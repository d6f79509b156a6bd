// Repairs that are kept where they help.
#ifndef TENON_LIB_QUANTIZE_IMPROVE_H
#define TENON_LIB_QUANTIZE_IMPROVE_H

#include "lib/Evaluation/Evaluate.h"
#include "lib/Quantize/NoiseChange.h"
#include "lib/Quantize/Repair.h"

namespace tenon::quantize {

/// What one repair did to the outputs' noise for their signal.
struct RepairReport {
  std::string name;
  /// Of all samples together.
  double before = 0, after = 0;
  NoiseChange change;
  bool isKept = false;
};

/// Samples to calibrate with, as repairs use them: most of them are fitted to, and the others
/// judge. Of few samples all do both.
DataSplit splitForRepairs(DataSource &calibration);

/// What a recipe loses.
using MeasureRecipe = llvm::function_ref<llvm::Expected<Evaluation>(const Recipe &)>;

/// Searches ranges, applies repairs one after another, measures each, and keeps those after which
/// there is less noise. Returns what was tried.
///
/// While they are tried, all that samples decide is fitted to `fitted`, ranges included, so that
/// other samples can show what it is worth; in the end ranges are found from all of the context's.
llvm::Expected<std::vector<RepairReport>>
improveRecipe(Recipe &recipe, llvm::ArrayRef<std::unique_ptr<Repair>> repairs,
              const RepairContext &context, DataSource &fitted, MeasureRecipe measure);

} // namespace tenon::quantize

#endif
