// What recipes lose (see the header).

#include "lib/Quantize/RepairJudge.h"
#include "lib/Quantize/FainterSamples.h"
#include "lib/Quantize/Prepare.h"
#include "lib/Quantize/Scores.h"
#include <cmath>

namespace tenon::quantize {

static llvm::Expected<Session> loadScores(const std::shared_ptr<ModelFile> &model,
                                          const ProbeOptions &probe) {
  llvm::Expected<std::shared_ptr<ModelFile>> shown = showScores(model, probe.compile.import);
  if (!shown)
    return shown.takeError();
  auto loaded = loadModel(*shown, probe);
  if (!loaded)
    return loaded.takeError();
  return std::move(loaded->first);
}

llvm::Expected<RepairJudge> RepairJudge::create(const std::shared_ptr<ModelFile> &model,
                                                DataSource &samples, const ProbeOptions &probe) {
  llvm::Expected<Session> reference = loadScores(model, probe);
  if (!reference)
    return reference.takeError();
  constexpr int64_t wanted = 48;
  int64_t times = chooseTimes(*reference, samples, wanted);
  return RepairJudge(model, samples, probe, std::move(*reference), times);
}

llvm::Expected<Evaluation> RepairJudge::measure(const Recipe &recipe) {
  llvm::Expected<PreparedModel> prepared = prepareModel(model, recipe);
  if (!prepared)
    return prepared.takeError();
  ProbeOptions own = probe;
  own.compile.precision = prepared->precision;
  llvm::Expected<Session> session = loadScores(prepared->model, own);
  if (!session)
    return session.takeError();
  FainterSamples varied(samples, times);
  llvm::Expected<Evaluation> found =
      Evaluator(reference, varied, {LossKind::Sqnr, INFINITY}).evaluate(*session);
  if (found)
    found->sampleNoise = takeMeans(found->sampleNoise, times);
  return found;
}

} // namespace tenon::quantize
