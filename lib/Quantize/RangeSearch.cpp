// Ranges of activations that cost the outputs little (see the header).

#include "lib/Quantize/RangeSearch.h"
#include "lib/Quantize/RangeTrials.h"
#include "llvm/ADT/STLExtras.h"
#include <numeric>

namespace tenon::quantize {

namespace {

/// Of each class the number of its way.
using Ways = std::vector<size_t>;

/// Samples that judge ranges which the others say, by each way.
struct Fold {
  DataSubset judges;
  std::vector<TensorRecipes> ranges;
};

/// One use of searchRanges.
class Search {
public:
  Search(Recipe &recipe, const RepairContext &context)
      : recipe(recipe), context(context), ways(listWays(context.tensors.range)),
        tensorOf(context.plan.tensors.size()) {}

  llvm::Expected<std::optional<RangeSearchReport>> run();

private:
  /// What is rounded in a trial, and how.
  using Case = std::vector<std::pair<unsigned, size_t>>;

  /// The one that is used without a search comes first.
  static std::vector<RangeOptions> listWays(const RangeOptions &used);
  bool canSearch(const std::string &tensor) const;
  llvm::Error prepare();
  std::vector<TensorRecipes> findRanges(const llvm::StringMap<Histogram> &histograms) const;
  llvm::Error makeFolds(const std::shared_ptr<ModelFile> &model);
  Case roundAll(const Ways &chosen) const;
  llvm::Expected<std::vector<std::vector<TensorLoss>>> measure(llvm::ArrayRef<Case> cases);
  llvm::Error tryAll(llvm::ArrayRef<Ways> list);
  llvm::Expected<std::vector<unsigned>> findWorstClasses();
  llvm::Expected<Case> chooseForWorst(llvm::ArrayRef<size_t> likely);
  llvm::Error adopt(const Ways &chosen);

  Recipe &recipe;
  const RepairContext &context;
  std::vector<RangeOptions> ways;
  /// Of each class of the plan, a tensor of it; empty where there is nothing to search.
  std::vector<std::string> tensorOf;
  std::vector<unsigned> classes;
  std::vector<Fold> folds;
  std::optional<RangeTrials> trials;
  /// What was tried with all classes rounded, and what the outputs lost.
  struct Tried {
    Ways chosen;
    std::vector<TensorLoss> losses;
    double noise;
  };
  std::vector<Tried> tried;
};

} // namespace

/// Ranges as a method found them, stretched.
static TensorRecipes stretchRanges(const TensorRecipes &ranges, double stretch,
                                   const CodeRange &codes) {
  TensorRecipes stretched = ranges;
  for (auto &item : stretched) {
    TensorRecipe &entry = item.second;
    QuantizationParameters parameters = makeParameters(
        static_cast<float>(*entry.low * stretch), static_cast<float>(*entry.high * stretch), codes);
    entry.scales = {parameters.scale};
    entry.zeroPoints = {parameters.zeroPoint};
  }
  return stretched;
}

std::vector<RangeOptions> Search::listWays(const RangeOptions &used) {
  std::vector<RangeOptions> ways = {used};
  for (llvm::StringRef text : {"mse", "mse*0.85", "mse*1.15", "minmax", "minmax*1.1", "minmax*1.2",
                               "minmax*1.4", "percentile", "entropy"})
    if (RangeOptions way = *used.with(text); way.str() != used.str())
      ways.push_back(way);
  return ways;
}

/// Channels that are split off have left a range of their own.
bool Search::canSearch(const std::string &tensor) const {
  const TensorRecipe *entry = recipe.findTensor(tensor);
  return entry && entry->outliers.empty();
}

/// The ranges of all tensors by each way. A search for the ends of a range takes longer than all
/// else here, so stretched ones are made from those that the method found.
std::vector<TensorRecipes> Search::findRanges(const llvm::StringMap<Histogram> &histograms) const {
  std::vector<TensorRecipes> ranges;
  llvm::StringMap<size_t> known;
  for (const RangeOptions &way : ways) {
    RangeOptions plain = way;
    plain.stretch = 1;
    if (auto found = known.find(plain.str()); found != known.end()) {
      ranges.push_back(
          stretchRanges(ranges[found->second], way.stretch, context.tensors.activations));
      continue;
    }
    TensorOptions options = context.tensors;
    options.range = way;
    known[way.str()] = ranges.size();
    ranges.push_back(describeActivations(context.plan, histograms, options));
  }
  return ranges;
}

/// Of a few samples each is used for both, which says nothing of others.
llvm::Error Search::makeFolds(const std::shared_ptr<ModelFile> &model) {
  constexpr int64_t most = 6, mostJudges = 3;
  int64_t samples = context.data.size(), count = samples < most ? 1 : most;
  std::vector<std::string> tensors;
  for (auto [tensor, number] : llvm::zip_equal(context.plan.tensors, context.plan.classes))
    if (!tensorOf[number].empty() && canSearch(tensor))
      tensors.push_back(tensor);
  auto parts = calibrateInParts(model, tensors, context.data, count, context.calibrate);
  if (!parts)
    return parts.takeError();
  for (int64_t number = 0; number < count; ++number) {
    std::vector<int64_t> judges;
    for (int64_t sample = number; sample < samples; sample += count)
      if (static_cast<int64_t>(judges.size()) < mostJudges || count == 1)
        judges.push_back(sample);
    llvm::StringMap<Histogram> others;
    for (auto [part, histograms] : llvm::enumerate(*parts))
      if (static_cast<int64_t>(part) != number || count == 1)
        for (const auto &entry : histograms)
          others[entry.first()].add(entry.second);
    folds.push_back({DataSubset(context.data, std::move(judges)), findRanges(others)});
  }
  return llvm::Error::success();
}

llvm::Error Search::prepare() {
  if (llvm::none_of(context.plan.tensors,
                    [&](const std::string &tensor) { return canSearch(tensor); }))
    return llvm::Error::success();
  llvm::Expected<std::shared_ptr<ModelFile>> adjusted = context.adjust(recipe);
  if (!adjusted)
    return adjusted.takeError();
  RangeTrialOptions options;
  options.probe = context.calibrate.probe;
  options.dtype = context.tensors.activations.dtype;
  options.shortcutsAreBytes = llvm::any_of(
      recipe.nodes, [&](const NodeRecipe &node) { return isShortcut(node, context.plan); });
  llvm::Expected<RangeTrials> made = RangeTrials::create(*adjusted, context.plan, options);
  if (!made)
    return made.takeError();
  trials = std::move(*made);
  for (auto [tensor, number] : llvm::zip_equal(context.plan.tensors, context.plan.classes))
    if (canSearch(tensor) && trials->has(number) && tensorOf[number].empty()) {
      tensorOf[number] = tensor;
      classes.push_back(number);
    }
  return classes.empty() ? llvm::Error::success() : makeFolds(*adjusted);
}

Search::Case Search::roundAll(const Ways &chosen) const {
  Case all;
  for (unsigned number : classes)
    all.emplace_back(number, chosen[number]);
  return all;
}

/// What the outputs lose in each case, over all folds.
llvm::Expected<std::vector<std::vector<TensorLoss>>> Search::measure(llvm::ArrayRef<Case> cases) {
  std::vector<std::vector<TensorLoss>> losses(cases.size());
  for (Fold &fold : folds) {
    std::vector<RangeTrial> list;
    for (const Case &each : cases) {
      RangeTrial &trial = list.emplace_back();
      for (auto [number, way] : each) {
        const TensorRecipe &entry = fold.ranges[way][tensorOf[number]];
        trial.push_back({number, entry.scales.front(), entry.zeroPoints.front()});
      }
    }
    if (llvm::Error error = trials->run(list, fold.judges, losses))
      return std::move(error);
  }
  return losses;
}

llvm::Error Search::tryAll(llvm::ArrayRef<Ways> list) {
  std::vector<Case> cases;
  for (const Ways &chosen : list)
    cases.push_back(roundAll(chosen));
  auto losses = measure(cases);
  if (!losses)
    return losses.takeError();
  for (auto [chosen, loss] : llvm::zip_equal(list, *losses))
    tried.push_back({chosen, loss, findLargestNoise(loss)});
  return llvm::Error::success();
}

/// Those that nearly all of the noise comes from, as far as a search takes no longer than all else.
llvm::Expected<std::vector<unsigned>> Search::findWorstClasses() {
  constexpr double part = 0.95;
  constexpr size_t most = 24;
  std::vector<Case> cases;
  for (unsigned number : classes)
    cases.push_back({{number, 0}});
  auto losses = measure(cases);
  if (!losses)
    return losses.takeError();
  std::vector<std::pair<double, unsigned>> byNoise;
  double all = 0, taken = 0;
  for (auto [number, loss] : llvm::zip_equal(classes, *losses)) {
    byNoise.emplace_back(findLargestNoise(loss), number);
    all += byNoise.back().first;
  }
  llvm::sort(byNoise, std::greater<>());
  std::vector<unsigned> worst;
  for (auto [noise, number] : byNoise)
    if (taken < part * all && worst.size() < most) {
      worst.push_back(number);
      taken += noise;
    }
  return worst;
}

/// The best way for each of the worst classes alone. Another one than the first, which is that so
/// far, has to be worth something.
llvm::Expected<Search::Case> Search::chooseForWorst(llvm::ArrayRef<size_t> likely) {
  constexpr double mostLeft = 0.9;
  llvm::Expected<std::vector<unsigned>> worst = findWorstClasses();
  if (!worst)
    return worst.takeError();
  std::vector<Case> cases;
  for (unsigned number : *worst)
    for (size_t way : likely)
      cases.push_back({{number, way}});
  auto losses = measure(cases);
  if (!losses)
    return losses.takeError();
  Case chosen;
  for (auto [i, number] : llvm::enumerate(*worst)) {
    std::vector<double> noise;
    for (size_t way = 0; way < likely.size(); ++way)
      noise.push_back(findLargestNoise((*losses)[i * likely.size() + way]));
    size_t best = llvm::min_element(noise) - noise.begin();
    chosen.emplace_back(number, likely[noise[best] < mostLeft * noise.front() ? best : 0]);
  }
  return chosen;
}

llvm::Error Search::adopt(const Ways &chosen) {
  for (auto [tensor, number] : llvm::zip_equal(context.plan.tensors, context.plan.classes))
    if (!tensorOf[number].empty() && canSearch(tensor))
      recipe.findTensor(tensor)->method = ways[chosen[number]].str();
  return context.recalibrate(recipe);
}

llvm::Expected<std::optional<RangeSearchReport>> Search::run() {
  constexpr size_t mostLikely = 5;
  // Another way than the first has to be worth something.
  constexpr double mostLeft = 0.95;
  if (llvm::Error error = prepare())
    return std::move(error);
  if (classes.empty())
    return std::nullopt;
  std::vector<Ways> same;
  for (size_t way = 0; way < ways.size(); ++way)
    same.emplace_back(tensorOf.size(), way);
  if (llvm::Error error = tryAll(same))
    return std::move(error);
  // The best ways for all tensors, and the one so far in front of them.
  std::vector<size_t> order(ways.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin() + 1, order.end(),
            [&](size_t a, size_t b) { return tried[a].noise < tried[b].noise; });
  order.resize(std::min(order.size(), mostLikely));
  llvm::Expected<Case> worst = chooseForWorst(order);
  if (!worst)
    return worst.takeError();
  // The other classes all get the way so far, or all the one that is best for all.
  std::vector<Ways> mixed = {same[order[0]], same[order[1]]};
  for (Ways &chosen : mixed)
    for (auto [number, way] : *worst)
      chosen[number] = way;
  if (llvm::Error error = tryAll(mixed))
    return std::move(error);
  // One loud sample must not decide against all others.
  const Tried &before = tried.front();
  std::vector<double> noiseBefore = findSampleNoise(before.losses);
  const Tried *best = &before;
  NoiseChange change;
  for (const Tried &other : llvm::ArrayRef(tried).drop_front()) {
    NoiseChange own = NoiseChange::find(noiseBefore, findSampleNoise(other.losses));
    if (other.noise < best->noise && own.mean <= own.standardError) {
      best = &other;
      change = own;
    }
  }
  RangeSearchReport report{before.noise, best->noise, change,
                           best->noise < mostLeft * before.noise};
  if (report.isBetter)
    if (llvm::Error error = adopt(best->chosen))
      return std::move(error);
  return report;
}

llvm::Expected<std::optional<RangeSearchReport>> searchRanges(Recipe &recipe,
                                                              const RepairContext &context) {
  return Search(recipe, context).run();
}

} // namespace tenon::quantize
