// Models that show values inside of them.
#ifndef TENON_LIB_CALIBRATION_PROBEDMODEL_H
#define TENON_LIB_CALIBRATION_PROBEDMODEL_H

#include "lib/Calibration/DataSource.h"
#include "lib/Driver/Driver.h"
#include "lib/Session/Session.h"

namespace tenon::quantize {

struct ProbeOptions {
  /// Target, shapes and precision; where it is written to does not matter.
  driver::CompileOptions compile;
  /// Of runs; 0 is one per core.
  int32_t threads = 0;
};

/// Options with a cache of code, for models that are compiled again and again with small changes.
ProbeOptions keepCode(ProbeOptions options);

/// A model compiled with some of its values as further outputs.
class ProbedModel {
public:
  /// `values` are names of tensors in the main graph, inputs and outputs included.
  static llvm::Expected<ProbedModel> compile(const std::shared_ptr<ModelFile> &model,
                                             llvm::ArrayRef<std::string> values,
                                             const ProbeOptions &options = {});

  /// Runs once and shows each value, in the order of their names, until the next run or as long as
  /// the sample lives. An error names the sample.
  llvm::Expected<std::vector<tenon_tensor>> run(Sample &sample);

  /// What compiling found out.
  const driver::CompileReport &getReport() const { return report; }
  Session &getSession() { return session; }

private:
  /// Where a value is found after a run.
  struct Place {
    bool isInput;
    size_t index;
  };

  ProbedModel(Session session, driver::CompileReport report)
      : session(std::move(session)), report(std::move(report)) {}

  Session session;
  driver::CompileReport report;
  std::vector<Place> places;
};

/// Compiles a model to a file that is gone once it is loaded.
llvm::Expected<std::pair<Session, driver::CompileReport>>
loadModel(const std::shared_ptr<ModelFile> &model, const ProbeOptions &options);

} // namespace tenon::quantize

#endif
