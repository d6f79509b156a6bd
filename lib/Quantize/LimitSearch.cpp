// The search for the fastest assignment that keeps a budget (see the header).

#include "lib/Quantize/LimitSearch.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

namespace tenon::quantize {

static bool lowersNothing(const Choices &choices) {
  return llvm::all_of(choices, [](unsigned choice) { return choice == 0; });
}

/// How much noise the budget leaves for what an evaluation found, as a factor.
static double getRoom(const Budget &budget, const Evaluation &found) {
  switch (budget.kind) {
  case LossKind::Sqnr:
    return std::pow(10, (found.bound - budget.limit) / 10);
  case LossKind::Cosine:
    return (1 - budget.limit) / std::max(1 - found.bound, 1e-12);
  case LossKind::Relative:
    return std::pow(budget.limit / std::max(found.bound, 1e-12), 2);
  case LossKind::Top1:
  case LossKind::Top5:
  case LossKind::Metric:
    // These change in steps.
    return found.holds ? 3 : 1.0 / 3;
  }
  llvm_unreachable("no other kinds");
}

double LimitSearch::getNextLimit(double limit, const Validation &last) const {
  if (held > 0 && std::isfinite(broken))
    return std::sqrt(held * broken);
  // What is limited is what is predicted.
  double predicted = totalNoise(problem, last.choices);
  double next = std::max(predicted, std::numeric_limits<double>::min()) *
                std::clamp(getRoom(budget, last.evaluation), 1e-3, 1e3);
  return last.evaluation.holds ? std::max(next, 1.1 * limit) : std::min(next, 0.9 * limit);
}

llvm::Error LimitSearch::consider(const Choices &choices, Validate validate) {
  --left;
  llvm::Expected<Validation> validation = validate(choices);
  if (!validation)
    return validation.takeError();
  tried.push_back(std::move(*validation));
  return llvm::Error::success();
}

/// One group lowered: the one that gains at least noise.
Choices LimitSearch::findLeastLossy() const {
  Choices least(problem.groups.size(), 0);
  double leastNoise = INFINITY;
  for (unsigned group = 0; group < problem.groups.size(); ++group)
    for (unsigned choice = 1; choice < problem.groups[group].size(); ++choice) {
      const Choice &option = problem.groups[group][choice];
      if (option.noise >= leastNoise || option.time >= problem.groups[group][0].time)
        continue;
      least.assign(problem.groups.size(), 0);
      least[group] = choice;
      leastNoise = option.noise;
    }
  return least;
}

/// What is a difference, of the time in fp32.
static constexpr double leastGain = 0.01;

/// Whether a limit in between may save more than one percent of the time in fp32.
bool LimitSearch::canGain() const {
  if (!std::isfinite(broken) || held == 0)
    return true;
  double original = totalTime(problem, Choices(problem.groups.size(), 0));
  double saved = totalTime(problem, assignPrecisions(problem, held)) -
                 totalTime(problem, assignPrecisions(problem, broken));
  return broken > 1.02 * held && saved > leastGain * original;
}

/// Adds what a model takes more than expected to its conversions, as much to each, if that makes a
/// difference or all of the gain. Whether they cost more now.
bool LimitSearch::learnConversions(const Validation &validation) {
  Choices original(problem.groups.size(), 0);
  double expected = totalTime(problem, validation.choices) - totalTime(problem, original);
  double excess = validation.time - validation.originalTime - expected;
  int64_t conversions = countConversions(problem, validation.choices);
  bool gains = validation.time < validation.originalTime;
  if (conversions == 0 || excess <= (gains ? leastGain * validation.originalTime : 0))
    return false;
  for (Neighbours &pair : problem.neighbours)
    pair.time += excess / static_cast<double>(conversions);
  return true;
}

llvm::Expected<std::optional<Validation>> LimitSearch::run(Validate validate) {
  if (lowersNothing(assignPrecisions(problem, INFINITY)))
    return std::nullopt;
  // Steps of the limit that lead to no other assignment cost nothing.
  constexpr int maxSteps = 100;
  double limit = budget.estimateNoise();
  for (int step = 0; step < maxSteps && left > 0 && canGain(); ++step) {
    Choices choices = assignPrecisions(problem, limit);
    auto known = llvm::find_if(
        tried, [&](const Validation &validation) { return validation.choices == choices; });
    if (lowersNothing(choices)) {
      if (lowersNothing(assignPrecisions(problem, INFINITY)))
        break;
      held = std::max(held, limit);
      limit = std::isfinite(broken) ? std::sqrt(held * broken) : 4 * limit;
      continue;
    }
    if (known == tried.end()) {
      if (llvm::Error error = consider(choices, validate))
        return error;
      known = std::prev(tried.end());
      // There may be something better within the same limit then.
      if (known->evaluation.holds && learnConversions(*known))
        continue;
    }
    if (known->evaluation.holds) {
      held = std::max(held, limit);
      if (choices == assignPrecisions(problem, INFINITY))
        break;
    } else {
      broken = std::min(broken, limit);
    }
    limit = getNextLimit(limit, *known);
  }
  auto better = [&](const Validation &a, const Validation &b) {
    if (a.evaluation.holds != b.evaluation.holds)
      return a.evaluation.holds;
    if (a.evaluation.holds)
      return a.cost < b.cost;
    return budget.isQuality() ? a.evaluation.bound > b.evaluation.bound
                              : a.evaluation.bound < b.evaluation.bound;
  };
  if (tried.empty())
    if (llvm::Error error = consider(findLeastLossy(), validate))
      return error;
  return *llvm::min_element(tried, better);
}

} // namespace tenon::quantize
