// A knapsack with conversions: choose c(g) for each group so that
//
//     Σ time(g, c(g)) + Σ conversions between neighbours of different format      is least, with
//     Σ noise(g, c(g)) <= limit.
//
// For a price λ of noise, the sum of time + λ noise is minimized without the limit: from each of
// several starts, groups change to what is best beside their neighbours until none does. (Starts in
// which all groups have the same format are needed: where a conversion costs more than one group
// gains, groups gain together or not at all.) The price is searched by bisection for the least at
// which the limit holds. What is then left of the limit is spent on single groups, those first that
// save most time for their noise.

#include "lib/Quantize/Assign.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <limits>
#include <queue>

namespace tenon::quantize {

/// Whether choices need a conversion between two groups.
static bool isConverted(const AssignmentProblem &problem, const Neighbours &pair,
                        llvm::ArrayRef<unsigned> choices) {
  auto formatOf = [&](unsigned group) { return problem.groups[group][choices[group]].format; };
  return formatOf(pair.first) != formatOf(pair.second);
}

double totalTime(const AssignmentProblem &problem, llvm::ArrayRef<unsigned> choices) {
  double time = 0;
  for (auto [group, choice] : llvm::zip_equal(problem.groups, choices))
    time += group[choice].time;
  for (const Neighbours &pair : problem.neighbours)
    if (isConverted(problem, pair, choices))
      time += pair.time;
  return time;
}

int64_t countConversions(const AssignmentProblem &problem, llvm::ArrayRef<unsigned> choices) {
  return llvm::count_if(problem.neighbours, [&](const Neighbours &pair) {
    return isConverted(problem, pair, choices);
  });
}

double totalNoise(const AssignmentProblem &problem, llvm::ArrayRef<unsigned> choices) {
  double noise = 0;
  for (auto [group, choice] : llvm::zip_equal(problem.groups, choices))
    noise += group[choice].noise;
  return noise;
}

namespace {

class Solver {
public:
  explicit Solver(const AssignmentProblem &problem)
      : problem(problem), neighboursOf(problem.groups.size()) {
    for (const Neighbours &pair : problem.neighbours) {
      neighboursOf[pair.first].push_back({pair.second, pair.time});
      neighboursOf[pair.second].push_back({pair.first, pair.time});
    }
  }

  Choices solve(double limit) const;

private:
  struct Neighbour {
    unsigned group;
    double time;
  };

  double timeOf(unsigned group, unsigned choice, const Choices &choices) const;
  void settle(Choices &choices, double price) const;
  Choices minimize(double price) const;
  void spend(Choices &choices, double limit) const;
  void raiseUseless(Choices &choices) const;
  double costOf(const Choices &choices, double price) const {
    return totalTime(problem, choices) + price * totalNoise(problem, choices);
  }

  const AssignmentProblem &problem;
  std::vector<llvm::SmallVector<Neighbour, 4>> neighboursOf;
};

} // namespace

/// The time of a group with a choice, beside its neighbours.
double Solver::timeOf(unsigned group, unsigned choice, const Choices &choices) const {
  const Choice &own = problem.groups[group][choice];
  double time = own.time;
  for (const Neighbour &other : neighboursOf[group])
    if (problem.groups[other.group][choices[other.group]].format != own.format)
      time += other.time;
  return time;
}

/// Lets groups change until none gains by it. Each change lowers the whole cost, so this ends.
void Solver::settle(Choices &choices, double price) const {
  std::vector<bool> isWaiting(choices.size(), true);
  std::vector<unsigned> waiting;
  for (unsigned group = choices.size(); group-- > 0;)
    waiting.push_back(group);
  while (!waiting.empty()) {
    unsigned group = waiting.back();
    waiting.pop_back();
    isWaiting[group] = false;
    auto costOf = [&](unsigned choice) {
      return timeOf(group, choice, choices) + price * problem.groups[group][choice].noise;
    };
    unsigned best = choices[group];
    double least = costOf(best);
    for (unsigned choice = 0; choice < problem.groups[group].size(); ++choice)
      // Not for the last digit of a sum, or two groups might change in turns for ever.
      if (double cost = costOf(choice); cost < least - 1e-12 * std::abs(least)) {
        best = choice;
        least = cost;
      }
    if (best == choices[group])
      continue;
    choices[group] = best;
    for (const Neighbour &other : neighboursOf[group])
      if (!isWaiting[other.group]) {
        isWaiting[other.group] = true;
        waiting.push_back(other.group);
      }
  }
}

/// The best of the local minima from the starts: each group by itself, and all in one format.
Choices Solver::minimize(double price) const {
  size_t count = problem.groups.size();
  int formats = 0;
  for (const auto &group : problem.groups)
    for (const Choice &choice : group)
      formats = std::max(formats, choice.format + 1);
  Choices best(count, 0);
  settle(best, price);
  for (int format = -1; format < formats; ++format) {
    Choices start(count, 0);
    for (unsigned group = 0; group < count; ++group) {
      double least = std::numeric_limits<double>::infinity();
      for (auto [number, choice] : llvm::enumerate(problem.groups[group]))
        if (double cost = choice.time + price * choice.noise;
            (format < 0 || choice.format == format) && cost < least) {
          start[group] = number;
          least = cost;
        }
    }
    settle(start, price);
    if (costOf(start, price) < costOf(best, price))
      best = std::move(start);
  }
  return best;
}

/// Spends what is left of the limit on changes of single groups.
void Solver::spend(Choices &choices, double limit) const {
  struct Change {
    double worth;
    unsigned group, choice;
    bool operator<(const Change &other) const { return worth < other.worth; }
  };
  std::priority_queue<Change> changes;
  auto timeSaved = [&](unsigned group, unsigned choice) {
    return timeOf(group, choices[group], choices) - timeOf(group, choice, choices);
  };
  auto noiseAdded = [&](unsigned group, unsigned choice) {
    return problem.groups[group][choice].noise - problem.groups[group][choices[group]].noise;
  };
  auto offer = [&](unsigned group) {
    for (unsigned choice = 0; choice < problem.groups[group].size(); ++choice)
      if (double saved = timeSaved(group, choice); saved > 0) {
        double noise = std::max(noiseAdded(group, choice), std::numeric_limits<double>::min());
        changes.push({saved / noise, group, choice});
      }
  };
  for (unsigned group = 0; group < choices.size(); ++group)
    offer(group);
  double noise = totalNoise(problem, choices);
  while (!changes.empty()) {
    Change change = changes.top();
    changes.pop();
    // What was offered before a neighbour changed may be wrong by now.
    double added = noiseAdded(change.group, change.choice);
    if (timeSaved(change.group, change.choice) <= 0 || noise + added > limit)
      continue;
    noise += added;
    choices[change.group] = change.choice;
    offer(change.group);
    for (const Neighbour &other : neighboursOf[change.group])
      offer(other.group);
  }
}

/// Gives groups that save no time their first choice back. That may leave neighbours without gain.
void Solver::raiseUseless(Choices &choices) const {
  for (bool changed = true; changed;) {
    changed = false;
    for (unsigned group = 0; group < choices.size(); ++group)
      if (choices[group] != 0 &&
          timeOf(group, choices[group], choices) >= timeOf(group, 0, choices)) {
        choices[group] = 0;
        changed = true;
      }
  }
}

Choices Solver::solve(double limit) const {
  auto holds = [&](const Choices &choices) { return totalNoise(problem, choices) <= limit; };
  Choices best = minimize(0);
  if (!holds(best)) {
    // With noise and times of any units, the price may be any number: first it grows fast.
    double low = 0, high = totalTime(problem, Choices(problem.groups.size(), 0)) /
                           std::max(limit, std::numeric_limits<double>::min());
    best.assign(problem.groups.size(), 0);
    for (int step = 0; step < 60; ++step) {
      double price = low == 0 ? high * std::exp2(-step) : std::sqrt(low * high);
      Choices choices = minimize(price);
      if (holds(choices)) {
        high = price;
        if (totalTime(problem, choices) < totalTime(problem, best))
          best = std::move(choices);
      } else {
        low = price;
        if (step > 0 && high / low < 1.001)
          break;
      }
    }
    spend(best, limit);
  }
  raiseUseless(best);
  return best;
}

Choices assignPrecisions(const AssignmentProblem &problem, double limit) {
  return Solver(problem).solve(limit);
}

} // namespace tenon::quantize
