// Ranges of activations that cost the outputs little (see the header).

#include "lib/Quantize/RangeSearch.h"
#include "lib/Quantize/FainterSamples.h"
#include "lib/Quantize/RangeTrials.h"
#include "llvm/ADT/STLExtras.h"
#include <numeric>

namespace tenon::quantize {

namespace {

/// Classes that are searched one by one, and ways that are tried for each of them, at most.
constexpr size_t mostWorst = 24, mostLikely = 5;

/// Of each class the number of its way.
using Ways = std::vector<size_t>;

/// Samples that judge ranges which the others say, by each way.
struct Fold {
  DataSubset judges;
  /// One of them, where that tells enough.
  DataSubset first;
  std::vector<TensorRecipes> ranges;
};

/// One class, rounded in one way.
struct Racer {
  unsigned number;
  size_t way;
  std::vector<TensorLoss> losses;

  double noise() const { return findLargestNoise(losses); }
};

/// One use of searchRanges.
class Search {
public:
  Search(Recipe &recipe, const RepairContext &context, double allNoise)
      : recipe(recipe), context(context), allNoise(allNoise), ways(listWays(context.tensors.range)),
        tensorOf(context.plan.tensors.size()) {}

  llvm::Expected<std::optional<RangeSearchReport>> run();

private:
  /// What is rounded in a trial, and how.
  using Case = std::vector<std::pair<unsigned, size_t>>;
  /// Of each case, and output.
  using Losses = std::vector<std::vector<TensorLoss>>;

  /// The one that is used without a search comes first.
  static std::vector<RangeOptions> listWays(const RangeOptions &used);
  bool canSearch(const std::string &tensor) const;
  llvm::Error prepare();
  std::vector<TensorRecipes> findRanges(const llvm::StringMap<Histogram> &histograms) const;
  llvm::Error makeFolds(const std::shared_ptr<ModelFile> &model);
  Case roundAll(const Ways &chosen) const;
  llvm::Expected<Losses> measure(llvm::ArrayRef<Case> cases);
  llvm::Error runFold(const Fold &fold, DataSource &judges, llvm::ArrayRef<Case> cases,
                      Losses &losses);
  llvm::Error runRacers(Fold &fold, std::vector<Racer> &racers);
  int64_t countJudges() const;
  void plan(int64_t more);
  llvm::Error tryAll(llvm::ArrayRef<Ways> list);
  llvm::Expected<std::vector<unsigned>> findWorstClasses();
  llvm::Expected<Case> chooseForWorst(llvm::ArrayRef<size_t> likely);
  llvm::Expected<bool> trySameWays();
  llvm::Error tryMixedWays();
  llvm::Error adopt(const Ways &chosen);

  Recipe &recipe;
  const RepairContext &context;
  /// Of the outputs with all of the recipe, weights included.
  double allNoise;
  std::vector<RangeOptions> ways;
  /// Of each class of the plan, a tensor of it; empty where there is nothing to search.
  std::vector<std::string> tensorOf;
  std::vector<unsigned> classes;
  std::vector<Fold> folds;
  std::optional<RangeTrials> trials;
  /// Runs, and those that are likely to come.
  int64_t done = 0, planned = 0;
  /// How often each sample is looked at.
  int64_t times = 1;
  /// What was tried with all classes rounded, and what the outputs lost.
  struct Tried {
    Ways chosen;
    std::vector<TensorLoss> losses;
    double noise;
  };
  std::vector<Tried> tried;

  RangeSearchReport compare(const Tried *&best) const;
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
  auto parts = calibrateInParts(model, tensors, context.data, count,
                                context.showCalibration("calibrating in parts"));
  if (!parts)
    return parts.takeError();
  for (int64_t number = 0; number < count; ++number) {
    std::vector<int64_t> judges;
    for (int64_t sample = number; sample < samples; sample += count)
      if (static_cast<int64_t>(judges.size()) < mostJudges || count == 1)
        judges.push_back(sample);
    DataSubset first(context.data, {judges.front()});
    llvm::StringMap<Histogram> others;
    for (auto [part, histograms] : llvm::enumerate(*parts))
      if (static_cast<int64_t>(part) != number || count == 1)
        for (const auto &entry : histograms)
          others[entry.first()].add(entry.second);
    folds.push_back(
        {DataSubset(context.data, std::move(judges)), std::move(first), findRanges(others)});
    if (context.progress)
      context.progress("finding ranges", number + 1, count);
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
  options.progress = [this] {
    if (context.progress)
      context.progress("searching ranges", ++done, planned);
  };
  llvm::Expected<RangeTrials> made = RangeTrials::create(*adjusted, context.plan, options);
  if (!made)
    return made.takeError();
  trials = std::move(*made);
  constexpr int64_t wanted = 72;
  times = chooseTimes(trials->getSession(), context.data, wanted);
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

int64_t Search::countJudges() const {
  int64_t count = 0;
  for (const Fold &fold : folds)
    count += fold.judges.size();
  return count;
}

/// Beside the runs so far, there are likely to be so many, and those with all rounded at last.
void Search::plan(int64_t more) {
  constexpr int64_t mixed = 2;
  planned = done + more + countJudges() * times * (1 + mixed);
}

/// Adds what the outputs lose in each case for the samples of a fold.
llvm::Error Search::runFold(const Fold &fold, DataSource &judges, llvm::ArrayRef<Case> cases,
                            Losses &losses) {
  std::vector<RangeTrial> list;
  for (const Case &each : cases) {
    RangeTrial &trial = list.emplace_back();
    for (auto [number, way] : each) {
      const TensorRecipe &entry = fold.ranges[way].find(tensorOf[number])->second;
      trial.push_back({number, entry.scales.front(), entry.zeroPoints.front()});
    }
  }
  return trials->run(list, judges, losses);
}

/// What the outputs lose in each case, over all folds.
llvm::Expected<Search::Losses> Search::measure(llvm::ArrayRef<Case> cases) {
  Losses losses(cases.size());
  for (Fold &fold : folds) {
    FainterSamples varied(fold.judges, times);
    if (llvm::Error error = runFold(fold, varied, cases, losses))
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
/// One sample of each fold is enough to tell which these are.
llvm::Expected<std::vector<unsigned>> Search::findWorstClasses() {
  constexpr double part = 0.95, leastShare = 0.01;
  std::vector<Case> cases;
  for (unsigned number : classes)
    cases.push_back({{number, 0}});
  Losses losses(cases.size());
  for (Fold &fold : folds)
    if (llvm::Error error = runFold(fold, fold.first, cases, losses))
      return std::move(error);
  std::vector<std::pair<double, unsigned>> byNoise;
  double all = 0, taken = 0;
  for (auto [number, loss] : llvm::zip_equal(classes, losses)) {
    byNoise.emplace_back(findLargestNoise(loss), number);
    all += byNoise.back().first;
  }
  llvm::sort(byNoise, std::greater<>());
  std::vector<unsigned> worst;
  for (auto [noise, number] : byNoise)
    if (taken < part * all && noise >= leastShare * all && worst.size() < mostWorst) {
      worst.push_back(number);
      taken += noise;
    }
  return worst;
}

/// Takes ways out of the race that are far behind the best one of their class.
static void dropLosers(std::vector<Racer> &racers) {
  constexpr double behind = 1.4;
  llvm::DenseMap<unsigned, double> least;
  for (const Racer &racer : racers) {
    auto [entry, isNew] = least.try_emplace(racer.number, racer.noise());
    entry->second = std::min(entry->second, racer.noise());
  }
  llvm::erase_if(racers, [&](const Racer &racer) {
    return racer.noise() > behind * least.lookup(racer.number);
  });
}

llvm::Error Search::runRacers(Fold &fold, std::vector<Racer> &racers) {
  std::vector<Case> cases;
  Losses losses;
  for (Racer &racer : racers) {
    cases.push_back({{racer.number, racer.way}});
    losses.push_back(std::move(racer.losses));
  }
  if (llvm::Error error = runFold(fold, fold.judges, cases, losses))
    return error;
  for (auto [racer, loss] : llvm::zip_equal(racers, losses))
    racer.losses = std::move(loss);
  return llvm::Error::success();
}

/// The best way for each of the worst classes alone. Another one than the first, which is that so
/// far, has to be worth something.
llvm::Expected<Search::Case> Search::chooseForWorst(llvm::ArrayRef<size_t> likely) {
  constexpr double mostLeft = 0.9;
  llvm::Expected<std::vector<unsigned>> worst = findWorstClasses();
  if (!worst)
    return worst.takeError();
  std::vector<Racer> racers;
  for (unsigned number : *worst)
    for (size_t way : likely)
      racers.push_back({number, way, {}});
  int64_t left = countJudges();
  for (Fold &fold : folds) {
    plan(left + static_cast<int64_t>(racers.size()) * left);
    if (llvm::Error error = runRacers(fold, racers))
      return std::move(error);
    left -= fold.judges.size();
    dropLosers(racers);
  }
  plan(0);
  Case chosen;
  for (unsigned number : *worst) {
    const Racer *best = nullptr;
    for (const Racer &racer : racers)
      if (racer.number == number &&
          (!best || racer.noise() < (best->way == 0 ? mostLeft : 1) * best->noise()))
        best = &racer;
    chosen.emplace_back(number, best->way);
  }
  return chosen;
}

llvm::Error Search::adopt(const Ways &chosen) {
  for (auto [tensor, number] : llvm::zip_equal(context.plan.tensors, context.plan.classes))
    if (!tensorOf[number].empty() && canSearch(tensor))
      recipe.findTensor(tensor)->method = ways[chosen[number]].str();
  return context.recalibrate(recipe);
}

/// All classes in one way, for each of them. False if what rounds activations is so little of all
/// noise that ranges cannot matter.
llvm::Expected<bool> Search::trySameWays() {
  constexpr double leastShare = 0.1;
  plan(countJudges() * times * static_cast<int64_t>(2 + ways.size()) +
       static_cast<int64_t>(folds.size() * (1 + classes.size())) +
       countJudges() * static_cast<int64_t>(std::min(mostWorst, classes.size()) * mostLikely));
  std::vector<Ways> same;
  for (size_t way = 0; way < ways.size(); ++way)
    same.emplace_back(tensorOf.size(), way);
  if (llvm::Error error = tryAll(llvm::ArrayRef(same).take_front()))
    return std::move(error);
  if (tried.front().noise < leastShare * allNoise)
    return false;
  if (llvm::Error error = tryAll(llvm::ArrayRef(same).drop_front()))
    return std::move(error);
  return true;
}

/// The worst classes in their own ways; the others all get the way so far, or all the one that is
/// best for all.
llvm::Error Search::tryMixedWays() {
  // The best ways for all tensors, and the one so far in front of them.
  std::vector<size_t> order(ways.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin() + 1, order.end(),
            [&](size_t a, size_t b) { return tried[a].noise < tried[b].noise; });
  order.resize(std::min(order.size(), mostLikely));
  llvm::Expected<Case> worst = chooseForWorst(order);
  if (!worst)
    return worst.takeError();
  std::vector<Ways> mixed = {tried[order[0]].chosen, tried[order[1]].chosen};
  for (Ways &chosen : mixed)
    for (auto [number, way] : *worst)
      chosen[number] = way;
  return tryAll(mixed);
}

/// What leaves least noise. One loud sample must not decide against all others.
RangeSearchReport Search::compare(const Tried *&best) const {
  // Another way than the first has to be worth something.
  constexpr double mostLeft = 0.95;
  const Tried &before = tried.front();
  std::vector<double> noiseBefore = takeMeans(findSampleNoise(before.losses), times);
  best = &before;
  NoiseChange change;
  for (const Tried &other : llvm::ArrayRef(tried).drop_front()) {
    NoiseChange own =
        NoiseChange::find(noiseBefore, takeMeans(findSampleNoise(other.losses), times));
    if (other.noise < best->noise && own.mean <= own.standardError) {
      best = &other;
      change = own;
    }
  }
  return {before.noise, best->noise, change, best->noise < mostLeft * before.noise};
}

llvm::Expected<std::optional<RangeSearchReport>> Search::run() {
  if (llvm::Error error = prepare())
    return std::move(error);
  if (classes.empty())
    return std::nullopt;
  llvm::Expected<bool> matters = trySameWays();
  if (!matters)
    return matters.takeError();
  if (!*matters)
    return std::nullopt;
  if (llvm::Error error = tryMixedWays())
    return std::move(error);
  const Tried *best = nullptr;
  RangeSearchReport report = compare(best);
  if (report.isBetter)
    if (llvm::Error error = adopt(best->chosen))
      return std::move(error);
  return report;
}

llvm::Expected<std::optional<RangeSearchReport>>
searchRanges(Recipe &recipe, const RepairContext &context, double allNoise) {
  return Search(recipe, context, allNoise).run();
}

} // namespace tenon::quantize
