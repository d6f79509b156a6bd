// What Python gives to those who measure losses: samples, metrics, and somebody to tell of
// progress.
#ifndef TENON_PYTHON_SAMPLES_H
#define TENON_PYTHON_SAMPLES_H

#include "lib/Evaluation/Evaluate.h"
#include <exception>
#include <nanobind/nanobind.h>

namespace tenon::python {

/// An exception of the caller's code that passes through the library as an error.
class CaughtException {
public:
  /// Runs what calls Python, with the interpreter's lock.
  template <typename Result>
  llvm::Expected<Result> call(llvm::function_ref<llvm::Expected<Result>()> body) {
    nanobind::gil_scoped_acquire lock;
    try {
      return body();
    } catch (...) {
      exception = std::current_exception();
      return llvm::createStringError("the caller's code raised an exception");
    }
  }

  /// Throws what was caught, else a ValueError with the message.
  [[noreturn]] void raise(llvm::Error error);
  /// Throws what was caught; else the message.
  std::string translate(llvm::Error error);

private:
  std::exception_ptr exception;
};

/// Samples in files or, if there are no paths, from an iterable of dicts of arrays.
llvm::Expected<std::unique_ptr<quantize::DataSource>>
openSamples(const ModelFile &model, const ImportOptions &import, nanobind::handle iterable,
            const std::vector<std::string> &paths, const quantize::DataOptions &options);

/// A callable of (run, samples) as a metric; none for None. Both must live as long.
quantize::Metric makeMetric(const nanobind::object &callable, CaughtException &caught);

/// A callable of (what, done, planned) as one to tell of progress; none for None.
std::function<void(llvm::StringRef, int64_t, int64_t)>
makeProgress(const nanobind::object &callable);

} // namespace tenon::python

#endif
